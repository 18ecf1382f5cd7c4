use super::shown::task_trees::ask_at_limit;
use super::task_trees::page;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: limit
    let (start, stop) = (Instant::now(), CancellationToken::new());
    let pages = [[1, 3], [4, 5]].map(|parts| page(stop.clone(), parts));
    let limit = Duration::from_millis(35);
    if let Err(error) = ask_at_limit(limit, &stop, pages).await {
        println!("{error}");
    }
    println!("the folder is deleted after {:?}", start.elapsed());
    // ANCHOR_END: limit
}

use super::shown::task_sets::all_until;
use super::task_sets::download;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: limit
    let start = Instant::now();
    let limit = Duration::from_millis(35);
    match all_until(sleep(limit), [1, 3, 4].map(download)).await {
        Ok(parts) => println!("{} parts are here", parts.len()),
        Err(error) => println!("{error}"),
    }
    println!("the folder is deleted after {:?}", start.elapsed());
    // ANCHOR_END: limit
}

use super::select_or_not::shop;
use super::shown::select_or_not::one_queue;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let town = shop([(10, "tea"), (40, "2")]);
    let web = shop([(20, "milk"), (30, "1")]);
    // ANCHOR: stop
    let mut queue = one_queue(vec![town, web]);
    let stop = CancellationToken::new();
    let evening = stop.clone();
    tokio::spawn(async move {
        sleep(Duration::from_millis(35)).await;
        evening.cancel();
    });
    let work = async {
        while let Some(order) = queue.recv().await {
            println!("{order}");
        }
    };
    if stop.run_until_cancelled(work).await.is_none() {
        println!("we are closed");
    }
    // ANCHOR_END: stop
}

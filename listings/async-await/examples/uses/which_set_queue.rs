use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::task::JoinQueue;

// ANCHOR: queue
/// Chapter 1 needs the longest.
async fn chapter(number: u64) -> u64 {
    sleep(Duration::from_millis(40 - 10 * number)).await;
    number
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let set: JoinSet<_> = [1, 2, 3].map(chapter).into_iter().collect();
    println!("JoinSet: {:?}", set.join_all().await);
    let queue: JoinQueue<_> = [1, 2, 3].map(chapter).into_iter().collect();
    println!("JoinQueue: {:?}", queue.join_all().await);
}
// ANCHOR_END: queue

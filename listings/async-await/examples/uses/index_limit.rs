use super::index::write;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: limit
    let mut writes = JoinSet::new();
    for number in [1, 3, 4] {
        writes.spawn(write(number));
    }
    // A future that waits for all tasks. It does nothing until it is awaited.
    let all = async { while writes.join_next().await.is_some() {} };
    if timeout(Duration::from_millis(35), all).await.is_err() {
        println!("{} of three orders is not written in time", writes.len());
        writes.shutdown().await;
    }
    // ANCHOR_END: limit
}

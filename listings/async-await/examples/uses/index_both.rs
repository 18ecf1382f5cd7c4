use super::index::write;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Writes one order after another, until it is asked to stop.
async fn write_all(stop: CancellationToken) {
    for number in [1, 3, 4] {
        if stop.is_cancelled() {
            return;
        }
        write(number).await;
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(write_all(stop.clone()));
    sleep(Duration::from_millis(35)).await;
    // ANCHOR: both
    stop.cancel();
    let all = async { while tasks.join_next().await.is_some() {} };
    if timeout(Duration::from_millis(2), all).await.is_err() {
        println!("{} task does not stop in time", tasks.len());
        tasks.shutdown().await;
    }
    println!("stopped");
    // ANCHOR_END: both
}

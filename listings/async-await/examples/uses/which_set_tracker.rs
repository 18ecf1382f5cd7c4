use super::shown::which_set::drain;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

// ANCHOR: tracker
/// In your program: serves a connection. Each of its requests needs so many ms.
async fn connection(stop: CancellationToken, millis: u64) {
    while !stop.is_cancelled() {
        sleep(Duration::from_millis(millis)).await;
    }
    println!("a connection with requests of {millis} ms is closed");
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let tracker = TaskTracker::new();
    let stop = CancellationToken::new();
    for millis in [20, 50, 3_600_000] {
        tracker.spawn(connection(stop.clone(), millis));
    }
    sleep(Duration::from_millis(105)).await; // the server runs for a while
    println!("{:?}", drain(&tracker, &stop, Duration::from_secs(5)).await);
}
// ANCHOR_END: tracker

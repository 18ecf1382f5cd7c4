use super::index::write;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

// ANCHOR: stop
/// Writes one order after another, until it is asked to stop.
async fn write_all(stop: CancellationToken) {
    for number in [1, 3, 4] {
        if stop.is_cancelled() {
            println!("order {number} is not begun");
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
    stop.cancel();
    tasks.join_all().await;
    println!("stopped");
}
// ANCHOR_END: stop

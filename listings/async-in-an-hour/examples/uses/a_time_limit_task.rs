use super::a_time_limit::take_order;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: task
    let start = Instant::now();
    let task = tokio::spawn(take_order());
    match timeout(Duration::from_millis(50), task).await {
        Ok(ended) => println!("the task has ended: {ended:?}"),
        Err(_) => println!("too late, after {:?}", start.elapsed()),
    }
    sleep(Duration::from_millis(100)).await; // keeps `main` and the runtime alive
    // ANCHOR_END: task
}

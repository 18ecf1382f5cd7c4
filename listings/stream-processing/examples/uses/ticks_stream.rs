use super::shown::ticks::{at_each, ticks};
use super::ticks::health_check;
use futures::StreamExt;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: at_each
    let start = Instant::now();
    let period = Duration::from_secs(1);
    let first = start + period; // not at once, but after one period
    // ANCHOR: three
    let checks = ticks(first, period, MissedTickBehavior::Skip)
        .expect("the period is not zero")
        .take(3);
    // ANCHOR_END: three
    at_each(checks, async |due| {
        println!("due at {:?}, begins at {:?}", due - start, start.elapsed());
        health_check(1).await;
    })
    .await;
    // ANCHOR_END: at_each
}

use super::shown::ticks::{count_and_report, ticks};
use futures::StreamExt;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: report
    let start = Instant::now();
    let each = |first, millis| {
        let first = start + Duration::from_millis(first);
        let period = Duration::from_millis(millis);
        ticks(first, period, MissedTickBehavior::Skip).expect("the period is not zero")
    };
    let messages = each(10, 40).take(9); // in your program: a channel or a socket
    let report = |count| println!("{:?}: {count} messages", start.elapsed());
    let total = count_and_report(messages, each(100, 100), report).await;
    println!("{:?}: the end, {total} messages", start.elapsed());
    // ANCHOR_END: report
}

use std::time::Duration;

use futures::StreamExt;
use stream_processing::ticks::{ZeroPeriod, ticks};
use tokio::time::{Instant, MissedTickBehavior, sleep};

/// At work: a call to the service that you watch. The second call is slow.
async fn health_check(number: u32) {
    let millis = if number == 2 { 2300 } else { 100 };
    sleep(Duration::from_millis(millis)).await;
}

// The clock is paused, so the times are exact. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), ZeroPeriod> {
    let start = Instant::now();
    let second = Duration::from_secs(1);
    let mut ticks = ticks(start, second, MissedTickBehavior::Skip)?;
    for number in 1..=5 {
        let Some(due) = ticks.next().await else { break };
        let (due, now) = (due - start, start.elapsed());
        println!("check {number}: due at {due:?}, begins at {now:?}");
        health_check(number).await;
    }
    Ok(())
}

use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// At work: a call to the service that you watch. The second call is slow.
pub(crate) async fn health_check(number: u32) {
    let millis = if number == 2 { 2300 } else { 100 };
    sleep(Duration::from_millis(millis)).await;
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for number in 1..=5 {
        let due = ticks.tick().await;
        let now = start.elapsed();
        println!("check {number}: due at {:?}, begins at {now:?}", due - start);
        health_check(number).await;
    }
}

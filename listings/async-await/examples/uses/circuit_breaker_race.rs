use policy::breaker::{Breaker, BreakerPolicy, InvalidBreaker, Open, Verdict};
use std::time::Duration;
use tokio::time::sleep;

// ANCHOR: race
/// Asks one host, which needs `time`. It is dropped if the other host is faster.
async fn ask(host: &Breaker, time: Duration) -> Result<Duration, Open> {
    let permit = host.try_acquire()?.dropped_as(Verdict::Unknown);
    sleep(time).await; // at work: the call
    permit.ends_as(Verdict::Success);
    Ok(time)
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), InvalidBreaker> {
    let east = Breaker::new(BreakerPolicy::default(), &mut rand::rng())?;
    let west = Breaker::new(BreakerPolicy::default(), &mut rand::rng())?;
    for _order in 1..=100 {
        tokio::select! {
            _answer = ask(&east, Duration::from_millis(20)) => {}
            _answer = ask(&west, Duration::from_millis(50)) => {}
        }
    }
    println!("east: {:?}, west: {:?}", east.state(), west.state());
    Ok(())
}
// ANCHOR_END: race

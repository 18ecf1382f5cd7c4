use policy::breaker::{Breaker, BreakerError, BreakerPolicy, InvalidBreaker};
use std::{future::pending, num::NonZeroU32, time::Duration};
use tokio::time::{Instant, error::Elapsed, sleep, timeout};

/// At work: a call of the bank. Here the bank is silent for the first 12 s.
async fn bank(start: Instant) {
    if start.elapsed() < Duration::from_secs(12) {
        pending::<()>().await; // no answer, for ever
    }
}

async fn charge(start: Instant) -> Result<(), Elapsed> {
    timeout(Duration::from_millis(500), bank(start)).await
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), InvalidBreaker> {
    let policy = BreakerPolicy {
        failures: const { NonZeroU32::new(3).unwrap() }, // in a row
        open: Duration::from_secs(5),
        jitter: Duration::ZERO, // at work: 1 s or more
        ..BreakerPolicy::default()
    };
    let breaker = Breaker::new(policy, &mut rand::rng())?;
    let start = Instant::now();
    for order in 1..=10 {
        match breaker.call(|| charge(start)).await {
            Ok(()) => println!("order {order}: paid"),
            Err(BreakerError::Inner(_)) => println!("order {order}: no answer"),
            Err(BreakerError::Open(open)) => println!("order {order}: {open}"),
        }
        sleep(Duration::from_secs(2)).await;
    }
    Ok(())
}

use async_await::recovery_order::{Client, Settings};
use policy::Transient;
use rand::{SeedableRng, rngs::SmallRng};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::{error::Error, future::pending};
use tokio::time::Instant;

#[derive(Debug, thiserror::Error)]
#[error("status 503")]
pub(crate) struct Busy;

impl Transient for Busy {
    fn transient(&self) -> bool {
        true // so a retry may help
    }
}

/// The price service. Call 1 hangs, call 3 has a price, and all others fail.
pub(crate) async fn price(calls: &AtomicU32) -> Result<u32, Busy> {
    match calls.fetch_add(1, Relaxed) + 1 {
        1 => pending().await,
        3 => Ok(120),
        _ => Err(Busy),
    }
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let mut rng = SmallRng::seed_from_u64(1); // at work: `rand::make_rng()`
    let client = Client::new(Settings::default(), &mut rng)?;
    let (calls, begin) = (AtomicU32::new(0), Instant::now());
    for request in 1..=4 {
        let answer = client.call(&mut rng, || price(&calls)).await;
        let (all, now) = (calls.load(Relaxed), begin.elapsed());
        let answer = answer.map_err(|error| error.last); // of the last attempt
        println!("{now:?}, request {request}, {all} calls: {answer:?}");
    }
    Ok(())
}

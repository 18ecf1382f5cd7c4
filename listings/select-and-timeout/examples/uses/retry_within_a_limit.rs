use policy::{Retry, Transient};
use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use select_and_timeout::retry_within_a_limit::run_within;
use std::num::NonZeroU32;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[derive(Debug, thiserror::Error)]
#[error("the warehouse is busy")]
pub(crate) struct Busy;

impl Transient for Busy {
    fn transient(&self) -> bool {
        true // the same call may succeed later
    }
}

/// At work: a request to the warehouse. Today it fails after 0.9 s.
async fn stock(attempt: u32) -> Result<u32, Busy> {
    println!("attempt {attempt}");
    sleep(Duration::from_millis(900)).await;
    Err(Busy)
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let attempts = const { NonZeroU32::new(4).unwrap() };
    let base = Duration::from_millis(500); // the longest first wait
    let limit = Some(Duration::from_secs(1)); // for each attempt
    let retry = Retry { attempts, base, limit, ..Retry::default() };
    // Here with a seed, so that the output stays the same. At work: `rand::make_rng()`.
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
    let (start, total) = (Instant::now(), Duration::from_secs(3));
    match run_within(total, &retry, &mut rng, stock).await {
        Ok(stock) => println!("{stock} left, after {:?}", start.elapsed()),
        Err(error) => println!("{error}, after {:?}", start.elapsed()),
    }
}

use super::retry_within_a_limit::Busy;
use policy::Retry;
use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use select_and_timeout::retry_within_a_limit::run_within;
use std::future::pending;
use std::num::NonZeroU32;
use std::time::Duration;
use tokio::time::{Instant, sleep};

// ANCHOR: stock
/// At work: a request. The first one fails, and the second one has no answer.
async fn stock(attempt: u32) -> Result<u32, Busy> {
    println!("attempt {attempt}");
    sleep(Duration::from_millis(300)).await;
    match attempt {
        1 => Err(Busy),
        2 => pending().await, // waits for ever
        _ => Ok(3),
    }
}
// ANCHOR_END: stock

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let attempts = const { NonZeroU32::new(4).unwrap() };
    let base = Duration::from_millis(500);
    let limit = Some(Duration::from_secs(1));
    let retry = Retry { attempts, base, limit, ..Retry::default() };
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
    let (start, total) = (Instant::now(), Duration::from_secs(3));
    match run_within(total, &retry, &mut rng, stock).await {
        Ok(stock) => println!("{stock} left, after {:?}", start.elapsed()),
        Err(error) => println!("{error}, after {:?}", start.elapsed()),
    }
}

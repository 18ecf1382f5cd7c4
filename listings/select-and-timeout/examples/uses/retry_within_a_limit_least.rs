use super::retry_within_a_limit::Busy;
use policy::Retry;
use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use select_and_timeout::retry_within_a_limit::run_within;
use std::num::NonZeroU32;
use std::time::Duration;
use tokio::time::{Instant, sleep};

async fn stock(attempt: u32) -> Result<u32, Busy> {
    println!("attempt {attempt}");
    sleep(Duration::from_millis(900)).await;
    Err(Busy)
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let attempts = const { NonZeroU32::new(4).unwrap() };
    let base = Duration::from_millis(500);
    let limit = Some(Duration::from_secs(1));
    // ANCHOR: least
    let least = Duration::from_millis(300); // no answer comes sooner
    let retry = Retry { attempts, base, limit, least, ..Retry::default() };
    // ANCHOR_END: least
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
    let (start, total) = (Instant::now(), Duration::from_secs(3));
    match run_within(total, &retry, &mut rng, stock).await {
        Ok(stock) => println!("{stock} left, after {:?}", start.elapsed()),
        Err(error) => println!("{error}, after {:?}", start.elapsed()),
    }
}

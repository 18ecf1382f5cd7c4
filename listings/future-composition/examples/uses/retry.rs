use policy::retry::{Retry, Transient};
use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use tokio::time::Instant;

#[derive(Debug, thiserror::Error)]
enum StockError {
    #[error("the warehouse is busy")]
    Busy,
    #[error("no such product")]
    Unknown,
}

impl Transient for StockError {
    fn transient(&self) -> bool {
        matches!(self, Self::Busy) // a later call may succeed
    }
}

/// At work: a request. The warehouse is busy at first.
async fn stock(product: &str, attempt: u32) -> Result<u32, StockError> {
    tokio::task::yield_now().await; // at work, this waits for the answer
    match product {
        "tea" if attempt < 3 => Err(StockError::Busy),
        "tea" => Ok(7),
        _ => Err(StockError::Unknown),
    }
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let retry = Retry::default(); // three attempts
    // A seed, so that the output stays the same. At work: `rand::make_rng()`.
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    for product in ["tea", "gold"] {
        let start = Instant::now();
        // ANCHOR: by_policy
        let answer = retry.run(&mut rng, |attempt| stock(product, attempt)).await;
        // ANCHOR_END: by_policy
        println!("{product}: {answer:?}, after {:?}", start.elapsed());
    }
}

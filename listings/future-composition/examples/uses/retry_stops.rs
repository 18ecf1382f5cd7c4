use policy::retry::{Retry, Transient};
use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use std::time::Duration;
use tokio::time::Instant;

#[derive(Debug, thiserror::Error)]
#[error("the warehouse is busy")]
struct Busy {
    come_back: Duration, // what the warehouse said in `Retry-After`
}

impl Transient for Busy {
    fn transient(&self) -> bool {
        true
    }

    fn retry_after(&self) -> Option<Duration> {
        Some(self.come_back)
    }
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let budget = Some(Duration::from_secs(2)); // our caller waits no longer
    let retry = Retry { budget, ..Retry::default() };
    // A seed, so that the output stays the same. At work: `rand::make_rng()`.
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    for come_back in [0, 1, 3600].map(Duration::from_secs) {
        let start = Instant::now();
        let stock = async |_attempt| Err::<u32, _>(Busy { come_back });
        let error = retry.run(&mut rng, stock).await.expect_err("it is busy");
        println!("come back in {come_back:?}: {error}, {:?}", start.elapsed());
    }
}

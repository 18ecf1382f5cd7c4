use async_await::fallback::{OnError, Source, with_fallbacks};
use async_await::recovery_order::{Client, Settings};
use policy::{BreakerPolicy, Limits, Retry, Transient};
use rand::{SeedableRng, rngs::SmallRng};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::{error::Error, future::pending, num::NonZeroUsize, time::Duration};
use tokio::time::{Instant, sleep};

#[derive(Debug, thiserror::Error)]
#[error("status 503")]
struct Busy;

impl Transient for Busy {
    fn transient(&self) -> bool {
        true // so a retry may help
    }
}

/// The price service. Call 1 hangs, call 3 has an answer, and all others fail.
async fn price(calls: &AtomicU32) -> Result<u32, Busy> {
    let call = calls.fetch_add(1, Relaxed) + 1;
    sleep(Duration::from_millis(50)).await;
    match call {
        1 => pending().await,
        3 => Ok(120),
        _ => Err(Busy),
    }
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let mut rng = SmallRng::seed_from_u64(1); // at work: `rand::make_rng()`
    let settings = Settings {
        retry: Retry { limit: None, ..Retry::default() }, // 3 attempts
        breaker: BreakerPolicy::default(), // opens after 5 failures in a row
        bulkhead: Limits {
            calls: NonZeroUsize::new(10).unwrap(),
            queue: 20,
            longest_wait: Duration::from_secs(1),
        },
        limit: Duration::from_millis(200), // of one call
    };
    let (client, calls) = (Client::new(settings, &mut rng)?, AtomicU32::new(0));
    for request in 1..=4 {
        let (begin, client, calls, rng) = (Instant::now(), &client, &calls, &mut rng);
        let service = Source::new("service", Duration::from_secs(3), || async move {
            client.call(rng, || price(calls)).await
        });
        let old_list =
            Source::new("old list", Duration::from_secs(1), || async { Ok(119) });
        let answered =
            with_fallbacks(service, [old_list], |_error| OnError::FallBack).await?;
        let (all, took) = (calls.load(Relaxed), begin.elapsed());
        println!("request {request}: {answered:?}, {took:?}, {all} calls so far");
    }
    Ok(())
}

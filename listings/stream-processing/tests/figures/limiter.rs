use std::error::Error;
use std::future::Future;
use std::num::NonZeroU32;
use std::time::Duration;

use backend::figure::{Figure, try_lane};
use futures::future::join_all;
use policy::limiter::{Limiter, Rate};
use stream_processing::rate_limit::naive::SleepInTheLock;
use tokio::time::timeout;

const SECOND: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_millis(4500);
const ONE: NonZeroU32 = NonZeroU32::MIN;

/// Ten callers at once.
async fn ten<F, E>(call: impl Fn() -> F)
where
    F: Future<Output = Result<(), E>> + Send,
    E: Error + Send + 'static,
{
    join_all((1..=10).map(|n| try_lane(&format!("caller {n}"), call()))).await;
}

#[test]
fn limiter() {
    Figure::new("limiter", "One a second, for ten callers with 4.5 s each")
        .panel("a lock held asleep, and a timeout", async || {
            let lock = SleepInTheLock::new(SECOND);
            ten(|| timeout(PATIENCE, lock.acquire())).await;
        })
        .panel("the limiter", async || {
            let rate = Rate { tokens: ONE, per: SECOND, burst: ONE };
            let limiter = Limiter::new(rate).unwrap();
            ten(|| limiter.acquire_within(ONE, PATIENCE)).await;
        })
        .check();
}

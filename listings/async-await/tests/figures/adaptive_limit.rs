use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use backend::figure::{Figure, tally};
use backend::workers::Workers;
use futures::FutureExt;
use policy::adaptive_limit::AdaptiveLimit;
use policy::bulkhead::{Bulkhead, Limits};
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// A seventieth of the run, the width of a bar.
const BAR: Duration = Duration::from_millis(300);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A call each 8 ms; each is dropped after 180 ms. Half of the workers go after ten seconds.
async fn half_of_the_workers_go<F>(call: impl Fn(Arc<Workers>) -> F)
where
    F: Future<Output = bool> + Send + 'static,
{
    let (workers, start) = (Arc::new(Workers::new(10, ms(100))), Instant::now());
    for number in 0..2500 {
        sleep_until(start + ms(8 * number + 1)).await;
        if number == 1250 {
            workers.keep(5);
        }
        let call = call(Arc::clone(&workers));
        tokio::spawn(async move {
            if timeout(ms(180), call).await == Ok(true) {
                tally("answered");
            }
        });
    }
    sleep_until(start + 70 * BAR).await;
}

async fn with_a_fixed_limit() {
    let calls = NonZeroUsize::new(10).unwrap();
    let fixed = Bulkhead::new(Limits { calls, queue: 0, longest_wait: ms(1) });
    half_of_the_workers_go(|workers| {
        let fixed = fixed.clone();
        async move { fixed.call(|| workers.job().map(Ok::<_, ()>)).await.is_ok() }
    })
    .await;
}

async fn with_an_adaptive_limit() {
    let limit = AdaptiveLimit::new(NonZeroUsize::new(20).unwrap(), ms(150));
    let watched = limit.clone();
    tokio::spawn(async move {
        sleep(BAR / 2).await; // the middle of a bar
        loop {
            (0..watched.limit()).for_each(|_| tally("the limit"));
            sleep(BAR).await;
        }
    });
    half_of_the_workers_go(|workers| {
        let limit = limit.clone();
        async move { limit.call(|| workers.job().map(Ok::<_, ()>)).await.is_ok() }
    })
    .await;
}

#[test]
fn adaptive_limit() {
    Figure::new("adaptive-limit", "Ten workers, and five after ten seconds")
        .panel("a fixed limit of 10", with_a_fixed_limit)
        .panel("an adaptive limit", with_an_adaptive_limit)
        .check();
}

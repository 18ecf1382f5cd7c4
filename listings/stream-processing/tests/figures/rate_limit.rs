use std::future::Future;
use std::num::NonZeroU32;
use std::time::Duration;

use backend::figure::{Figure, tally};
use futures::future::join_all;
use futures::{StreamExt, stream};
use policy::limiter::{Limiter, Rate};
use stream_processing::rate_limit::naive::FixedWindow;
use tokio::time::{Instant, sleep, sleep_until};

const SECOND: Duration = Duration::from_secs(1);

/// One call at 0 ms, and 19 at 900 ms.
async fn calls<F: Future<Output = ()>>(acquire: impl Fn() -> F) {
    let call = async || {
        acquire().await;
        tally("calls");
    };
    call().await;
    sleep(Duration::from_millis(900)).await;
    join_all((0..19).map(|_| call())).await;
}

/// The same calls as items of a stream.
async fn throttled() {
    let later = Instant::now() + Duration::from_millis(900);
    let items = stream::iter(0..20).then(|item| async move {
        if item > 0 {
            sleep_until(later).await;
        }
    });
    let throttled = tokio_stream::StreamExt::throttle(items, SECOND / 10);
    throttled.take(20).for_each(|()| async { tally("calls") }).await;
}

#[test]
fn rate_limit() {
    let ten = NonZeroU32::new(10).unwrap();
    Figure::new("rate-limit", "Ten a second: one call at once, and 19 after 900 ms")
        .panel("a fixed window", async || {
            let window = FixedWindow::new(10, SECOND);
            calls(|| window.acquire()).await;
        })
        .panel("a bucket of 10", async || {
            let rate = Rate { tokens: ten, per: SECOND, burst: ten };
            let limiter = Limiter::new(rate).unwrap();
            calls(|| limiter.acquire_one()).await;
        })
        .panel("throttle", throttled)
        .check();
}

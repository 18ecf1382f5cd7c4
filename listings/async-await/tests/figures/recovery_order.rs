use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use backend::Longest;
use backend::figure::{Figure, lane, try_lane};
use backend::site::{Reply, Site, SiteError};
use policy::{Breaker, BreakerPolicy, Bulkhead, Limits, Retry};
use tokio::time::{sleep, timeout};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// One request: its first call hangs, its second one waits for a turn and fails, and that opens the breaker, so its
/// third attempt makes no call. Then the fallback answers.
async fn one_request() {
    let site = Site::default()
        .with_replies("/price", [Reply::never(), Reply::status(ms(40), 503)]);
    let policy = BreakerPolicy {
        failures: NonZeroU32::MIN.saturating_add(1),
        jitter: Duration::ZERO,
        ..BreakerPolicy::default()
    };
    let breaker = Breaker::new(policy, &mut Longest).unwrap();
    let limits = Limits { calls: NonZeroUsize::MIN, queue: 5, longest_wait: ms(500) };
    let bulkhead = Bulkhead::new(limits);
    let retry = Retry { base: ms(60), limit: None, ..Retry::default() };
    let other = bulkhead.clone();
    // Another request has the only place from 130 to 190 ms.
    let other = tokio::spawn(async move {
        sleep(ms(130)).await;
        let _place = other.acquire().await.unwrap();
        sleep(ms(60)).await;
    });
    let call = |number: u32| {
        let fetch = site.fetch("/price");
        let call = async move {
            let late = || SiteError::Status {
                path: "/price".into(),
                code: 503,
                retry_after: None,
            };
            timeout(ms(100), fetch).await.unwrap_or_else(|_elapsed| Err(late()))
        };
        try_lane(&format!("call {number}"), call)
    };
    let (bulkhead, call) = (&bulkhead, &call);
    let attempt = |number: u32| {
        let turn = move || {
            try_lane(&format!("bulkhead {number}"), bulkhead.call(move || call(number)))
        };
        try_lane(&format!("breaker {number}"), breaker.call(turn))
    };
    let mut rng = Longest;
    let asked = retry.run(&mut rng, attempt);
    try_lane("retry", asked).await.unwrap_err();
    lane("fallback", sleep(ms(30))).await;
    other.await.unwrap();
}

#[test]
fn recovery_order() {
    Figure::new("recovery-order", "One request on its way through all layers")
        .panel("one request", one_request)
        .check();
}

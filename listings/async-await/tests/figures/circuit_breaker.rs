use std::future::{pending, ready};
use std::time::Duration;

use backend::figure::{Figure, observe, tally};
use futures::future::join_all;
use futures::stream::{StreamExt, unfold};
use policy::breaker::{Breaker, BreakerError, BreakerPolicy, State};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, sleep, sleep_until, timeout};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// The bank is silent from 3 s to 14 s; an order gives up after 2 s.
async fn charge(start: Instant) -> Result<(), Elapsed> {
    let silent = ms(3000)..ms(14_000);
    tally("reach the bank");
    let bank = async {
        if silent.contains(&start.elapsed()) {
            pending::<()>().await;
        }
    };
    timeout(ms(2000), bank).await
}

/// Ten orders a second, for 25 s.
async fn orders<F: Future>(start: Instant, pay: impl Fn() -> F) {
    join_all((0..250).map(|order| {
        let pay = &pay;
        async move {
            sleep_until(start + ms(100) * order).await;
            pay().await
        }
    }))
    .await;
}

/// When it opens, and when it closes, to the millisecond.
async fn watch(start: Instant, breaker: &Breaker) {
    let states = unfold(None, |last| async move {
        while start.elapsed() < ms(24_900) {
            let state = match breaker.state() {
                State::Closed => "closes",
                State::Open { .. } => "opens",
                State::HalfOpen => "is half-open",
            };
            if last != Some(state) {
                return Some((state, Some(state)));
            }
            sleep(ms(1)).await;
        }
        None
    });
    let changes = states.skip(1).filter(|state| ready(*state != "is half-open"));
    observe("the breaker", changes).for_each(|_| ready(())).await;
}

#[test]
fn circuit_breaker() {
    Figure::new(
        "circuit-breaker",
        "Ten orders a second; the bank is silent from 3 s to 14 s",
    )
    .panel("a limit of 2 s alone", async || {
        let start = Instant::now();
        orders(start, || charge(start)).await;
    })
    .panel("the limit in a breaker: 5 failures, open for 5 s", async || {
        let policy = BreakerPolicy {
            open: ms(5000),
            jitter: Duration::ZERO,
            ..BreakerPolicy::default()
        };
        let breaker = Breaker::new(policy, &mut SmallRng::seed_from_u64(1)).unwrap();
        let start = Instant::now();
        let pay = async || {
            let paid = breaker.call(|| charge(start)).await;
            if let Err(BreakerError::Open(_)) = paid {
                tally("refused at once");
            }
        };
        tokio::join!(biased; orders(start, pay), watch(start, &breaker));
    })
    .check();
}

//! `policy`: what waits, refuses and tries again.

use std::future::{Future, ready};
use std::hint::black_box;
use std::num::{NonZeroU32, NonZeroUsize};
use std::pin::Pin;
use std::time::Duration;

use failsafe::futures::CircuitBreaker as _;
use futures::future::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use governor::{Quota, RateLimiter};
use peers::{Table, timed};
use policy::breaker::{Breaker, BreakerPolicy};
use policy::bulkhead::{Bulkhead, Limits};
use policy::limiter::{Limiter, Rate};
use policy::retry::{Retry, Transient};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::runtime::{Builder, Runtime};
use tokio_retry::strategy::FixedInterval;
use tower::limit::ConcurrencyLimit;
use tower::{ServiceExt, service_fn};

const ONE: NonZeroU32 = NonZeroU32::MIN;
const HOUR: Duration = Duration::from_hours(1);

type Wait<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

pub(crate) fn compare(table: &mut Table) {
    refusals(table);
    joins(table);
    passes(table);
    give_ups(table);
    turns(table);
    retries(table);
    breakers(table);
    bulkheads(table);
}

/// One an hour, and that one is taken.
fn ours_empty() -> Limiter {
    let limiter =
        Limiter::new(Rate { tokens: ONE, per: HOUR, burst: ONE }).expect("an hour");
    limiter.try_acquire(ONE).expect("the first");
    limiter
}

fn leaky_empty() -> leaky_bucket::RateLimiter {
    leaky_bucket::RateLimiter::builder()
        .max(1)
        .initial(0)
        .refill(1)
        .interval(HOUR)
        .build()
}

/// So many, each polled once.
fn line<'a, F: Future<Output = ()> + 'a>(
    count: usize,
    wait: impl Fn() -> F,
) -> Vec<Wait<'a>> {
    let waits = (0..count).map(|_| {
        let mut wait: Wait<'a> = Box::pin(wait());
        assert_eq!((&mut wait).now_or_never(), None);
        wait
    });
    waits.collect()
}

fn refusals(table: &mut Table) {
    const COUNT: u32 = 500;
    let (runtime, governor) = (runtime(), RateLimiter::direct(Quota::per_hour(ONE)));
    let _entered = runtime.enter();
    assert!(governor.check().is_ok());
    for length in [0, 64, 1024, 8192] {
        let limiter = ours_empty();
        let _line = line(length, || limiter.acquire_one());
        table.compare(
            &format!("`Limiter::try_acquire`, refused while {length} wait"),
            "governor, `check`",
            COUNT,
            || {
                timed(|| {
                    (0..COUNT).all(|_| black_box(limiter.try_acquire(ONE)).is_err())
                })
            },
            || timed(|| (0..COUNT).all(|_| black_box(governor.check()).is_err())),
        );
    }
}

fn joins(table: &mut Table) {
    const COUNT: usize = 64;
    let runtime = runtime();
    let _entered = runtime.enter();
    let (long, short, leaky) = (ours_empty(), ours_empty(), leaky_empty());
    let _long = line(8192, || long.acquire_one());
    let _short = line(64, || short.acquire_one());
    let _leaky = line(8192, || leaky.acquire_one());
    let join = |limiter: &Limiter| {
        let mut waits: Vec<_> =
            (0..COUNT).map(|_| Box::pin(limiter.acquire_one())).collect();
        let time = timed(|| waits.iter_mut().all(|it| it.now_or_never().is_none()));
        while waits.pop().is_some() {} // the last one first: nobody is behind it
        time
    };
    table.compare(
        "`Limiter::acquire_one`, joins a line of 8192",
        "itself, a line of 64",
        COUNT as u32,
        || join(&long),
        || join(&short),
    );
    table.compare(
        "`Limiter::acquire_one`, joins a line of 8192",
        "leaky-bucket, `acquire_one`",
        COUNT as u32,
        || join(&long),
        || {
            let mut waits: Vec<_> =
                (0..COUNT).map(|_| Box::pin(leaky.acquire_one())).collect();
            timed(|| waits.iter_mut().all(|it| it.now_or_never().is_none()))
        },
    );
}

fn passes(table: &mut Table) {
    const COUNT: u32 = 10_000;
    let most = NonZeroU32::MAX;
    let runtime = runtime();
    let _entered = runtime.enter();
    let limiter =
        Limiter::new(Rate { tokens: most, per: Duration::from_secs(1), burst: most });
    let limiter = limiter.expect("a second");
    let governor = RateLimiter::direct(Quota::per_second(most));
    let mut leaky = leaky_bucket::RateLimiter::builder();
    let leaky = leaky.max(1 << 40).initial(1 << 40).refill(1 << 20).build();
    let ours =
        || timed(|| (0..COUNT).all(|_| limiter.acquire_one().now_or_never().is_some()));
    table.compare(
        "`Limiter::acquire_one`, passes at once",
        "governor, `until_ready`",
        COUNT,
        ours,
        || {
            timed(|| {
                (0..COUNT).all(|_| governor.until_ready().now_or_never().is_some())
            })
        },
    );
    table.compare(
        "`Limiter::acquire_one`, passes at once",
        "leaky-bucket, `acquire_one`",
        COUNT,
        ours,
        || timed(|| (0..COUNT).all(|_| leaky.acquire_one().now_or_never().is_some())),
    );
    table.compare(
        "`Limiter::try_acquire`, passes",
        "governor, `check`",
        COUNT,
        || timed(|| (0..COUNT).all(|_| black_box(limiter.try_acquire(ONE)).is_ok())),
        || timed(|| (0..COUNT).all(|_| black_box(governor.check()).is_ok())),
    );
}

/// One in the middle of a line gives up, and all that it wakes are polled.
fn give_ups(table: &mut Table) {
    const COUNT: usize = 8;
    fn all<'a, F: Future<Output = ()> + 'a>(wait: impl Fn() -> F) -> Duration {
        let mut stay = FuturesUnordered::<Wait<'a>>::new();
        let mut give_up = Vec::new();
        for _ in 0..=COUNT {
            stay.extend(
                (0..8192 / (COUNT + 1)).map(|_| -> Wait<'a> { Box::pin(wait()) }),
            );
            while stay.next().now_or_never().is_some() {}
            give_up.extend(line(1, &wait));
        }
        give_up.truncate(COUNT);
        timed(|| {
            for wait in give_up {
                drop(wait);
                assert_eq!(stay.next().now_or_never(), None);
            }
        })
    }
    let runtime = runtime();
    let _entered = runtime.enter();
    table.compare(
        "`Limiter::acquire_one`, gives up in a line of 8192",
        "leaky-bucket, `acquire_one`",
        COUNT as u32,
        || {
            let limiter = ours_empty();
            all(|| limiter.acquire_one())
        },
        || {
            let limiter = leaky_empty();
            all(|| limiter.acquire_one())
        },
    );
}

/// 4096 tasks, of which each waits for its turn.
fn turns(table: &mut Table) {
    const COUNT: u32 = 4096;
    fn all<F: Future<Output = ()>>(wait: impl Fn() -> F) -> Duration {
        let runtime = runtime();
        timed(|| {
            runtime.block_on(async {
                let mut waits: FuturesUnordered<_> =
                    (0..COUNT).map(|_| wait()).collect();
                while waits.next().await.is_some() {}
            });
        })
    }
    let many = NonZeroU32::new(50_000).expect("not zero");
    let burst = NonZeroU32::new(100).expect("not zero");
    table.compare(
        "`Limiter::acquire_one`, 4096 wait for their turns",
        "governor, `until_ready`",
        COUNT,
        || {
            let rate = Rate { tokens: many, per: Duration::from_secs(1), burst };
            let limiter = Limiter::new(rate).expect("a second");
            all(|| limiter.acquire_one())
        },
        || {
            let governor =
                RateLimiter::direct(Quota::per_second(many).allow_burst(burst));
            all(|| governor.until_ready().map(drop))
        },
    );
    table.compare(
        "`Limiter::acquire_one`, 4096 wait for their turns",
        "leaky-bucket, `acquire_one`",
        COUNT,
        || {
            let rate = Rate { tokens: many, per: Duration::from_secs(1), burst };
            let limiter = Limiter::new(rate).expect("a second");
            all(|| limiter.acquire_one())
        },
        || {
            let mut leaky = leaky_bucket::RateLimiter::builder();
            let interval = Duration::from_millis(1);
            let leaky =
                leaky.max(100).initial(100).refill(50).interval(interval).build();
            all(|| leaky.acquire_one())
        },
    );
}

#[derive(Debug)]
struct Never;

impl Transient for Never {
    fn transient(&self) -> bool {
        true
    }
}

fn retries(table: &mut Table) {
    const COUNT: u32 = 10_000;
    let base = Duration::from_millis(100);
    let policy = Retry { limit: None, budget: None, ..Retry::default() };
    let mut rng = SmallRng::seed_from_u64(1);
    table.compare(
        "`Retry::run`, no budget, the first attempt succeeds",
        "tokio-retry",
        COUNT,
        || {
            let mut once = |n| {
                let run = policy.run(&mut rng, |_| ready(Ok::<_, Never>(black_box(n))));
                matches!(run.now_or_never(), Some(Ok(_)))
            };
            timed(|| (0..COUNT).all(&mut once))
        },
        || {
            let once = |n| {
                let waits = FixedInterval::new(base).take(2);
                let run = tokio_retry::Retry::start(waits, || {
                    ready(Ok::<_, Never>(black_box(n)))
                });
                matches!(run.now_or_never(), Some(Ok(_)))
            };
            timed(|| (0..COUNT).all(once))
        },
    );
}

fn breakers(table: &mut Table) {
    const COUNT: u32 = 10_000;
    let mut rng = SmallRng::seed_from_u64(1);
    let breaker =
        Breaker::new(BreakerPolicy::default(), &mut rng).expect("the default");
    let answer = || ready(Ok::<_, Never>(black_box(1)));
    let ours = || {
        let once = |_| matches!(breaker.call(answer).now_or_never(), Some(Ok(_)));
        timed(|| (0..COUNT).all(once))
    };
    let failsafe = failsafe::Config::new().build();
    table.compare(
        "`Breaker::call`, closed, a success",
        "failsafe",
        COUNT,
        ours,
        || {
            let once =
                |_| matches!(failsafe.call(answer()).now_or_never(), Some(Ok(_)));
            timed(|| (0..COUNT).all(once))
        },
    );
    let recloser = recloser::AsyncRecloser::from(recloser::Recloser::default());
    table.compare(
        "`Breaker::call`, closed, a success",
        "recloser",
        COUNT,
        ours,
        || {
            let once =
                |_| matches!(recloser.call(answer()).now_or_never(), Some(Ok(_)));
            timed(|| (0..COUNT).all(once))
        },
    );
}

fn bulkheads(table: &mut Table) {
    const COUNT: u32 = 10_000;
    let ten = NonZeroUsize::new(10).expect("not zero");
    let limits = Limits { calls: ten, queue: 10, longest_wait: HOUR };
    let bulkhead = Bulkhead::new(limits);
    let answer = || ready(Ok::<_, Never>(black_box(1)));
    let mut tower = ConcurrencyLimit::new(service_fn(move |()| answer()), 10);
    table.compare(
        "`Bulkhead::call`, a permit is free",
        "tower, `ConcurrencyLimit`",
        COUNT,
        || {
            let once = |_| matches!(bulkhead.call(answer).now_or_never(), Some(Ok(_)));
            timed(|| (0..COUNT).all(once))
        },
        || {
            let mut once = async || {
                let service = tower.ready().await?;
                tower::Service::call(service, ()).await
            };
            timed(|| (0..COUNT).all(|_| matches!(once().now_or_never(), Some(Ok(_)))))
        },
    );
}

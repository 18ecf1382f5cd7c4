//! The proofs of the page on rates that wait: `backend` knows `policy`, so they stand here.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::num::NonZeroU32;
use std::pin::{Pin, pin};
use std::time::Duration;

use backend::cancel::{after_polls, at_every_await};
use futures::future::{FutureExt, join_all};
use governor::clock::FakeRelativeClock;
use governor::{Quota, RateLimiter};
use policy::limiter::{Limiter, Rate, Refused, TooMuch, ZeroPeriod};
use policy::retry::Retry;
use proptest::prelude::*;
use tokio::runtime::{Builder, Handle};
use tokio::time::{Instant, sleep, sleep_until, timeout};

const ONE: NonZeroU32 = NonZeroU32::MIN;
const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn n(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

fn limiter(tokens: u32, per: Duration, burst: u32) -> Limiter {
    Limiter::new(Rate { tokens: n(tokens), per, burst: n(burst) }).unwrap()
}

/// 4 a second, and 5 at once.
fn four_a_second() -> Limiter {
    limiter(4, secs(1), 5)
}

/// One a second, and one at once, which has been taken.
fn one_a_second() -> Limiter {
    let limiter = limiter(1, secs(1), 1);
    limiter.try_acquire(ONE).unwrap();
    limiter
}

/// How many pass now.
fn at_once(limiter: &Limiter) -> usize {
    std::iter::from_fn(|| limiter.try_acquire(ONE).ok()).take(1000).count()
}

/// When each of these costs passes, in milliseconds, if all ask now, in this order.
async fn passes_at(
    limiter: &Limiter,
    costs: impl IntoIterator<Item = u32>,
) -> Vec<u64> {
    let start = Instant::now();
    let waits = costs.into_iter().map(|cost| async move {
        limiter.acquire(n(cost)).await.unwrap();
        start.elapsed().as_millis() as u64
    });
    join_all(waits).await
}

/// Fails where it would otherwise wait for ever.
async fn in_an_hour<F: Future>(wait: F) -> F::Output {
    timeout(HOUR, wait).await.expect("a wait in vain")
}

fn too_soon<T>(wait: Duration) -> Result<T, Refused> {
    Err(Refused::TooSoon { wait })
}

// The rate.

#[tokio::test(start_paused = true)]
async fn the_burst_passes_at_once_and_then_one_after_another() {
    let at = passes_at(&four_a_second(), [1; 9]).await;
    assert_eq!(at, [0, 0, 0, 0, 0, 250, 500, 750, 1000]);
}

#[tokio::test(start_paused = true)]
async fn after_an_idle_hour_the_burst_is_what_it_was() {
    let limiter = four_a_second();
    assert_eq!(at_once(&limiter), 5);
    sleep(HOUR).await;
    assert_eq!(at_once(&limiter), 5);
}

#[tokio::test(start_paused = true)]
async fn it_says_whether_its_bucket_is_full() {
    let limiter = four_a_second();
    assert!(limiter.is_full());
    limiter.try_acquire(n(3)).unwrap();
    assert!(!limiter.is_full());
    sleep(ms(749)).await;
    assert!(!limiter.is_full());
    sleep(ms(1)).await;
    assert!(limiter.is_full());
    sleep(HOUR).await;
    assert!(limiter.is_full());
}

#[tokio::test(start_paused = true)]
async fn while_somebody_waits_it_is_not_full_even_if_its_bucket_is() {
    let limiter = four_a_second();
    limiter.try_acquire(n(5)).unwrap();
    let mut wait = Box::pin(limiter.acquire(n(4)));
    assert_eq!(after_polls(1, wait.as_mut()).await, None);
    sleep(HOUR).await; // it has missed its turn, and still waits
    assert!(!limiter.is_full());
    drop(wait);
    assert!(limiter.is_full());
}

#[tokio::test(start_paused = true)]
async fn a_fresh_limiter_has_the_rate_and_a_full_bucket_of_its_own() {
    let limiter = four_a_second();
    limiter.try_acquire(n(5)).unwrap();
    let fresh = limiter.fresh();
    assert_eq!(at_once(&fresh), 5);
    assert_eq!(fresh.try_acquire(ONE), too_soon(ms(250)));
    sleep(ms(250)).await;
    assert_eq!((at_once(&limiter), at_once(&fresh)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn four_a_second_are_forty_in_ten_seconds() {
    let limiter = four_a_second();
    assert_eq!(at_once(&limiter), 5);
    let at = passes_at(&limiter, [1; 100]).await;
    assert_eq!(at.iter().filter(|at| **at <= 10_000).count(), 40);
    assert_eq!(at.last(), Some(&25_000));
}

#[tokio::test(start_paused = true)]
async fn no_request_passes_before_its_time_and_none_drifts() {
    // A third of a second is no whole number of nanoseconds, and the timer counts milliseconds.
    let at = passes_at(&limiter(3, secs(1), 2), [1; 1000]).await;
    let exact = (0..1000_u64).map(|k| (k.saturating_sub(1) * 1000).div_ceil(3));
    assert!(at.iter().copied().eq(exact), "{at:?}");
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_one_is_a_spacing_and_makes_up_for_nothing() {
    // 333.3 ms, and the timer rounds up.
    assert_eq!(passes_at(&limiter(3, secs(1), 1), [1; 4]).await, [0, 334, 668, 1002]);
}

#[tokio::test(start_paused = true)]
async fn who_comes_later_makes_up_for_it_out_of_the_burst() {
    let (limiter, start) = (limiter(10, secs(1), 2), Instant::now());
    let mut at = Vec::new();
    for busy in [0, 350, 0, 0, 0] {
        sleep(ms(busy)).await;
        limiter.acquire_one().await;
        at.push(start.elapsed().as_millis());
    }
    assert_eq!(at, [0, 350, 350, 450, 550]);
}

#[tokio::test(start_paused = true)]
async fn a_burst_smaller_than_what_a_millisecond_brings_lowers_the_rate() {
    // Ten a millisecond. The timer wakes once in one, and no more than the burst is there then.
    let last = async |burst| {
        let at = passes_at(&limiter(10, ms(1), burst), vec![1; 1000]).await;
        *at.last().unwrap()
    };
    assert_eq!((last(1).await, last(5).await, last(10).await), (999, 199, 99));
}

#[tokio::test(start_paused = true)]
async fn a_request_pays_its_cost() {
    let at = passes_at(&four_a_second(), [3, 2, 1, 4, 5]).await;
    assert_eq!(at, [0, 0, 250, 1250, 2500]);
}

#[tokio::test(start_paused = true)]
async fn clones_share_one_limit() {
    let limiter = four_a_second();
    let tasks = (0..3).map(|_| {
        let limiter = limiter.clone();
        tokio::spawn(async move { passes_at(&limiter, [1; 3]).await })
    });
    let mut at: Vec<_> =
        join_all(tasks).await.into_iter().flat_map(Result::unwrap).collect();
    at.sort_unstable();
    assert_eq!(at, [0, 0, 0, 0, 0, 250, 500, 750, 1000]);
}

/// Real time, so a lower bound is all there is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_share_one_limit() {
    let (limiter, start) = (limiter(1, ms(1), 10), Instant::now());
    let tasks = (0..4).map(|_| {
        let limiter = limiter.clone();
        tokio::spawn(async move {
            for _ in 0..15 {
                limiter.acquire_one().await;
            }
        })
    });
    join_all(tasks).await.into_iter().for_each(Result::unwrap);
    assert!(start.elapsed() >= ms(50), "60 of them, and 10 had tokens at the start");
    assert_eq!(limiter.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn every_wait_can_be_spawned() {
    let limiter = four_a_second();
    let shared = limiter.clone();
    tokio::spawn(async move { shared.acquire_one().await }).await.unwrap();
    let shared = limiter.clone();
    tokio::spawn(async move { shared.acquire(n(5)).await }).await.unwrap().unwrap();
    let shared = limiter.clone();
    let refused = tokio::spawn(async move { shared.acquire_within(n(5), ms(1)).await });
    assert_eq!(refused.await.unwrap(), too_soon(ms(1250)));
}

// No task, no runtime, no nonsense.

#[test]
fn outside_a_runtime_it_can_be_made_and_asked() {
    let limiter = four_a_second();
    assert_eq!(limiter.try_acquire(n(4)), Ok(()));
    assert_eq!(limiter.acquire_one().now_or_never(), Some(()));
    assert!(matches!(limiter.try_acquire(ONE), Err(Refused::TooSoon { .. })));
}

#[test]
fn outside_a_runtime_a_wait_panics_and_leaves_the_line() {
    let limiter = four_a_second();
    limiter.try_acquire(n(5)).unwrap();
    let wait = || limiter.acquire_one().now_or_never();
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(wait)).is_err());
    assert_eq!(limiter.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn it_has_no_task() {
    let limiter = one_a_second();
    let mut wait = pin!(limiter.acquire_one());
    assert_eq!(after_polls(1, wait.as_mut()).await, None);
    assert_eq!(
        (limiter.waiting(), Handle::current().metrics().num_alive_tasks()),
        (1, 0)
    );
}

#[test]
fn a_period_of_zero_is_refused() {
    let rate = Rate { tokens: ONE, per: Duration::ZERO, burst: ONE };
    assert_eq!(Limiter::new(rate).unwrap_err(), ZeroPeriod);
    assert_eq!(ZeroPeriod.to_string(), "a rate needs a period longer than zero");
}

#[tokio::test(start_paused = true)]
async fn what_costs_more_than_the_burst_is_refused_at_once() {
    let (limiter, start) = (four_a_second(), Instant::now());
    let too_much = TooMuch { cost: n(6), burst: n(5) };
    assert_eq!(in_an_hour(limiter.acquire(n(6))).await, Err(too_much));
    let refused = Err(Refused::TooMuch(too_much));
    assert_eq!(limiter.try_acquire(n(6)), refused);
    let patient = limiter.acquire_within(n(6), Duration::MAX);
    assert_eq!(in_an_hour(patient).await, refused);
    assert_eq!((start.elapsed(), at_once(&limiter)), (ms(0), 5));
}

#[tokio::test(start_paused = true)]
async fn the_longest_period_can_be_waited_for() {
    let limiter = limiter(1, Duration::MAX, u32::MAX);
    limiter.acquire(NonZeroU32::MAX).await.unwrap();
    let day = Duration::from_hours(24);
    timeout(day, limiter.acquire(NonZeroU32::MAX)).await.unwrap_err();
    timeout(day, limiter.acquire_within(ONE, Duration::MAX)).await.unwrap_err();
    let rest = Duration::MAX.saturating_sub(2 * day);
    assert_eq!(limiter.try_acquire(ONE), too_soon(rest));
    // Longer than can be said, and still not too long for who waits for ever.
    let patient = limiter.acquire_within(NonZeroU32::MAX, Duration::MAX);
    timeout(day, patient).await.unwrap_err();
    let hurried = limiter.acquire_within(NonZeroU32::MAX, rest);
    assert_eq!(in_an_hour(hurried).await, too_soon(Duration::MAX));
}

// First come, first served.

#[tokio::test(start_paused = true)]
async fn a_small_request_does_not_overtake_a_large_one() {
    let limiter = four_a_second();
    assert_eq!(at_once(&limiter), 5);
    assert_eq!(passes_at(&limiter, [5, 1, 1]).await, [1250, 1500, 1750]);
}

#[tokio::test(start_paused = true)]
async fn who_asks_without_waiting_does_not_overtake_those_who_wait() {
    let limiter = limiter(1, secs(1), 3);
    limiter.try_acquire(n(3)).unwrap();
    let mut large = pin!(limiter.acquire(n(3)));
    assert_eq!(after_polls(1, large.as_mut()).await, None);
    sleep(secs(2)).await;
    assert_eq!(limiter.try_acquire(ONE), too_soon(secs(2)), "two are there");
    sleep(secs(1)).await;
    assert_eq!(large.await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn what_is_there_beside_what_others_wait_for_can_be_taken() {
    let limiter = limiter(1, secs(1), 3);
    limiter.try_acquire(n(3)).unwrap();
    let mut first = pin!(limiter.acquire_one());
    assert_eq!(after_polls(1, first.as_mut()).await, None);
    sleep(secs(2)).await; // and nobody polls the first
    assert_eq!(limiter.try_acquire(ONE), Ok(()));
    assert_eq!(first.now_or_never(), Some(()));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_nobody_polls_holds_up_nobody() {
    let (limiter, start) = (one_a_second(), Instant::now());
    let mut asleep = pin!(limiter.acquire_one());
    assert_eq!(after_polls(1, asleep.as_mut()).await, None);
    in_an_hour(limiter.acquire_one()).await;
    assert_eq!(start.elapsed(), secs(2), "as if the first had taken its token");
}

#[tokio::test(start_paused = true)]
async fn nor_for_more_than_twenty_milliseconds_where_the_turns_are_close() {
    let (limiter, start) = (limiter(1, ms(1), 1), Instant::now());
    in_an_hour(limiter.acquire_one()).await;
    let mut asleep: Vec<_> = (0..5).map(|_| Box::pin(limiter.acquire_one())).collect();
    for wait in &mut asleep {
        assert_eq!(after_polls(1, wait).await, None);
    }
    in_an_hour(limiter.acquire_one()).await;
    // Their turns were at 1 to 5 ms. Without them it would have been 1 ms, with them 6.
    assert_eq!(start.elapsed(), ms(5 + 20 + 1));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_missed_its_turn_keeps_its_place() {
    let (limiter, start) = (one_a_second(), Instant::now());
    let mut late = pin!(limiter.acquire_one());
    assert_eq!(after_polls(1, late.as_mut()).await, None);
    sleep(ms(1500)).await;
    in_an_hour(limiter.acquire_one()).await; // overtakes: the turn was at 1 s
    assert_eq!(start.elapsed(), ms(1500));
    let when = async |wait: Pin<&mut dyn Future<Output = ()>>| {
        wait.await;
        start.elapsed()
    };
    let behind = pin!(limiter.acquire_one());
    let (late, behind) = tokio::join!(when(late), when(behind));
    assert_eq!((late, behind), (ms(2500), ms(3500)));
}

#[tokio::test(start_paused = true)]
async fn what_a_sleeping_waiter_missed_it_does_not_catch_up_on() {
    // A hundred waiters, of whom nobody polls any for their hundred seconds.
    let limiter = one_a_second();
    let mut asleep: Vec<_> =
        (0..100).map(|_| Box::pin(limiter.acquire_one())).collect();
    for wait in &mut asleep {
        assert_eq!(after_polls(1, wait).await, None);
    }
    sleep(secs(100)).await;
    let passed = asleep.iter_mut().filter_map(FutureExt::now_or_never).count();
    assert_eq!(passed, 1);
}

#[tokio::test(start_paused = true)]
async fn who_comes_within_twenty_milliseconds_of_its_turn_is_not_overtaken() {
    let limiter = one_a_second();
    let mut late = pin!(limiter.acquire_one());
    assert_eq!(after_polls(1, late.as_mut()).await, None);
    sleep(ms(1020)).await;
    assert_eq!(limiter.try_acquire(ONE), too_soon(ms(1000)));
    assert_eq!(late.now_or_never(), Some(()));
    let mut later = pin!(limiter.acquire_one());
    assert_eq!(after_polls(1, later.as_mut()).await, None);
    sleep(ms(1021)).await;
    assert_eq!(limiter.try_acquire(ONE), Ok(()));
}

// Refused early.

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_too_long_is_refused_before_it_begins() {
    let (limiter, start) = (four_a_second(), Instant::now());
    assert_eq!(at_once(&limiter), 5);
    let refused = limiter.acquire_within(n(2), ms(499)).await;
    assert_eq!((refused, start.elapsed()), (too_soon(ms(500)), ms(0)));
    assert_eq!(limiter.acquire_within(n(2), ms(500)).await, Ok(()));
    assert_eq!(start.elapsed(), ms(500));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_counts_those_who_wait_and_costs_nothing() {
    let limiter = one_a_second();
    let mut waits: Vec<_> = (0..3).map(|_| Box::pin(limiter.acquire_one())).collect();
    for wait in &mut waits {
        assert_eq!(after_polls(1, wait).await, None);
    }
    for _ in 0..10 {
        assert_eq!(limiter.acquire_within(ONE, secs(3)).await, too_soon(secs(4)));
        assert_eq!(limiter.try_acquire(ONE), too_soon(secs(4)));
    }
    assert_eq!(limiter.waiting(), 3);
}

#[tokio::test(start_paused = true)]
async fn of_ten_at_once_those_are_refused_who_would_wait_too_long() {
    let limiter = four_a_second();
    let asked = (0..10).map(|_| limiter.acquire_within(ONE, ms(600)));
    let passed: Vec<_> =
        join_all(asked).await.into_iter().map(|it| it.is_ok()).collect();
    assert_eq!(passed, [[true; 7].as_slice(), &[false; 3]].concat());
}

#[tokio::test(start_paused = true)]
async fn who_is_let_by_a_latecomer_is_refused_as_soon_as_that_is_known() {
    let (limiter, start) = (one_a_second(), Instant::now());
    let mut late = pin!(limiter.acquire_one());
    assert_eq!(after_polls(1, late.as_mut()).await, None);
    sleep(ms(1100)).await;
    assert_eq!(limiter.try_acquire(ONE), Ok(())); // its turn was missed
    let mut patient = pin!(limiter.acquire_within(ONE, secs(1)));
    assert_eq!(after_polls(1, patient.as_mut()).await, None);
    sleep(ms(900)).await;
    assert_eq!(after_polls(1, late.as_mut()).await, None); // here, at 2 s, for 2.1 s
    let ((), refused) = tokio::join!(late, patient);
    assert_eq!((refused, start.elapsed()), (too_soon(secs(1)), ms(2100)));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_into_the_bucket_meanwhile_is_not_counted_on() {
    let (limiter, start) = (one_a_second(), Instant::now());
    let mut late = pin!(limiter.acquire_one());
    let mut next = pin!(limiter.acquire_one());
    assert_eq!(after_polls(1, late.as_mut()).await, None); // for 1 s, and never again
    assert_eq!(after_polls(1, next.as_mut()).await, None); // for 2 s
    sleep(ms(1100)).await;
    // The bucket is full, and stays so until the next one takes its token.
    assert_eq!(limiter.try_acquire(ONE), too_soon(ms(1900)));
    assert_eq!(limiter.acquire_within(ONE, ms(1899)).await, too_soon(ms(1900)));
    let last = limiter.acquire_within(ONE, ms(1900));
    let ((), last) = tokio::join!(next, last);
    assert_eq!((last, start.elapsed()), (Ok(()), secs(3)));
}

#[tokio::test(start_paused = true)]
async fn who_moves_up_counts_on_nothing_that_does_not_fit_either() {
    let (limiter, start) = (one_a_second(), Instant::now());
    let mut late = pin!(limiter.acquire_one());
    let mut next = pin!(limiter.acquire_one());
    let mut gives_up = Box::pin(limiter.acquire_one());
    assert_eq!(after_polls(1, late.as_mut()).await, None); // for 1 s, and never again
    assert_eq!(after_polls(1, next.as_mut()).await, None); // for 2 s
    assert_eq!(after_polls(1, &mut gives_up).await, None); // for 3 s
    sleep(ms(1100)).await;
    let mut last = pin!(limiter.acquire_within(ONE, ms(2900)));
    assert_eq!(after_polls(1, last.as_mut()).await, None); // for 4 s
    drop(gives_up); // now for 3 s, and no sooner
    assert_eq!(limiter.try_acquire(ONE), too_soon(ms(2900)));
    next.await;
    sleep(secs(1)).await;
    assert_eq!(limiter.try_acquire(ONE), too_soon(secs(1)), "it has missed no turn");
    assert_eq!((last.await, start.elapsed()), (Ok(()), secs(3)));
}

#[tokio::test(start_paused = true)]
async fn who_moves_up_behind_one_that_is_a_little_late_is_as_late() {
    let limiter = one_a_second();
    let mut late = pin!(limiter.acquire_one());
    let mut gives_up = Box::pin(limiter.acquire_one());
    let mut last = pin!(limiter.acquire_one());
    assert_eq!(after_polls(1, late.as_mut()).await, None); // for 1 s
    assert_eq!(after_polls(1, &mut gives_up).await, None); // for 2 s
    assert_eq!(after_polls(1, last.as_mut()).await, None); // for 3 s
    sleep(ms(1010)).await;
    drop(gives_up); // now for 2.01 s
    assert_eq!(late.now_or_never(), Some(()));
    sleep(ms(1015)).await;
    assert_eq!(limiter.try_acquire(ONE), too_soon(secs(1)), "it has missed no turn");
    assert_eq!(last.now_or_never(), Some(()));
}

#[tokio::test(start_paused = true)]
async fn with_a_burst_of_one_the_timer_can_make_it_wait_in_vain() {
    let (limiter, start) = (limiter(2, ms(3), 1), Instant::now());
    assert_eq!(limiter.try_acquire(ONE), Ok(()));
    let patience = Duration::from_micros(4500);
    // The tokens would be there after 1.5, 3 and 4.5 ms; the timer comes at 2, 4 and 5.
    let asked = join_all((0..3).map(|_| limiter.acquire_within(ONE, patience))).await;
    assert_eq!(asked, [Ok(()), Ok(()), too_soon(Duration::from_micros(500))]);
    assert_eq!(start.elapsed(), ms(5));
}

#[tokio::test(start_paused = true)]
async fn patience_is_for_the_tokens_and_not_for_the_timer_or_a_late_poll() {
    let (limiter, start) = (limiter(2, ms(3), 1), Instant::now());
    assert_eq!(limiter.try_acquire(ONE), Ok(()));
    let patience = Duration::from_micros(1500);
    let mut waits = pin!(limiter.acquire_within(ONE, patience));
    assert_eq!(waits.as_mut().await, Ok(()));
    assert_eq!(start.elapsed(), ms(2), "the timer's millisecond");
    let mut late = pin!(limiter.acquire_within(ONE, patience));
    assert_eq!(late.as_mut().now_or_never(), None);
    sleep(HOUR).await;
    assert_eq!(late.now_or_never(), Some(Ok(())), "they were there in time");
}

#[tokio::test(start_paused = true)]
async fn a_retry_waits_as_long_as_a_refusal_says() {
    let (limiter, start) = (four_a_second(), Instant::now());
    assert_eq!(at_once(&limiter), 5);
    let at_once = Retry { base: ms(0), ..Retry::default() };
    let ask = |_| std::future::ready(limiter.try_acquire(n(2)));
    at_once.run(&mut backend::Longest, ask).await.unwrap();
    assert_eq!(start.elapsed(), ms(500));
}

#[tokio::test(start_paused = true)]
async fn what_costs_too_much_is_not_tried_again() {
    let limiter = four_a_second();
    let ask = |_| limiter.acquire_within(n(6), secs(1));
    let gave_up = Retry::default().run(&mut backend::Longest, ask).await.unwrap_err();
    assert_eq!(gave_up.attempts, 1);
}

// Given up.

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_it_has_taken_nothing_and_left_the_line() {
    let made = RefCell::new(None);
    let wait = || {
        let limiter = limiter(1, secs(1), 3);
        limiter.try_acquire(n(3)).unwrap();
        *made.borrow_mut() = Some(limiter.clone());
        async move {
            // Two of its own before it, of whom one gives up: one more await.
            let mut first = Box::pin(limiter.acquire_one());
            let mut second = Box::pin(limiter.acquire_one());
            assert_eq!((&mut first).now_or_never(), None);
            assert_eq!((&mut second).now_or_never(), None);
            let give_up = async {
                sleep(ms(500)).await;
                drop(second);
            };
            let third = limiter.acquire(n(3));
            tokio::join!(give_up, first, third).2
        }
    };
    let passed = Cell::new(false);
    let check = |_, end: Option<Result<(), TooMuch>>| {
        let limiter = made.take().unwrap();
        assert_eq!(limiter.waiting(), 0);
        passed.set(end.is_some());
    };
    let points = at_every_await(wait, check).await;
    assert!(points >= 4, "{points}");
    assert!(passed.get());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_has_taken_nothing() {
    for polls in [0, 1] {
        let limiter = limiter(1, secs(1), 2);
        limiter.try_acquire(n(2)).unwrap();
        assert_eq!(after_polls(polls, limiter.acquire(n(2))).await, None);
        assert_eq!(limiter.try_acquire(n(2)), too_soon(secs(2)));
        sleep(secs(2)).await;
        assert_eq!(limiter.try_acquire(n(2)), Ok(()));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_is_not_given_back() {
    let limiter = limiter(1, secs(1), 1);
    let request = async {
        limiter.acquire_one().await;
        std::future::pending::<()>().await;
    };
    timeout(ms(100), request).await.unwrap_err();
    assert_eq!(limiter.try_acquire(ONE), too_soon(ms(900)));
}

#[tokio::test(start_paused = true)]
async fn before_its_first_poll_it_has_no_place() {
    let limiter = one_a_second();
    let early = limiter.acquire_one();
    let mut first = pin!(limiter.acquire_one());
    assert_eq!(after_polls(1, first.as_mut()).await, None);
    assert_eq!(limiter.waiting(), 1);
    let start = Instant::now();
    tokio::join!(first, early);
    assert_eq!(start.elapsed(), secs(2));
}

#[tokio::test(start_paused = true)]
async fn when_one_gives_up_those_behind_move_up() {
    let (limiter, start) = (limiter(1, secs(1), 5), Instant::now());
    limiter.try_acquire(n(5)).unwrap();
    let wait = async |cost| {
        limiter.acquire(n(cost)).await.unwrap();
        start.elapsed()
    };
    let gives_up = timeout(ms(500), limiter.acquire(n(5)));
    let (first, gone, second, third) =
        tokio::join!(wait(1), gives_up, wait(1), wait(1));
    assert_eq!((first, second, third), (secs(1), secs(2), secs(3)));
    assert!(gone.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_thousand_who_gave_up_cost_the_next_one_nothing() {
    let (limiter, start) = (one_a_second(), Instant::now());
    let give_up = join_all((0..1000).map(|_| timeout(ms(500), limiter.acquire_one())));
    let stays = async {
        limiter.acquire_one().await;
        start.elapsed()
    };
    let (ends, stayed) = tokio::join!(give_up, stays);
    assert!(ends.iter().all(Result::is_err));
    assert_eq!(stayed, secs(1));
    limiter.acquire_one().await;
    assert_eq!(start.elapsed(), secs(2));
}

#[tokio::test(start_paused = true)]
async fn who_is_not_polled_moves_up_too() {
    // Otherwise its turn would stay at 10 s, and whoever is behind it would count on that.
    let (limiter, start) = (limiter(1, secs(1), 9), Instant::now());
    limiter.try_acquire(n(9)).unwrap();
    let mut gives_up = Box::pin(limiter.acquire(n(9)));
    let mut asleep = pin!(limiter.acquire_one());
    let mut large = Box::pin(limiter.acquire(n(9)));
    assert_eq!((&mut gives_up).now_or_never(), None);
    assert_eq!(asleep.as_mut().now_or_never(), None);
    assert_eq!((&mut large).now_or_never(), None);
    drop(gives_up);
    in_an_hour(large).await.unwrap();
    assert_eq!(start.elapsed(), secs(10), "the sleeper's turn was at 1 s");
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_after_its_turn_moves_up_nobody_who_had_not_counted_it() {
    let limiter = one_a_second();
    let mut late = Box::pin(limiter.acquire_one());
    assert_eq!((&mut late).now_or_never(), None);
    sleep(ms(1500)).await;
    assert_eq!(limiter.try_acquire(ONE), Ok(())); // its turn was missed
    let mut behind = pin!(limiter.acquire_one());
    assert_eq!(behind.as_mut().now_or_never(), None);
    drop(late);
    sleep(secs(1)).await;
    // The turn of the one behind is now, as it was; it would be overtaken if it were earlier.
    assert_eq!(limiter.try_acquire(ONE), too_soon(secs(1)));
    assert_eq!(behind.now_or_never(), Some(()));
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_after_its_turn_moves_up_those_who_had_counted_it() {
    let limiter = limiter(1, secs(1), 2);
    limiter.try_acquire(n(2)).unwrap();
    let mut late = Box::pin(limiter.acquire_one());
    let mut behind = pin!(limiter.acquire_one());
    assert_eq!((&mut late).now_or_never(), None); // for 1 s
    assert_eq!(behind.as_mut().now_or_never(), None); // for 2 s
    sleep(ms(1500)).await;
    drop(late);
    assert_eq!(behind.now_or_never(), Some(()));
}

#[tokio::test(start_paused = true)]
async fn a_give_up_gives_nobody_its_missed_turn_back() {
    let limiter = limiter(1, secs(1), 9);
    limiter.try_acquire(n(9)).unwrap();
    let mut gives_up = Box::pin(limiter.acquire(n(5)));
    let mut asleep = pin!(limiter.acquire_one());
    assert_eq!((&mut gives_up).now_or_never(), None);
    assert_eq!(asleep.as_mut().now_or_never(), None);
    sleep(ms(6021)).await; // both turns are missed, at 5 s and at 6 s
    drop(gives_up);
    assert_eq!(limiter.try_acquire(n(6)), Ok(()));
    assert_eq!(asleep.now_or_never(), None);
}

#[tokio::test(start_paused = true)]
async fn who_missed_its_turn_delays_nobody_who_moves_up() {
    let (limiter, start) = (one_a_second(), Instant::now());
    let mut gives_up = Box::pin(limiter.acquire_one());
    let mut asleep = pin!(limiter.acquire_one());
    assert_eq!((&mut gives_up).now_or_never(), None);
    assert_eq!(asleep.as_mut().now_or_never(), None);
    sleep(ms(2500)).await;
    assert_eq!(limiter.try_acquire(ONE), Ok(())); // both turns were missed
    assert_eq!((&mut gives_up).now_or_never(), None); // here, for 3.5 s
    let mut behind = pin!(limiter.acquire_one());
    assert_eq!(behind.as_mut().now_or_never(), None); // for 4.5 s
    drop(gives_up);
    behind.await;
    assert_eq!(start.elapsed(), ms(3500));
}

#[tokio::test(start_paused = true)]
async fn who_is_let_by_a_latecomer_and_moves_up_keeps_to_its_patience() {
    let (limiter, start) = (limiter(1, secs(1), 5), Instant::now());
    limiter.try_acquire(n(5)).unwrap();
    let mut late = pin!(limiter.acquire(n(5)));
    assert_eq!(late.as_mut().now_or_never(), None);
    sleep(ms(5100)).await;
    assert_eq!(limiter.try_acquire(n(5)), Ok(())); // its turn was missed
    let mut gives_up = Box::pin(limiter.acquire_one());
    let mut patient = pin!(limiter.acquire_within(ONE, secs(2)));
    assert_eq!((&mut gives_up).now_or_never(), None);
    assert_eq!(patient.as_mut().now_or_never(), None);
    assert_eq!(late.now_or_never(), None); // here, for 10.1 s
    drop(gives_up);
    assert_eq!(patient.await, too_soon(secs(4)));
    assert_eq!(start.elapsed(), ms(7100));
}

#[tokio::test(start_paused = true)]
async fn who_passes_moves_nobody_up() {
    let limiter = one_a_second();
    let mut passes = pin!(limiter.acquire_one());
    let mut asleep = pin!(limiter.acquire_one());
    assert_eq!(after_polls(1, passes.as_mut()).await, None);
    assert_eq!(after_polls(1, asleep.as_mut()).await, None);
    passes.await;
    sleep(ms(500)).await;
    // The turn of the sleeper is at 2 s, and now is 1.5 s.
    assert_eq!(limiter.try_acquire(ONE), too_soon(ms(1500)));
}

// Governor.

#[tokio::test(start_paused = true)]
async fn the_paused_clock_does_not_move_governor() {
    let one_an_hour = RateLimiter::direct(Quota::per_hour(n(1)));
    assert!(one_an_hour.check().is_ok());
    sleep(2 * HOUR).await;
    assert!(one_an_hour.check().is_err());
}

#[tokio::test(start_paused = true)]
async fn on_the_paused_clock_a_limit_of_ten_minutes_beats_a_wait_of_one() {
    let one_a_minute = RateLimiter::direct(Quota::per_minute(n(1)));
    one_a_minute.until_ready().await;
    let start = Instant::now();
    timeout(secs(600), one_a_minute.until_ready()).await.unwrap_err();
    assert_eq!(start.elapsed(), secs(600));
}

#[test]
fn governor_waits_in_real_time() {
    let start = std::time::Instant::now();
    let twenty_a_second = Quota::with_period(ms(50)).unwrap();
    let limiter = RateLimiter::direct(twenty_a_second);
    futures::executor::block_on(async {
        limiter.until_ready().await;
        limiter.until_ready().await;
    });
    assert!(start.elapsed() >= ms(50));
}

#[test]
fn a_clock_of_its_own_drives_governor() {
    let clock = FakeRelativeClock::default();
    let quota = Quota::per_second(n(4)).allow_burst(n(5));
    let limiter = RateLimiter::direct_with_clock(quota, clock.clone());
    let passed = || std::iter::from_fn(|| limiter.check().ok()).count();
    assert_eq!(passed(), 5);
    clock.advance(ms(249));
    assert_eq!(passed(), 0);
    clock.advance(ms(1));
    assert_eq!(passed(), 1);
    clock.advance(HOUR);
    assert_eq!(passed(), 5);
}

#[test]
fn a_quota_of_governor_per_second_is_a_burst_of_as_many() {
    let quota = Quota::per_second(n(50));
    let limiter = RateLimiter::direct_with_clock(quota, FakeRelativeClock::default());
    assert_eq!(std::iter::from_fn(|| limiter.check().ok()).count(), 50);
}

#[test]
fn in_governor_small_requests_starve_a_large_one() {
    let clock = FakeRelativeClock::default();
    let quota = Quota::per_second(n(10)).allow_burst(n(5));
    let limiter = RateLimiter::direct_with_clock(quota, clock.clone());
    assert!(limiter.check_n(n(5)).unwrap().is_ok());
    for _ in 0..1000 {
        clock.advance(ms(100));
        assert!(limiter.check_n(n(5)).unwrap().is_err());
        assert!(limiter.check().is_ok());
    }
    assert!(limiter.check_n(n(6)).is_err(), "more than it ever holds");
}

#[tokio::test(start_paused = true)]
async fn in_this_limiter_small_requests_do_not() {
    let limiter = limiter(10, secs(1), 5);
    limiter.acquire(n(5)).await.unwrap();
    let start = Instant::now();
    let large = limiter.acquire(n(5)).map(|_| start.elapsed());
    let small = async {
        for _ in 0..1000 {
            limiter.acquire_one().await;
        }
    };
    assert_eq!(tokio::join!(biased; large, small).0, ms(500));
}

#[test]
fn governor_keeps_each_key_until_it_is_told_to_forget() {
    let clock = FakeRelativeClock::default();
    let limiter =
        RateLimiter::hashmap_with_clock(Quota::per_second(n(1)), clock.clone());
    for key in 0..1000 {
        limiter.check_key(&key).unwrap();
    }
    clock.advance(24 * HOUR);
    assert_eq!(limiter.len(), 1000);
    limiter.retain_recent();
    assert_eq!(limiter.len(), 0);
}

// leaky-bucket.

#[tokio::test(start_paused = true)]
async fn behind_one_that_nobody_polls_leaky_bucket_stands_still() {
    let builder = &mut leaky_bucket::RateLimiter::builder();
    let limiter = builder.max(1).initial(1).interval(secs(1)).refill(1).build();
    limiter.acquire_one().await;
    let mut asleep = Box::pin(limiter.acquire_one());
    assert_eq!(after_polls(1, &mut asleep).await, None);
    timeout(HOUR, limiter.acquire_one()).await.expect_err("it waits for the first");
    drop(asleep);
    in_an_hour(limiter.acquire_one()).await;
}

// All of it together.

#[derive(Clone, Copy, Debug)]
struct Request {
    after: u64,
    cost: u32,
    patience: Option<u64>,
}

prop_compose! {
    fn any_request()(
        after in prop_oneof![2 => Just(0), 3 => 1..50_u64, 1 => 50..2000_u64],
        cost in 1..=6_u32,
        patience in prop::option::weighted(0.3, 1..2000_u64),
    ) -> Request {
        Request { after, cost, patience }
    }
}

/// One that came, in milliseconds; `passed` is none if it gave up, or cost too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Came {
    at: u64,
    cost: u32,
    passed: Option<u64>,
}

/// Sends requests to a limiter, and tells what became of them in the order in which they came: of those
/// that come in one millisecond, the timer decides.
fn all_that_came(limiter: &Limiter, requests: &[Request]) -> Vec<Came> {
    let clock = Builder::new_current_thread().enable_time().start_paused(true).build();
    let came = RefCell::new(Vec::new());
    clock.unwrap().block_on(async {
        let start = Instant::now();
        let now = || start.elapsed().as_millis() as u64;
        let mut arrival = start;
        let requests = requests.iter().map(|&Request { after, cost, patience }| {
            arrival += ms(after);
            let came = &came;
            async move {
                sleep_until(arrival).await;
                let index = came.borrow().len();
                came.borrow_mut().push(Came { at: now(), cost, passed: None });
                let patience = patience.map_or(Duration::MAX, ms);
                if let Ok(Ok(())) = timeout(patience, limiter.acquire(n(cost))).await {
                    came.borrow_mut()[index].passed = Some(now());
                }
            }
        });
        join_all(requests).await
    });
    came.into_inner()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_window_lets_pass_more_than_the_burst_and_what_came_in_it(
        tokens in 1..20_u32,
        per in 1..3000_u64,
        burst in 1..12_u32,
        requests in prop::collection::vec(any_request(), 1..40),
    ) {
        let limiter = limiter(tokens, ms(per), burst);
        let came = all_that_came(&limiter, &requests);
        prop_assert_eq!((came.len(), limiter.waiting()), (requests.len(), 0));
        let stays = requests.iter().filter(|it| it.cost <= burst && it.patience.is_none());
        let passed = came.iter().filter_map(|it| Some((it.passed?, it.cost)));
        let passed: Vec<_> = passed.collect();
        prop_assert!(passed.len() >= stays.count(), "who waits gets through");
        prop_assert!(passed.is_sorted_by_key(|(at, _)| *at), "nobody was overtaken");
        for (first, (from, _)) in passed.iter().enumerate() {
            let mut sum = 0;
            for (to, cost) in &passed[first..] {
                sum += u64::from(*cost);
                let came = (to - from) * u64::from(tokens);
                prop_assert!(sum * per <= u64::from(burst) * per + came);
            }
        }
    }

    #[test]
    fn each_passes_in_the_first_millisecond_that_order_and_bucket_allow(
        tokens in 1..20_u32,
        per in 1..300_u64,
        burst in 6..12_u32,
        requests in prop::collection::vec(any_request(), 1..40),
    ) {
        let requests: Vec<_> =
            requests.into_iter().map(|it| Request { patience: None, ..it }).collect();
        let came = all_that_came(&limiter(tokens, ms(per), burst), &requests);
        let (full, mut now) = (u64::from(burst) * per, 0);
        let mut level = full;
        let model = came.iter().map(|it| {
            while now < it.at || level < u64::from(it.cost) * per {
                now += 1;
                level = full.min(level + u64::from(tokens));
            }
            level -= u64::from(it.cost) * per;
            Came { passed: Some(now), ..*it }
        });
        prop_assert_eq!(model.collect::<Vec<_>>(), came);
    }
}

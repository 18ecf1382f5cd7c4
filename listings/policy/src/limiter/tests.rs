use super::*;
use futures::future::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use proptest::prelude::*;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};

fn any_period() -> impl Strategy<Value = Duration> {
    prop_oneof![
        1 => prop_oneof![Just(Duration::from_nanos(1)), Just(Duration::MAX)],
        2 => (any::<u64>(), 1..1_000_000_000_u32)
            .prop_map(|(secs, nanos)| Duration::new(secs, nanos)),
        2 => (1..10_000_000_000_u64).prop_map(Duration::from_nanos),
    ]
}

fn any_count() -> impl Strategy<Value = NonZeroU32> {
    let edge = prop_oneof![Just(1), Just(u32::MAX)];
    prop_oneof![1 => edge, 2 => 1..100_u32, 2 => 1..=u32::MAX]
        .prop_map(|count| NonZeroU32::new(count).expect("counts start at 1"))
}

prop_compose! {
    fn any_rate()(tokens in any_count(), per in any_period(), burst in any_count()) -> Rate {
        Rate { tokens, per, burst }
    }
}

proptest! {
    #[test]
    fn no_rate_overflows_and_no_wait_is_a_nanosecond_too_long_or_too_short(
        rate in any_rate(),
        steps in prop::collection::vec((any_period(), any_count()), 1..20),
    ) {
        let (mut line, mut now) = (Line::new(&rate), 0_u128);
        for (later, cost) in steps {
            now += later.as_nanos();
            let cost = u128::from(cost.min(rate.burst).get());
            let Err(due) = line.take(&rate, 0, cost, now) else { continue };
            prop_assert!(line.take(&rate, 0, cost, due - 1).is_err());
            prop_assert_eq!(line.take(&rate, 0, cost, due), Ok(()));
            prop_assert!(line.bucket.level <= rate.most());
            now = due;
            if now > Duration::MAX.as_nanos() {
                break; // the end of all clocks
            }
        }
    }
}

#[test]
fn a_line_of_the_longest_waits_does_not_overflow() {
    let most = NonZeroU32::MAX;
    let rate = Rate { tokens: NonZeroU32::MIN, per: Duration::MAX, burst: most };
    let mut line = Line::new(&rate);
    let cost = u128::from(u32::MAX);
    assert_eq!(line.take(&rate, 0, cost, 0), Ok(()));
    for _ in 0..10 {
        let due = line.take(&rate, line.waiters.len(), cost, 0).unwrap_err();
        line.join(cost, due);
    }
    assert_eq!(line.waiters[0].due, Duration::MAX.as_nanos() * cost);
    assert_eq!(line.waiters[9].due, u128::MAX, "longer than can be said");
    assert_eq!(from_nanos(line.waiters[0].due), Duration::MAX);
}

#[test]
fn a_clock_that_is_behind_brings_nothing_twice() {
    // A limiter that two runtimes share, each with a paused clock of its own.
    let one = NonZeroU32::MIN;
    let rate = Rate { tokens: one, per: Duration::from_nanos(10), burst: one };
    let mut line = Line::new(&rate);
    assert_eq!(line.take(&rate, 0, 1, 100), Ok(()));
    assert_eq!(line.take(&rate, 0, 1, 50), Err(110));
    assert_eq!(line.take(&rate, 0, 1, 109), Err(110));
}

/// What may happen to a line.
#[derive(Clone, Copy, Debug)]
enum Step {
    Later(u64),
    /// Comes, and waits unless its tokens are there.
    Comes(u32),
    /// Looks again, if it is its turn.
    Looks(usize),
    GivesUp(usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..30_000_000_u64).prop_map(Step::Later), // some are late then
        4 => (1..=5_u32).prop_map(Step::Comes),
        3 => (0..4_usize).prop_map(Step::Looks),
        1 => (0..9_usize).prop_map(Step::GivesUp),
    ]
}

proptest! {
    #[test]
    fn while_all_are_on_time_a_sum_says_what_a_walk_would(
        tokens in 1..400_u32,
        burst in 5..9_u32,
        steps in prop::collection::vec(any_step(), 1..200),
    ) {
        let (tokens, burst) = (NonZeroU32::new(tokens).unwrap(), NonZeroU32::new(burst).unwrap());
        let rate = Rate { tokens, per: Duration::from_secs(1), burst };
        let (mut line, mut now) = (Line::new(&rate), 0);
        for step in steps {
            match step {
                Step::Later(nanos) => now += u128::from(nanos),
                Step::Comes(cost) => {
                    let end = line.waiters.len();
                    if let Err(due) = line.take(&rate, end, cost.into(), now) {
                        line.join(cost.into(), due);
                    }
                }
                Step::Looks(place) => {
                    let Some(Waiter { cost, due, .. }) = line.waiters.get(place) else { continue };
                    if *due > now {
                        continue;
                    }
                    match line.take(&rate, place, *cost, now) {
                        Ok(()) => line.leave(place),
                        Err(due) => line.waiters[place].due = due,
                    }
                }
                Step::GivesUp(place) if place < line.waiters.len() => {
                    line.leave(place);
                    line.move_up(&rate, place, now);
                }
                Step::GivesUp(_) => {}
            }
            let end = line.waiters.len();
            line.bucket.fill(&rate, now);
            if line.all_on_time(end, now) {
                let (owed, due) = line.walk(&rate, end, 3, now);
                prop_assert_eq!(line.owed, owed);
                // Whoever takes all that the bucket holds loses a part of a nanosecond.
                let sum = line.bucket.there(&rate, line.owed + 3);
                prop_assert!((sum..=sum + end as u128).contains(&due), "{} {}", sum, due);
            }
        }
    }
}

/// A wait that counts its polls.
fn counted<'a>(
    limiter: &'a Limiter,
    polls: &'a AtomicUsize,
) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
    let mut wait = Box::pin(limiter.acquire_one());
    Box::pin(poll_fn(move |context| {
        polls.fetch_add(1, Ordering::Relaxed);
        wait.as_mut().poll(context)
    }))
}

#[tokio::test(start_paused = true)]
async fn a_give_up_wakes_each_once_and_none_of_them_walks_the_line() {
    let one = NonZeroU32::MIN;
    let rate = Rate { tokens: one, per: Duration::from_secs(1), burst: one };
    let (limiter, polls) = (Limiter::new(rate).unwrap(), AtomicUsize::new(0));
    limiter.try_acquire(one).unwrap();
    let mut waits: FuturesUnordered<_> =
        (0..500).map(|_| counted(&limiter, &polls)).collect();
    let mut gives_up = Box::pin(limiter.acquire_one());
    let behind = (0..500).map(|_| counted(&limiter, &polls));
    assert_eq!(waits.next().now_or_never(), None);
    assert_eq!((&mut gives_up).now_or_never(), None);
    waits.extend(behind);
    timeout(Duration::from_millis(1), waits.next()).await.unwrap_err();
    assert_eq!(polls.swap(0, Ordering::Relaxed), 1000);
    let cost_of_each = |cost| {
        limiter.shared.line().waiters.iter_mut().for_each(|it| it.cost = cost);
    };
    drop(gives_up);
    cost_of_each(u128::MAX); // a walk would overflow
    timeout(Duration::from_millis(1), waits.next()).await.unwrap_err();
    assert_eq!(polls.load(Ordering::Relaxed), 1000);
    cost_of_each(1);
    let start = limiter.shared.made;
    let at: Vec<_> = waits.map(|()| start.elapsed().as_secs()).collect().await;
    assert!(at.into_iter().eq(1..=1000), "as if it had never come");
}

#[tokio::test(start_paused = true)]
async fn who_comes_while_all_are_on_time_walks_past_nobody() {
    let one = NonZeroU32::MIN;
    let rate = Rate { tokens: one, per: Duration::from_secs(1), burst: one };
    let limiter = Limiter::new(rate).unwrap();
    limiter.try_acquire(one).unwrap();
    let mut waits: Vec<_> = (0..3).map(|_| Box::pin(limiter.acquire_one())).collect();
    for wait in &mut waits {
        assert_eq!(wait.now_or_never(), None);
    }
    let cost_of_each = |cost| {
        limiter.shared.line().waiters.iter_mut().for_each(|it| it.cost = cost);
    };
    cost_of_each(u128::MAX); // a walk would overflow
    let wait = Duration::from_secs(4);
    assert_eq!(limiter.try_acquire(one), Err(Refused::TooSoon { wait }));
    let mut comes = Box::pin(limiter.acquire_one());
    assert_eq!((&mut comes).now_or_never(), None);
    cost_of_each(1);
}

#[test]
fn nanoseconds_become_a_duration() {
    assert_eq!(from_nanos(1_999_999_999), Duration::new(1, 999_999_999));
    assert_eq!(from_nanos(2_000_000_000), Duration::new(2, 0));
    assert_eq!(from_nanos(Duration::MAX.as_nanos()), Duration::MAX);
    assert_eq!(from_nanos(Duration::MAX.as_nanos() + 1), Duration::MAX);
}

#[test]
fn a_refusal_says_what_it_is_and_whether_to_try_again() {
    let wait = Duration::from_millis(250);
    let soon = Refused::TooSoon { wait };
    assert_eq!(soon.to_string(), "over the limit for another 250ms");
    assert_eq!((soon.transient(), soon.retry_after()), (true, Some(wait)));
    let too_much = TooMuch { cost: NonZeroU32::MAX, burst: NonZeroU32::MIN };
    let never = Refused::from(too_much);
    assert_eq!(never.to_string(), "a cost of 4294967295 is more than a burst of 1");
    assert_eq!((never.transient(), never.retry_after()), (false, None));
}

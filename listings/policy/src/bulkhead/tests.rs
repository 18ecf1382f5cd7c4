use super::*;
use backend::Alive;
use backend::cancel::after_polls;
use backend::turns::{Done, turns_beside};
use futures::future::{FutureExt, join_all};
use std::error::Error;
use std::fmt;
use std::future::{Ready, pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::sync::Notify;
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::{Instant, sleep, sleep_until};
use tower::buffer::Buffer;
use tower::load_shed::error::Overloaded;
use tower::util::service_fn;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};

const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn bulkhead(calls: usize, queue: usize, longest_wait: Duration) -> Bulkhead {
    let calls = NonZeroUsize::new(calls).unwrap();
    Bulkhead::new(Limits { calls, queue, longest_wait })
}

/// What the service says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the service has failed")
    }
}

impl Error for Failed {}

impl Transient for Failed {
    fn transient(&self) -> bool {
        false
    }

    fn retry_after(&self) -> Option<Duration> {
        Some(ms(7))
    }
}

type Answer<T> = Result<T, BulkheadError<Failed>>;

const FULL: Answer<()> = Err(BulkheadError::Refused(Refused::Full));
const CLOSED: Answer<()> = Err(BulkheadError::Refused(Refused::Closed));

/// A call that takes so long.
async fn takes(time: Duration) -> Result<(), Failed> {
    sleep(time).await;
    Ok(())
}

/// Fails where it would otherwise wait for ever.
async fn in_a_day<F: Future>(wait: F) -> F::Output {
    timeout(24 * HOUR, wait).await.expect("a wait in vain")
}

/// The outcomes, and the milliseconds after which they came, of so many calls at once.
async fn at_once(
    bulkhead: &Bulkhead,
    calls: usize,
    time: Duration,
) -> Vec<(Answer<()>, u128)> {
    let start = Instant::now();
    let call = || async {
        let outcome = bulkhead.call(|| takes(time)).await;
        (outcome, start.elapsed().as_millis())
    };
    in_a_day(join_all((0..calls).map(|_| call()))).await
}

// The limits.

#[tokio::test(start_paused = true)]
async fn of_five_calls_at_once_two_run_and_three_are_refused() {
    let bulkhead = bulkhead(2, 0, HOUR);
    let outcomes = at_once(&bulkhead, 5, ms(100)).await;
    assert_eq!(
        outcomes,
        [(Ok(()), 100), (Ok(()), 100), (FULL, 0), (FULL, 0), (FULL, 0)]
    );
}

#[tokio::test(start_paused = true)]
async fn who_finds_the_queue_full_is_refused_at_once() {
    let bulkhead = bulkhead(2, 2, HOUR);
    let outcomes = at_once(&bulkhead, 5, ms(100)).await;
    let ended = [(Ok(()), 100), (Ok(()), 100), (Ok(()), 200), (Ok(()), 200), (FULL, 0)];
    assert_eq!(outcomes, ended);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_the_longest_wait() {
    let bulkhead = bulkhead(1, 2, ms(150));
    let outcomes = at_once(&bulkhead, 3, ms(100)).await;
    let late = Err(BulkheadError::Refused(Refused::WaitedTooLong(ms(150))));
    assert_eq!(outcomes, [(Ok(()), 100), (Ok(()), 200), (late, 150)]);
    assert_eq!((bulkhead.running(), bulkhead.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn of_a_hundred_who_wait_for_half_a_second_25_have_their_turn() {
    let bulkhead = bulkhead(5, 100, ms(501));
    let outcomes = at_once(&bulkhead, 105, ms(100)).await;
    let answered = outcomes.iter().filter(|(outcome, _)| outcome.is_ok()).count();
    assert_eq!(answered, 5 + 25);
    assert!(outcomes[30..].iter().all(|(_, at)| *at == 501), "they waited in vain");
}

#[tokio::test(start_paused = true)]
async fn the_longest_wait_is_no_limit_for_the_call() {
    let outcomes = at_once(&bulkhead(1, 1, ms(150)), 1, HOUR).await;
    assert_eq!(outcomes, [(Ok(()), HOUR.as_millis())]);
}

#[tokio::test(start_paused = true)]
async fn a_limit_inside_of_the_call_does_not_count_the_wait() {
    let bulkhead = bulkhead(1, 2, secs(1));
    let limited =
        || async { timeout(ms(150), sleep(ms(100))).await.map_err(|_elapsed| Failed) };
    let outcomes = in_a_day(join_all((0..3).map(|_| bulkhead.call(limited)))).await;
    assert_eq!(outcomes, [Ok(()); 3]);
}

#[tokio::test(start_paused = true)]
async fn a_limit_around_the_call_counts_the_wait_too() {
    let bulkhead = bulkhead(1, 2, secs(1));
    let limited = || timeout(ms(150), bulkhead.call(|| takes(ms(100))));
    let outcomes = join_all((0..3).map(|_| limited())).await;
    let ended: Vec<_> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(ended, [true, false, false]);
    assert_eq!((bulkhead.running(), bulkhead.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn never_more_calls_run_than_it_says() {
    let (bulkhead, alive, peak) =
        (bulkhead(3, 100, HOUR), Alive::default(), AtomicUsize::new(0));
    let call = |number: u64| {
        let (alive, peak) = (&alive, &peak);
        let call = move || async move {
            let _guard = alive.guard();
            peak.fetch_max(alive.count(), Ordering::SeqCst);
            takes(ms(1 + number * 7 % 50)).await
        };
        // One in three is dropped while it waits or runs.
        let limit = if number.is_multiple_of(3) { ms(20) } else { HOUR };
        timeout(limit, bulkhead.call(call))
    };
    in_a_day(join_all((0..100).map(call))).await;
    assert_eq!((peak.load(Ordering::SeqCst), alive.count()), (3, 0));
}

/// Real threads: only the count is asserted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_share_one_limit() {
    let (bulkhead, alive) = (bulkhead(2, 100, HOUR), Alive::default());
    let peak = Arc::new(AtomicUsize::new(0));
    let tasks = (0..50).map(|_| {
        let (bulkhead, alive, peak) =
            (bulkhead.clone(), alive.clone(), Arc::clone(&peak));
        tokio::spawn(async move {
            let call = || async {
                let _guard = alive.guard();
                peak.fetch_max(alive.count(), Ordering::SeqCst);
                yield_now().await;
                Ok::<_, Failed>(())
            };
            bulkhead.call(call).await
        })
    });
    let outcomes = join_all(tasks).await;
    assert!(outcomes.into_iter().all(|it| it.unwrap() == Ok(())));
    assert!((1..=2).contains(&peak.load(Ordering::SeqCst)));
    assert_eq!((bulkhead.running(), bulkhead.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn clones_share_one_limit() {
    let first = bulkhead(1, 0, HOUR);
    let _permit = first.clone().try_acquire().unwrap();
    assert_eq!(first.try_acquire().unwrap_err(), Refused::Full);
}

#[tokio::test(start_paused = true)]
async fn callers_have_their_turn_in_the_order_in_which_they_came() {
    let bulkhead = bulkhead(1, 9, HOUR);
    let ended = at_once(&bulkhead, 10, ms(10)).await;
    let at: Vec<_> = ended.into_iter().map(|(_, at)| at).collect();
    assert_eq!(at, [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
}

#[tokio::test(start_paused = true)]
async fn who_comes_when_a_place_becomes_free_does_not_overtake_those_who_wait() {
    let bulkhead = bulkhead(1, 1, HOUR);
    let permit = bulkhead.try_acquire().unwrap();
    let mut waits = Box::pin(bulkhead.acquire());
    assert!((&mut waits).now_or_never().is_none());
    drop(permit); // the place is given to the one who waits, although nobody polls it
    assert_eq!(bulkhead.try_acquire().unwrap_err(), Refused::Full);
    assert_eq!(in_a_day(bulkhead.acquire()).await.unwrap_err(), Refused::Full);
    drop(in_a_day(waits).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_caller_whom_nobody_polls_keeps_the_place_that_it_was_given() {
    let bulkhead = bulkhead(1, 2, secs(1));
    let permit = bulkhead.try_acquire().unwrap();
    let mut forgotten = Box::pin(bulkhead.acquire());
    assert!((&mut forgotten).now_or_never().is_none());
    drop(permit);
    let late = in_a_day(bulkhead.acquire()).await.unwrap_err();
    assert_eq!(late, Refused::WaitedTooLong(secs(1)));
    drop(forgotten);
    drop(bulkhead.acquire().await.unwrap());
}

// The permit.

#[tokio::test(start_paused = true)]
async fn the_place_is_free_again_after_a_success_and_after_an_error() {
    let bulkhead = bulkhead(1, 0, HOUR);
    assert_eq!(bulkhead.call(|| ready(Ok::<_, Failed>(7))).await, Ok(7));
    assert_eq!(bulkhead.running(), 0);
    let failed = bulkhead.call(|| ready(Err::<(), _>(Failed))).await;
    assert_eq!(failed, Err(BulkheadError::Call(Failed)));
    assert_eq!(bulkhead.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_place_is_free_again_after_a_panic() {
    let bulkhead = bulkhead(1, 0, HOUR);
    let in_the_call = || async {
        yield_now().await;
        panic!("in the call")
    };
    let call = bulkhead.call::<(), Failed, _>(in_the_call);
    AssertUnwindSafe(call).catch_unwind().await.unwrap_err();
    assert_eq!(bulkhead.running(), 0);
    let before = bulkhead.call(|| -> Ready<Result<(), Failed>> { panic!("before it") });
    AssertUnwindSafe(before).catch_unwind().await.unwrap_err();
    assert_eq!((bulkhead.running(), bulkhead.try_acquire().is_ok()), (0, true));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_a_call_leaves_no_place_taken() {
    let bulkhead = bulkhead(1, 1, HOUR);
    let (alive, begun) = (Alive::default(), AtomicUsize::new(0));
    let (others, waiting) = (bulkhead.clone(), bulkhead.clone());
    let make = || {
        let permit = others.try_acquire().unwrap();
        tokio::spawn(async move {
            sleep(ms(10)).await;
            drop(permit);
        });
        let call = || async {
            let _guard = alive.guard();
            begun.fetch_add(1, Ordering::SeqCst);
            takes(ms(20)).await
        };
        bulkhead.call(call)
    };
    let mut polls = 0;
    loop {
        let outcome = after_polls(polls, make()).await;
        assert_eq!((waiting.waiting(), alive.count()), (0, 0), "after {polls} polls");
        sleep(ms(15)).await; // until the other call has ended
        assert_eq!(waiting.running(), 0, "after {polls} polls");
        if let Some(outcome) = outcome {
            assert_eq!((outcome, begun.load(Ordering::SeqCst)), (Ok(()), 2));
            break;
        }
        polls += 1;
    }
    assert_eq!(polls, 3, "before the first poll, in the queue, in the call");
}

#[tokio::test(start_paused = true)]
async fn before_its_first_poll_a_call_has_no_place() {
    let bulkhead = bulkhead(1, 0, HOUR);
    let _call = bulkhead.call(|| takes(HOUR));
    assert_eq!((bulkhead.running(), bulkhead.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_call_is_made_when_its_turn_has_come() {
    let (bulkhead, start) = (bulkhead(1, 1, HOUR), Instant::now());
    let made = |after: u128| {
        move || {
            assert_eq!(start.elapsed().as_millis(), after);
            takes(ms(100)) // its future is made here, and not before
        }
    };
    let both = async { tokio::join!(bulkhead.call(made(0)), bulkhead.call(made(100))) };
    assert_eq!(in_a_day(both).await, (Ok(()), Ok(())));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_is_gone_before_its_place_is_free() {
    struct Looks<'a>(&'a Bulkhead, &'a AtomicUsize);
    impl Drop for Looks<'_> {
        fn drop(&mut self) {
            self.1.store(self.0.running(), Ordering::SeqCst);
        }
    }
    let (bulkhead, seen) = (bulkhead(1, 0, HOUR), AtomicUsize::new(0));
    let call = bulkhead.call(|| async {
        let _looks = Looks(&bulkhead, &seen);
        pending::<Result<(), Failed>>().await
    });
    timeout(ms(1), call).await.unwrap_err();
    assert_eq!((seen.load(Ordering::SeqCst), bulkhead.running()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_leaves_the_queue_and_those_behind_move_up() {
    let bulkhead = bulkhead(1, 2, HOUR);
    let permit = bulkhead.try_acquire().unwrap();
    let mut first = Box::pin(bulkhead.acquire());
    let mut second = Box::pin(bulkhead.acquire());
    assert!((&mut first).now_or_never().is_none());
    assert!((&mut second).now_or_never().is_none());
    assert_eq!(in_a_day(bulkhead.acquire()).await.unwrap_err(), Refused::Full);
    drop(first);
    assert_eq!(bulkhead.waiting(), 1);
    let mut third = Box::pin(bulkhead.acquire());
    assert!((&mut third).now_or_never().is_none(), "it has the place that is free");
    drop(permit);
    let permit = in_a_day(second).await.unwrap();
    assert!((&mut third).now_or_never().is_none());
    drop(permit);
    drop(in_a_day(third).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn who_has_its_turn_and_is_dropped_gives_it_to_the_next() {
    let bulkhead = bulkhead(1, 2, HOUR);
    let permit = bulkhead.try_acquire().unwrap();
    let mut first = Box::pin(bulkhead.acquire());
    let mut second = Box::pin(bulkhead.acquire());
    assert!((&mut first).now_or_never().is_none());
    assert!((&mut second).now_or_never().is_none());
    drop(permit); // the first one's turn has come
    drop(first);
    drop(in_a_day(second).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_was_too_long_leaves_the_queue() {
    let bulkhead = bulkhead(1, 1, ms(10));
    let permit = bulkhead.try_acquire().unwrap();
    for _ in 0..3 {
        let late = in_a_day(bulkhead.acquire()).await.unwrap_err();
        assert_eq!(late, Refused::WaitedTooLong(ms(10)));
        assert_eq!(bulkhead.waiting(), 0);
    }
    drop(permit);
    assert!(bulkhead.acquire().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_permit_can_move_into_a_task() {
    let bulkhead = bulkhead(1, 0, HOUR);
    let task = spawn_within(&bulkhead, takes(ms(10))).await.unwrap();
    assert_eq!(bulkhead.running(), 1);
    assert_eq!(
        spawn_within(&bulkhead, takes(ms(10))).await.unwrap_err(),
        Refused::Full
    );
    task.await.unwrap().unwrap();
    assert_eq!(bulkhead.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_handle_leaves_the_place_to_its_task() {
    let bulkhead = bulkhead(1, 0, HOUR);
    drop(spawn_within(&bulkhead, takes(ms(10))).await.unwrap());
    sleep(ms(9)).await;
    assert_eq!(bulkhead.running(), 1);
    sleep(ms(2)).await;
    assert_eq!(bulkhead.running(), 0);
    let aborted = spawn_within(&bulkhead, takes(HOUR)).await.unwrap();
    aborted.abort();
    aborted.await.unwrap_err();
    assert_eq!(bulkhead.running(), 0);
}

// The end.

#[tokio::test(start_paused = true)]
async fn a_closed_bulkhead_refuses_all_at_once_and_calls_that_run_go_on() {
    let (bulkhead, start) = (bulkhead(1, 1, HOUR), Instant::now());
    let (running, waiting, ()) = in_a_day(async {
        tokio::join!(
            bulkhead.call(|| takes(ms(100))),
            async { (bulkhead.call(|| takes(ms(100))).await, start.elapsed()) },
            async {
                sleep(ms(30)).await;
                bulkhead.close();
            },
        )
    })
    .await;
    assert_eq!((running, start.elapsed()), (Ok(()), ms(100)));
    assert_eq!(waiting, (CLOSED, ms(30)));
    assert_eq!(at_once(&bulkhead, 1, ms(1)).await, [(CLOSED, 0)]);
    assert_eq!(bulkhead.try_acquire().unwrap_err(), Refused::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_bulkhead_that_is_full_and_closed_says_that_it_is_closed() {
    let bulkhead = bulkhead(1, 0, HOUR);
    let _permit = bulkhead.try_acquire().unwrap();
    assert_eq!(in_a_day(bulkhead.acquire()).await.unwrap_err(), Refused::Full);
    bulkhead.close();
    assert_eq!(in_a_day(bulkhead.acquire()).await.unwrap_err(), Refused::Closed);
    assert_eq!(bulkhead.running(), 1);
}

#[test]
fn an_error_says_whether_the_call_was_made_and_whether_to_try_again() {
    let told = |refused: Refused| {
        let error = BulkheadError::<Failed>::from(refused);
        assert_eq!(error.retry_after(), None);
        assert_eq!(error.transient(), refused.transient());
        assert_eq!(error.to_string(), refused.to_string());
        (error.to_string(), refused.transient())
    };
    let full = "too many calls at the same time".to_owned();
    assert_eq!(told(Refused::Full), (full, true));
    let late = "no turn within 150ms".to_owned();
    assert_eq!(told(Refused::WaitedTooLong(ms(150))), (late, true));
    let closed = "no more calls are made: the bulkhead is closed".to_owned();
    assert_eq!(told(Refused::Closed), (closed, false));
    let failed = BulkheadError::Call(Failed);
    assert_eq!(failed.to_string(), "the service has failed");
    assert_eq!((failed.transient(), failed.retry_after()), (false, Some(ms(7))));
}

// Sizes and surroundings.

#[tokio::test(start_paused = true)]
async fn the_largest_limits_are_no_panic() {
    let bulkhead = bulkhead(usize::MAX, usize::MAX, Duration::MAX);
    let _permit = bulkhead.acquire().await.unwrap();
    assert_eq!((bulkhead.running(), bulkhead.waiting()), (1, 0));
    let bulkhead = self::bulkhead(1, usize::MAX, Duration::MAX);
    let permit = bulkhead.acquire().await.unwrap();
    let mut waits = Box::pin(bulkhead.acquire());
    timeout(24 * HOUR, &mut waits).await.unwrap_err();
    assert_eq!((bulkhead.running(), bulkhead.waiting()), (1, 1));
    drop(permit);
    drop(waits.await.unwrap());
}

#[test]
fn outside_a_runtime_a_free_place_can_be_taken() {
    let bulkhead = bulkhead(1, 1, HOUR);
    let permit = bulkhead.acquire().now_or_never().unwrap().unwrap();
    assert_eq!(bulkhead.try_acquire().unwrap_err(), Refused::Full);
    let wait = || bulkhead.acquire().now_or_never();
    assert!(catch_unwind(AssertUnwindSafe(wait)).is_err(), "it needs a timer");
    assert_eq!((bulkhead.running(), bulkhead.waiting()), (1, 0));
    drop(permit);
}

#[tokio::test(start_paused = true)]
async fn every_call_can_be_spawned() {
    let bulkhead = bulkhead(1, 1, HOUR);
    let calls = (0..2).map(|_| {
        let bulkhead = bulkhead.clone();
        tokio::spawn(async move { bulkhead.call(|| takes(ms(1))).await })
    });
    let outcomes = in_a_day(join_all(calls)).await;
    assert!(outcomes.into_iter().all(|it| it.unwrap() == Ok(())));
}

// One slow service beside another.

/// A call to the slow service at 0 ms, 100 ms, and so on, and one to the other service
/// 50 ms after each, for ten seconds. How many of these are answered within a second.
async fn answered_in_time<S, F>(
    slow: impl Fn() -> S,
    fast: impl Fn() -> F,
) -> (usize, usize)
where
    S: Future<Output: Send + 'static> + Send + 'static,
    F: Future<Output = bool> + Send + 'static,
{
    let (mut slow_ones, mut fast_ones) = (Vec::new(), Vec::new());
    let start = Instant::now();
    for number in 0..100 {
        sleep_until(start + ms(100 * number)).await;
        slow_ones.push(tokio::spawn(slow()));
        sleep_until(start + ms(100 * number + 50)).await;
        let call = fast();
        let call = async move { timeout(secs(1), call).await == Ok(true) };
        fast_ones.push(tokio::spawn(call));
    }
    let answered = in_a_day(join_all(fast_ones)).await;
    let refused = slow_ones.iter().filter(|it| it.is_finished()).count();
    slow_ones.iter().for_each(JoinHandle::abort);
    (answered.into_iter().filter(|it| *it.as_ref().unwrap()).count(), refused)
}

#[tokio::test(start_paused = true)]
async fn with_one_limit_for_all_a_slow_service_takes_the_places_of_the_others() {
    let places = Arc::new(Semaphore::new(10));
    let (slow, fast) = (Arc::clone(&places), places);
    let slow = || {
        let places = Arc::clone(&slow);
        async move { naive::one_for_all(&places, takes(secs(30))).await }
    };
    let fast = || {
        let places = Arc::clone(&fast);
        async move { naive::one_for_all(&places, takes(ms(20))).await.is_ok() }
    };
    assert_eq!(answered_in_time(slow, fast).await, (9, 0), "of 100");
}

#[tokio::test(start_paused = true)]
async fn with_a_bulkhead_each_a_slow_service_takes_nothing_from_the_others() {
    let (slow, fast) = (bulkhead(5, 0, ms(100)), bulkhead(5, 0, ms(100)));
    let slow = || {
        let slow = slow.clone();
        async move { slow.call(|| takes(secs(30))).await }
    };
    let fast = || {
        let fast = fast.clone();
        async move { fast.call(|| takes(ms(20))).await.is_ok() }
    };
    assert_eq!(answered_in_time(slow, fast).await, (100, 95), "of 100");
}

/// For a minute, a call each 80 ms, and one place: a call needs 100 ms. How many are
/// answered, and the longest time from a call to its answer.
async fn a_minute_of_too_many<W: Future<Output = bool> + Send + 'static>(
    call: impl Fn() -> W,
) -> (usize, Duration) {
    let start = Instant::now();
    let calls = (0..750).map(|number: u64| {
        let call = call();
        // The first alone at 0 ms: then no call comes in the millisecond in which one ends.
        let comes = ms(80 * number + if number == 0 { 0 } else { 10 });
        tokio::spawn(async move {
            sleep_until(start + comes).await;
            (call.await, (start + comes).elapsed())
        })
    });
    let ended = in_a_day(join_all(calls)).await.into_iter().map(Result::unwrap);
    let answered: Vec<_> = ended.filter(|(answered, _)| *answered).collect();
    (answered.len(), answered.iter().map(|(_, took)| *took).max().unwrap())
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_limit_the_wait_grows_as_long_as_too_much_comes() {
    let places = Arc::new(Semaphore::new(1));
    let call = || {
        let places = Arc::clone(&places);
        async move { naive::one_for_all(&places, takes(ms(100))).await.is_ok() }
    };
    assert_eq!(a_minute_of_too_many(call).await, (750, ms(15_070)));
}

#[tokio::test(start_paused = true)]
async fn with_a_queue_limit_the_wait_has_an_end_and_the_service_is_as_busy() {
    let bulkhead = bulkhead(1, 5, secs(1));
    let call = || {
        let bulkhead = bulkhead.clone();
        async move { bulkhead.call(|| takes(ms(100))).await.is_ok() }
    };
    assert_eq!(a_minute_of_too_many(call).await, (605, ms(590)));
}

// Ways to get it wrong.

#[tokio::test(start_paused = true)]
async fn a_count_by_hand_loses_a_place_with_each_call_that_is_dropped() {
    let counted = naive::Counted::new(2);
    assert_eq!(counted.call(|| ready(Ok::<_, Failed>(1))).await, Ok(1));
    for _ in 0..2 {
        timeout(ms(10), counted.call(|| takes(ms(100)))).await.unwrap_err();
    }
    sleep(HOUR).await; // nothing runs, and nothing ever will
    assert_eq!(counted.call(|| takes(ms(1))).await, FULL);
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_stays_with_the_caller_bounds_no_task() {
    let (bulkhead, alive) = (bulkhead(2, 0, HOUR), Alive::default());
    let mut tasks = Vec::new();
    for _ in 0..100 {
        let guard = alive.guard();
        let work = async move {
            let _guard = guard;
            takes(HOUR).await
        };
        tasks.push(naive::spawn_within(&bulkhead, work).await.unwrap());
    }
    yield_now().await;
    assert_eq!((alive.count(), bulkhead.running()), (100, 0));
    tasks.iter().for_each(JoinHandle::abort);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_is_always_full_hides_that_it_is_closed() {
    let running = Arc::new(Semaphore::new(1));
    let permit = naive::try_acquire(&running).unwrap();
    assert_eq!(naive::try_acquire(&running).unwrap_err(), Refused::Full);
    drop(permit);
    running.close();
    let refused = naive::try_acquire(&running).unwrap_err();
    assert_eq!((refused, refused.transient()), (Refused::Full, true), "for ever");
}

// Blocking.

#[tokio::test]
async fn a_call_that_blocks_stops_its_thread_whatever_its_bulkhead() {
    let (bulkhead, done) = (bulkhead(1, 0, HOUR), Done::default());
    let blocks = || {
        for _ in 0..1000 {
            done.one(); // a computation, or a driver that blocks
        }
        ready(Ok::<_, Failed>(()))
    };
    let work = async {
        yield_now().await;
        bulkhead.call(blocks).await
    };
    let (outcome, turns) = turns_beside(&done, work).await;
    assert_eq!(outcome, Ok(()));
    assert!(turns.iter().all(|done| [0, 1000].contains(done)), "{turns:?}");
}

#[tokio::test]
async fn on_a_blocking_thread_it_stops_nobody_and_keeps_its_place() {
    let bulkhead = bulkhead(1, 0, HOUR);
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let begun = Arc::new(Notify::new());
    let begins = Arc::clone(&begun);
    let permit = bulkhead.acquire().await.unwrap();
    let blocks = spawn_blocking(move || {
        let _permit = permit;
        begins.notify_one();
        ended.recv() // blocks until the other end is dropped
    });
    begun.notified().await;
    // This thread runs other tasks meanwhile.
    tokio::spawn(yield_now()).await.unwrap();
    assert_eq!(bulkhead.try_acquire().unwrap_err(), Refused::Full);
    drop(end);
    blocks.await.unwrap().unwrap_err();
    assert_eq!(bulkhead.running(), 0);
}

// Tokio's semaphore.

#[tokio::test(start_paused = true)]
async fn who_waits_for_many_permits_keeps_those_that_are_free_from_all_others() {
    let semaphore = Arc::new(Semaphore::new(4));
    let one = semaphore.acquire().await.unwrap();
    assert_eq!(semaphore.available_permits(), 3);
    let many = Arc::clone(&semaphore);
    let mut many = Box::pin(many.acquire_many(4));
    assert!((&mut many).now_or_never().is_none());
    assert_eq!(semaphore.available_permits(), 0, "three are held by who waits");
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    timeout(HOUR, semaphore.acquire()).await.unwrap_err();
    drop(many);
    assert_eq!(semaphore.available_permits(), 3);
    drop(one);
}

// What tower's layers do.

/// The outcomes of so many calls at once, and the milliseconds after which they came.
async fn tower_calls<S>(service: &S, calls: usize) -> Vec<(Result<(), BoxError>, u128)>
where
    S: Service<(), Response = (), Error: Into<BoxError>> + Clone,
{
    let start = Instant::now();
    let calls = (0..calls).map(|_| async {
        let outcome = service.clone().oneshot(()).await.map_err(Into::into);
        (outcome, start.elapsed().as_millis())
    });
    in_a_day(join_all(calls)).await
}

#[tokio::test(start_paused = true)]
async fn tower_refuses_only_if_load_shed_stands_before_the_limit() {
    let outside = ServiceBuilder::new().load_shed().concurrency_limit(2);
    let outside = outside.service(service_fn(|()| takes(ms(90))));
    let outcomes = tower_calls(&outside, 5).await;
    let (ran, refused) = outcomes.split_at(2);
    assert!(ran.iter().all(|(outcome, at)| outcome.is_ok() && *at == 90));
    assert!(refused.iter().all(|(outcome, at)| {
        outcome.as_ref().is_err_and(|it| it.is::<Overloaded>()) && *at == 0
    }));
    let inside = ServiceBuilder::new().concurrency_limit(2).load_shed();
    let inside = inside.service(service_fn(|()| takes(ms(90))));
    let outcomes = tower_calls(&inside, 5).await;
    assert!(outcomes.iter().all(|(outcome, _)| outcome.is_ok()), "they wait");
    let at: Vec<_> = outcomes.iter().map(|(_, at)| *at).collect();
    assert_eq!(at, [90, 90, 180, 180, 270]);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_of_tower_does_not_count_the_wait_for_a_place() {
    let service = ServiceBuilder::new().timeout(ms(100)).concurrency_limit(1);
    let service = service.service(service_fn(|()| takes(ms(90))));
    let outcomes = tower_calls(&service, 3).await;
    assert!(outcomes.iter().all(|(outcome, _)| outcome.is_ok()));
    let at: Vec<_> = outcomes.iter().map(|(_, at)| *at).collect();
    assert_eq!(at, [90, 180, 270], "the limit is 100");
}

#[tokio::test(start_paused = true)]
async fn a_tower_service_that_is_ready_and_not_called_keeps_its_place() {
    let service = ServiceBuilder::new().concurrency_limit(1);
    let service = service.service(service_fn(|()| takes(ms(1))));
    let (mut idle, mut busy) = (service.clone(), service);
    idle.ready().await.unwrap();
    timeout(24 * HOUR, busy.ready()).await.unwrap_err();
    drop(idle);
    in_a_day(busy.ready()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_bound_of_a_tower_buffer_is_no_limit_to_the_calls_that_run() {
    let alive = Alive::default();
    let running = alive.clone();
    let service = service_fn(move |()| {
        let guard = running.guard();
        async move {
            let _guard = guard;
            takes(HOUR).await
        }
    });
    let buffer = Buffer::new(service, 2);
    let calls: Vec<_> =
        (0..20).map(|_| tokio::spawn(buffer.clone().oneshot(()))).collect();
    sleep(ms(1)).await;
    assert_eq!(alive.count(), 20);
    calls.iter().for_each(tokio::task::JoinHandle::abort);
    sleep(ms(1)).await;
    assert_eq!(alive.count(), 0, "a dropped call is dropped behind the buffer too");
}

/// Fails once to become ready, as a connection pool that cannot connect.
struct NotReadyOnce {
    asked: bool,
}

impl Service<()> for NotReadyOnce {
    type Response = ();
    type Error = BoxError;
    type Future = Ready<Result<(), BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        let answer = if self.asked { Ok(()) } else { Err(Failed.into()) };
        self.asked = true;
        Poll::Ready(answer)
    }

    fn call(&mut self, (): ()) -> Self::Future {
        ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn after_one_error_of_readiness_a_tower_buffer_fails_for_ever() {
    let buffer = Buffer::new(NotReadyOnce { asked: false }, 8);
    for _ in 0..3 {
        let error = in_a_day(buffer.clone().oneshot(())).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "buffered service failed: the service has failed"
        );
        sleep(HOUR).await;
    }
}

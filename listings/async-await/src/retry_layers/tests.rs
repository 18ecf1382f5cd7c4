use super::*;
use backend::alive::left_at_drops;
use backend::{Alive, Longest};
use policy::GaveUp;
use std::cell::Cell;
use std::future::{pending, ready};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use futures::FutureExt;
use futures::future::join_all;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const fn count(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

/// Three attempts, with waits of 100 and 200 ms.
fn three() -> Retry {
    Retry { attempts: count(3), budget: None, ..Retry::default() }
}

fn one() -> Retry {
    Retry { attempts: count(1), ..three() }
}

/// A bank that is down, and counts its calls.
#[derive(Default)]
struct Dead(AtomicU32);

impl Dead {
    async fn ask(&self) -> Result<(), BankError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        sleep(ms(10)).await;
        Err(BankError::Down)
    }

    fn calls(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

// Layers

#[tokio::test(start_paused = true)]
async fn three_naive_layers_of_three_tries_make_27_calls() {
    let bank = &Dead::default();
    let pay = || naive::retry(3, ms(100), || bank.ask());
    let order = || naive::retry(3, ms(100), pay);
    naive::retry(3, ms(100), order).await.unwrap_err();
    assert_eq!(bank.calls(), 27);
}

/// The payment of an order, as a layer above sees it.
async fn paid(bank: &Dead) -> Result<(), OrderError> {
    let retry = three();
    Ok(pay(&retry, &mut Longest, || bank.ask()).await?)
}

#[tokio::test(start_paused = true)]
async fn three_layers_that_ask_the_error_make_3_calls() {
    let bank = Dead::default();
    let retry = three();
    let mut rng = Longest;
    let shop = retry
        .run(&mut rng, |_| async { order(&retry, &mut Longest, || paid(&bank)).await });
    let error = shop.await.unwrap_err();
    assert_eq!(bank.calls(), 3);
    let causes: Vec<_> =
        std::iter::successors(Some(&error as &dyn Error), |&error| error.source())
            .map(ToString::to_string)
            .collect();
    assert_eq!(
        causes,
        [
            "permanent failure at attempt 1",
            "permanent failure at attempt 1",
            "the payment failed",
            "out of attempts at attempt 3",
            "the bank does not answer",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn two_layers_make_9_calls_if_the_upper_one_calls_each_error_transient() {
    let bank = Dead::default();
    let retry = three();
    let mut rng = Longest;
    let shop = retry.run(&mut rng, |_| async {
        paid(&bank).await.map_err(naive::AnyOrderError::from)
    });
    let error = shop.await.unwrap_err();
    assert_eq!((bank.calls(), error.reason), (9, GaveUp::Exhausted));
}

#[tokio::test(start_paused = true)]
async fn each_layer_tries_again_what_only_it_can_mend() {
    let saves = Cell::new(0);
    let save = || {
        saves.set(saves.get() + 1);
        ready(if saves.get() < 3 { Err(OrderError::Locked) } else { Ok(7) })
    };
    let start = Instant::now();
    assert_eq!(order(&three(), &mut Longest, save).await.unwrap(), 7);
    assert_eq!((saves.get(), start.elapsed()), (3, ms(300)));
}

#[tokio::test(start_paused = true)]
async fn a_refused_card_is_tried_once() {
    let calls = Cell::new(0);
    let refuse = || {
        calls.set(calls.get() + 1);
        ready(Err::<(), _>(BankError::Refused))
    };
    let error = pay(&three(), &mut Longest, refuse).await.unwrap_err();
    assert_eq!((calls.get(), error.reason), (1, GaveUp::Permanent));
}

// Callers

/// Ten retries; one comes back after ten successes.
fn ten() -> RetryBudget {
    RetryBudget::new(count(10), count(10))
}

/// What is left of a budget.
fn retries_left(budget: &RetryBudget) -> usize {
    std::iter::from_fn(|| budget.take().then_some(())).count()
}

#[tokio::test(start_paused = true)]
async fn a_hundred_callers_of_a_dead_service_make_300_calls() {
    let bank = Dead::default();
    let retry = three();
    let callers = (0..100)
        .map(|_| async { pay(&retry, &mut Longest, || bank.ask()).await.unwrap_err() });
    for error in join_all(callers).await {
        assert_eq!((error.reason, error.attempts), (GaveUp::Exhausted, 3));
    }
    assert_eq!(bank.calls(), 300);
}

#[tokio::test(start_paused = true)]
async fn with_a_budget_of_10_retries_they_make_110_calls() {
    let start = Instant::now();
    let (bank, budget, retry) = (Dead::default(), ten(), three());
    let callers = (0..100).map(|_| async {
        budget.run(&retry, &mut Longest, |_| bank.ask()).await.unwrap_err()
    });
    let errors = join_all(callers).await;
    assert_eq!(bank.calls(), 110);
    assert!(errors.iter().all(|error| error.reason == GaveUp::Permanent));
    let calls: u32 = errors.iter().map(|error| error.attempts).sum();
    assert_eq!(calls, 110);
    // The first wait is at most 100 ms, and nobody has a second one.
    assert_eq!(start.elapsed(), ms(120));
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_a_limit_is_taken_from_the_budget_too() {
    let start = Instant::now();
    let (budget, calls) = (ten(), Cell::new(0));
    let retry = Retry { limit: Some(ms(50)), ..three() };
    let silent = |_| {
        calls.set(calls.get() + 1);
        pending::<Result<(), BankError>>()
    };
    let callers = (0..100)
        .map(|_| async { budget.run(&retry, &mut Longest, silent).await.unwrap_err() });
    let errors = timeout(ms(10_000), join_all(callers)).await.expect("it has a limit");
    assert_eq!(calls.get(), 110);
    for error in errors {
        let Failure::Error(last) = error.last else {
            panic!("the limit is kept within")
        };
        assert_eq!(last, Attempt { failure: Failure::TimedOut(ms(50)), denied: true });
        assert_eq!(
            last.to_string(),
            "no answer within 50ms, and no retry is left in the budget"
        );
    }
    assert_eq!(start.elapsed(), ms(200));
}

#[tokio::test(start_paused = true)]
async fn a_caller_without_a_retry_left_has_the_last_error_and_the_reason() {
    let budget = RetryBudget::new(count(1), count(10));
    let bank = Dead::default();
    let retry = three();
    let error = budget.run(&retry, &mut Longest, |_| bank.ask()).await.unwrap_err();
    let last = Attempt { failure: Failure::Error(BankError::Down), denied: true };
    let last = Failure::Error(last);
    assert_eq!(error, RetryError { reason: GaveUp::Permanent, attempts: 2, last });
    let attempt = error.source().unwrap();
    assert_eq!(
        attempt.to_string(),
        "the attempt failed, and no retry is left in the budget"
    );
    assert_eq!(attempt.source().unwrap().downcast_ref(), Some(&BankError::Down));
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_an_attempt_may_need_a_day() {
    let retry = Retry { limit: None, ..three() };
    let day = Duration::from_hours(24);
    let slow = |_| sleep(day).map(|()| Ok::<_, BankError>(1));
    assert_eq!(ten().run(&retry, &mut Longest, slow).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn the_attempts_and_the_time_of_the_policy_still_hold() {
    let (budget, bank) = (ten(), Dead::default());
    let error = budget.run(&three(), &mut Longest, |_| bank.ask()).await.unwrap_err();
    assert_eq!((error.reason, error.attempts), (GaveUp::Exhausted, 3));
    let Failure::Error(last) = error.last else { panic!("the bank says no") };
    assert_eq!(
        last,
        Attempt { failure: Failure::Error(BankError::Down), denied: false }
    );
    assert_eq!(last.to_string(), "the attempt failed");

    let start = Instant::now();
    let retry = Retry { budget: Some(ms(125)), limit: Some(ms(20)), ..three() };
    let silent = |_| pending::<Result<(), BankError>>();
    let error = budget.run(&retry, &mut Longest, silent).await.unwrap_err();
    // 20 ms, a wait of 100 ms, and 5 ms that are left.
    assert_eq!((error.reason, error.attempts), (GaveUp::BudgetSpent, 2));
    assert_eq!(start.elapsed(), ms(125));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_no_retry_follows_takes_none() {
    let budget = ten();
    let refused = |_| ready(Err::<(), _>(BankError::Refused));
    let error = budget.run(&three(), &mut Longest, refused).await.unwrap_err();
    assert_eq!((error.reason, error.attempts), (GaveUp::Permanent, 1));
    let bank = Dead::default();
    budget.run(&one(), &mut Longest, |_| bank.ask()).await.unwrap_err();
    assert_eq!(retries_left(&budget), 10);
}

#[tokio::test(start_paused = true)]
async fn a_retry_comes_back_after_some_successes() {
    let budget = RetryBudget::new(count(2), count(3));
    assert_eq!(retries_left(&budget), 2);
    let succeed = async || {
        let answer = |_| ready(Ok::<_, BankError>(1));
        budget.run(&one(), &mut Longest, answer).await.unwrap();
    };
    for _ in 0..2 {
        succeed().await;
    }
    assert_eq!(retries_left(&budget), 0);
    succeed().await;
    assert_eq!(retries_left(&budget), 1);
    for _ in 0..100 {
        succeed().await;
    }
    assert_eq!(retries_left(&budget), 2); // never more than at the start
}

#[test]
fn on_several_threads_no_retry_is_taken_twice() {
    let budget = RetryBudget::new(count(1000), count(10));
    let taken: usize = std::thread::scope(|threads| {
        let each = || (0..500).filter(|_| budget.take()).count();
        let all: Vec<_> = (0..4).map(|_| threads.spawn(each)).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(taken, 1000);
}

#[test]
fn the_largest_budget_does_not_overflow() {
    let budget = RetryBudget::new(NonZeroU32::MAX, NonZeroU32::MAX);
    assert!(budget.take());
    budget.add_success();
}

/// Asks to be left alone for a second.
#[derive(Debug, thiserror::Error)]
#[error("busy")]
struct Busy;

impl Transient for Busy {
    fn transient(&self) -> bool {
        true
    }

    fn retry_after(&self) -> Option<Duration> {
        Some(Duration::from_secs(1))
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_service_asks_for_is_passed_on() {
    let start = Instant::now();
    let answer = |number| ready(if number == 1 { Err(Busy) } else { Ok(number) });
    let answer = ten().run(&three(), &mut Longest, answer).await;
    assert_eq!((answer.unwrap(), start.elapsed()), (2, ms(1100)));

    let start = Instant::now();
    let in_a_task =
        |number| in_a_task(ready(if number == 1 { Err(Busy) } else { Ok(2) }));
    assert_eq!(three().run(&mut Longest, in_a_task).await.unwrap(), 2);
    assert_eq!(start.elapsed(), ms(1100));
}

#[tokio::test(start_paused = true)]
async fn dropped_in_a_wait_it_calls_no_more_and_its_retry_is_taken() {
    let (budget, bank, retry) = (ten(), Dead::default(), three());
    let mut rng = Longest;
    let retrying = budget.run(&retry, &mut rng, |_| bank.ask());
    timeout(ms(50), retrying).await.unwrap_err();
    sleep(ms(1000)).await;
    assert_eq!(bank.calls(), 1);
    assert_eq!(retries_left(&budget), 9);
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_it_leaves_no_attempt() {
    let retrying = |alive: &Alive| {
        let guard = alive.guard();
        async move {
            let _guard = guard;
            let (budget, bank) = (ten(), Dead::default());
            budget.run(&three(), &mut Longest, |_| bank.ask()).await
        }
    };
    assert_eq!(left_at_drops(retrying).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_retry_with_a_budget_can_be_spawned() {
    let budget = Arc::new(ten());
    let bank = Arc::new(Dead::default());
    let retrying = tokio::spawn(async move {
        budget.run(&three(), &mut Longest, |_| bank.ask()).await
    });
    retrying.await.unwrap().unwrap_err();
}

// Tasks

/// Three attempts that need ten seconds each, of which each has 50 ms; how many of them
/// run at the end.
async fn attempts_left<Fut>(
    task: impl Fn(futures::future::BoxFuture<'static, Result<(), BankError>>) -> Fut,
) -> usize
where
    Fut: Future<Output = Result<(), TaskError<BankError>>>,
{
    let alive = Alive::default();
    let retry = Retry { limit: Some(ms(50)), ..three() };
    let attempt = |_| {
        let guard = alive.guard();
        let slow = async move {
            sleep(Duration::from_secs(10)).await;
            drop(guard);
            Err(BankError::Down)
        };
        task(slow.boxed())
    };
    let error = retry.run(&mut Longest, attempt).await.unwrap_err();
    assert_eq!(error.attempts, 3);
    yield_now().await;
    alive.count()
}

#[tokio::test(start_paused = true)]
async fn after_its_limit_a_naive_attempt_goes_on_as_a_task() {
    assert_eq!(attempts_left(naive::in_a_task).await, 3);
}

#[tokio::test(start_paused = true)]
async fn after_its_limit_the_task_of_an_attempt_is_aborted() {
    assert_eq!(attempts_left(in_a_task).await, 0);
}

#[tokio::test(start_paused = true)]
async fn the_task_of_an_attempt_is_gone_before_the_next_attempt() {
    let alive = Alive::default();
    let retry = Retry { limit: Some(ms(50)), ..three() };
    let attempt = |_| {
        assert_eq!(alive.count(), 0);
        let guard = alive.guard();
        in_a_task(async move {
            let _guard = guard;
            pending::<Result<(), BankError>>().await
        })
    };
    retry.run(&mut Longest, attempt).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn dropping_the_retry_aborts_the_task_of_its_attempt() {
    let alive = Alive::default();
    let guard = alive.guard();
    let attempt = in_a_task(async move {
        let _guard = guard;
        pending::<Result<(), BankError>>().await
    });
    timeout(ms(10), attempt).await.unwrap_err();
    yield_now().await;
    assert_eq!(alive.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_in_a_task_that_panics_is_not_tried_again() {
    let calls = Arc::new(AtomicU32::new(0));
    let attempt = |_| {
        let calls = Arc::clone(&calls);
        in_a_task(async move {
            calls.fetch_add(1, Ordering::SeqCst);
            assert!(calls.load(Ordering::SeqCst) == 0, "bug");
            Err::<(), _>(BankError::Down)
        })
    };
    let error = three().run(&mut Longest, attempt).await.unwrap_err();
    assert_eq!((error.reason, error.attempts), (GaveUp::Permanent, 1));
    let task = error.source().unwrap();
    assert_eq!(task.to_string(), "the task of the attempt has ended early");
    let panic = task.source().unwrap().to_string();
    assert!(panic.contains("bug"), "{panic}");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_without_a_task_panics_in_its_caller() {
    let attempt = |_| async { panic!("bug") };
    let retry = three();
    let mut rng = Longest;
    let retrying = retry.run::<(), BankError, _>(&mut rng, attempt);
    AssertUnwindSafe(retrying).catch_unwind().await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_task_is_tried_again_if_it_is_transient() {
    let attempt = |number| {
        in_a_task(async move {
            match number {
                1 => Err(BankError::Down),
                _ => Ok(number),
            }
        })
    };
    assert_eq!(three().run(&mut Longest, attempt).await.unwrap(), 2);
    let refused = |_| in_a_task(async { Err::<(), _>(BankError::Refused) });
    let error = three().run(&mut Longest, refused).await.unwrap_err();
    assert_eq!((error.reason, error.attempts), (GaveUp::Permanent, 1));
    let task = error.source().unwrap();
    assert_eq!(task.source().unwrap().downcast_ref(), Some(&BankError::Refused));
}

#[tokio::test(start_paused = true)]
async fn asked_to_stop_between_two_attempts_it_stops_at_once() {
    let (bank, stop, retry) = (Dead::default(), CancellationToken::new(), three());
    let start = Instant::now();
    let ask = async {
        sleep(ms(50)).await;
        stop.cancel();
    };
    let mut rng = Longest;
    let retrying = stop.run_until_cancelled(retry.run(&mut rng, |_| bank.ask()));
    let (stopped, ()) = futures::join!(retrying, ask);
    assert!(stopped.is_none());
    assert_eq!((bank.calls(), start.elapsed()), (1, ms(50)));
}

// State

#[tokio::test(start_paused = true)]
async fn an_async_closure_may_change_what_it_has_captured() {
    let mut calls = 0;
    let attempt = async |number| {
        calls += 1;
        sleep(ms(10)).await;
        calls += 10;
        if number < 3 { Err(BankError::Down) } else { Ok(number) }
    };
    let start = Instant::now();
    assert_eq!(run_mut(&three(), &mut Longest, attempt).await, Ok(3));
    assert_eq!((calls, start.elapsed()), (33, ms(330)));
}

#[tokio::test(start_paused = true)]
async fn a_lent_state_is_free_again_after_a_limit() {
    let mut calls = 0;
    let attempt = async |_| {
        calls += 1;
        pending::<Result<(), BankError>>().await
    };
    let retry = Retry { limit: Some(ms(50)), ..three() };
    let error = run_mut(&retry, &mut Longest, attempt).await.unwrap_err();
    assert_eq!((calls, error.reason), (3, GaveUp::Exhausted));
}

#[tokio::test(start_paused = true)]
async fn state_that_is_changed_before_the_async_block_needs_no_lending() {
    let mut calls = 0;
    let attempt = |number| {
        calls += 1;
        async move { if number < 3 { Err(BankError::Down) } else { Ok(number) } }
    };
    assert_eq!(three().run(&mut Longest, attempt).await, Ok(3));
    assert_eq!(calls, 3);
}

#[tokio::test(start_paused = true)]
async fn an_async_closure_that_owns_its_state_can_be_spawned() {
    let retrying = tokio::spawn(async {
        let mut calls = 0;
        let attempt = async move |_| {
            calls += 1;
            if calls < 3 { Err(BankError::Down) } else { Ok(calls) }
        };
        run_mut(&three(), &mut Longest, attempt).await
    });
    assert_eq!(retrying.await.unwrap(), Ok(3));
}

// Numbers

#[tokio::test(start_paused = true)]
async fn with_zero_tries_a_naive_retry_panics_and_asks_nobody() {
    let bank = Dead::default();
    let retrying = naive::retry(0, ms(100), || bank.ask());
    let panic = AssertUnwindSafe(retrying).catch_unwind().await.unwrap_err();
    let message = panic.downcast_ref::<&str>().copied();
    assert_eq!(message, Some("internal error: entered unreachable code"));
    assert_eq!(bank.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn with_80_tries_a_naive_retry_panics_at_an_overflow() {
    let bank = Dead::default();
    let retrying = naive::retry(80, ms(100), || bank.ask());
    let panic = AssertUnwindSafe(retrying).catch_unwind().await.unwrap_err();
    let message = panic.downcast_ref::<String>().map(String::as_str);
    assert_eq!(message, Some("overflow when multiplying duration by scalar"));
    assert_eq!(bank.calls(), 68);
}

#[tokio::test(start_paused = true)]
async fn with_80_attempts_the_policy_does_not_overflow() {
    let bank = Dead::default();
    let retry = Retry { attempts: count(80), ..three() };
    let error = pay(&retry, &mut Longest, || bank.ask()).await.unwrap_err();
    assert_eq!((bank.calls(), error.reason), (80, GaveUp::Exhausted));
}

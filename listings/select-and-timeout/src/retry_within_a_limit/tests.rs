use std::cell::{Cell, RefCell};
use std::error::Error;
use std::num::NonZeroU32;

use backend::alive::left_at_drops;
use backend::{Alive, Longest, ends};
use policy::{Failure, GaveUp};
use tokio::time::{Instant, sleep};

use super::*;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// The warehouse is busy.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the warehouse is busy")]
struct Busy;

impl Transient for Busy {
    fn transient(&self) -> bool {
        true
    }
}

/// Four attempts of at most 1 s, and the longest waits: 500 ms, 1 s, 2 s. Nothing limits all of it.
fn four() -> Retry {
    Retry {
        attempts: NonZeroU32::new(4).unwrap(),
        base: ms(500),
        limit: Some(ms(1_000)),
        budget: None,
        ..Retry::default()
    }
}

/// When the attempts began, in milliseconds, and how it all ended and when.
struct Run<T> {
    begun: Vec<u64>,
    end: T,
    at: u64,
}

/// Each attempt fails after this time (in milliseconds), the last one again and again. `None`: no answer.
fn failing<'a>(
    times: &'a [Option<u64>],
    begun: &'a RefCell<Vec<u64>>,
) -> impl FnMut(u32) -> futures::future::LocalBoxFuture<'a, Result<u32, Busy>> + 'a {
    let start = Instant::now();
    move |attempt| {
        begun.borrow_mut().push(start.elapsed().as_millis() as u64);
        let time = times[(attempt as usize - 1).min(times.len() - 1)];
        Box::pin(async move {
            match time {
                Some(time) => sleep(ms(time)).await,
                None => std::future::pending().await,
            }
            Err(Busy)
        })
    }
}

async fn within(
    total: u64,
    retry: &Retry,
    times: &[Option<u64>],
) -> Run<RetryError<Busy>> {
    let (begun, start) = (RefCell::default(), Instant::now());
    let (call, mut rng) = (failing(times, &begun), Longest);
    let end = ends(run_within(ms(total), retry, &mut rng, call)).await.unwrap_err();
    let at = start.elapsed().as_millis() as u64;
    Run { begun: begun.into_inner(), end, at }
}

fn out_of_time(attempts: u32, last: Failure<Busy>) -> RetryError<Busy> {
    RetryError { reason: GaveUp::BudgetSpent, attempts, last }
}

// What goes wrong.

#[tokio::test(start_paused = true)]
async fn four_attempts_of_a_second_take_eleven() {
    let (begun, start) = (RefCell::default(), Instant::now());
    let mut ask = failing(&[Some(900)], &begun);
    assert_eq!(naive::four_times(|| ask(1)).await, None);
    assert_eq!(start.elapsed(), ms(11_100));
    drop(ask);
    let last = *begun.borrow().last().unwrap();
    assert_eq!(
        (begun.borrow().len(), last + 900),
        (4, 7_100),
        "and 4 s more for nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn in_time_the_naive_loop_answers() {
    assert_eq!(naive::four_times(async || Ok::<_, Busy>(3)).await, Some(3));
}

#[tokio::test(start_paused = true)]
async fn a_limit_around_the_retry_ends_in_a_wait_and_loses_the_last_error() {
    let (begun, start) = (RefCell::default(), Instant::now());
    let call = failing(&[Some(900)], &begun);
    let end = naive::run_within(ms(3_000), &four(), &mut Longest, call).await;
    assert_eq!(end.unwrap_err().to_string(), "deadline has elapsed");
    assert_eq!(start.elapsed(), ms(3_000));
    assert_eq!(begun.into_inner(), [0, 1_400], "the second one has failed at 2.3 s");
}

// One limit for all of it.

#[tokio::test(start_paused = true)]
async fn a_wait_that_would_not_end_in_time_is_not_begun() {
    let run = within(3_000, &four(), &[Some(900)]).await;
    assert_eq!((run.begun, run.at), (vec![0, 1_400], 2_300));
    assert_eq!(run.end, out_of_time(2, Failure::Error(Busy)));
    assert_eq!(run.end.to_string(), "out of time at attempt 2");
    assert_eq!(run.end.source().unwrap().to_string(), "the warehouse is busy");
}

#[tokio::test(start_paused = true)]
async fn the_last_attempt_gets_the_time_that_is_left() {
    let run = within(4_000, &four(), &[None]).await;
    assert_eq!((run.begun, run.at), (vec![0, 1_500, 3_500], 4_000));
    assert_eq!(run.end, out_of_time(3, Failure::TimedOut(ms(500))));
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_the_total_is_never_passed() {
    for total in (100..12_000).step_by(100) {
        for times in [[Some(0), None], [None, Some(300)], [Some(900), Some(900)]] {
            let run = within(total, &four(), &times).await;
            assert!(run.at <= total, "{total}: {}", run.at);
            assert!(run.begun.iter().all(|at| *at < total), "{total}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn if_all_four_attempts_fit_they_are_all_made() {
    let run = within(60_000, &four(), &[Some(900)]).await;
    assert_eq!((run.begun, run.at), (vec![0, 1_400, 3_300, 6_200], 7_100));
    let last = Failure::Error(Busy);
    assert_eq!(run.end, RetryError { reason: GaveUp::Exhausted, attempts: 4, last });
}

#[tokio::test(start_paused = true)]
async fn a_budget_of_the_policy_that_is_shorter_holds_too() {
    let short = Retry { budget: Some(ms(2_500)), ..four() };
    assert_eq!(within(60_000, &short, &[None]).await.at, 2_500);
    let long = Retry { budget: Some(ms(60_000)), ..four() };
    assert_eq!(within(2_500, &long, &[None]).await.at, 2_500);
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_and_a_silence_the_third_attempt_answers() {
    let start = Instant::now();
    let call = async |attempt| match attempt {
        1 => Err(Busy),
        2 => std::future::pending().await,
        _ => {
            sleep(ms(300)).await;
            Ok(3)
        }
    };
    let answer = run_within(ms(4_000), &four(), &mut Longest, call).await;
    // 0.5 s, the limit of the second attempt, 1 s, and the third attempt.
    assert_eq!((answer, start.elapsed()), (Ok(3), ms(2_800)));
}

#[tokio::test(start_paused = true)]
async fn if_each_attempt_is_too_late_the_error_says_so() {
    let run = within(60_000, &four(), &[None]).await;
    assert_eq!((run.begun.len(), run.at), (4, 7_500));
    let last = Failure::TimedOut(ms(1_000));
    assert_eq!(run.end, RetryError { reason: GaveUp::Exhausted, attempts: 4, last });
    assert_eq!(
        run.end.to_string(),
        "out of attempts at attempt 4: no answer within 1s"
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_that_needs_more_than_the_limit_never_answers() {
    for (limit, calls, answer) in [(1_000, 4, None), (1_500, 1, Some(3))] {
        let retry = Retry { limit: Some(ms(limit)), ..four() };
        let called = Cell::new(0);
        let call = async |_| {
            called.set(called.get() + 1);
            sleep(ms(1_200)).await;
            Ok::<_, Busy>(3)
        };
        let end = run_within(ms(60_000), &retry, &mut Longest, call).await;
        assert_eq!((end.ok(), called.get()), (answer, calls), "{limit}");
    }
}

// The least time of an attempt.

#[tokio::test(start_paused = true)]
async fn with_a_least_time_no_attempt_begins_at_the_last_moment() {
    // The third attempt would begin at 3.3 s.
    let run = within(3_350, &four(), &[Some(900)]).await;
    assert_eq!((run.begun, run.at), (vec![0, 1_400, 3_300], 3_350));
    assert_eq!(run.end.last, Failure::TimedOut(ms(50)));

    let retry = Retry { least: ms(200), ..four() };
    let run = within(3_350, &retry, &[Some(900)]).await;
    assert_eq!((run.begun, run.at), (vec![0, 1_400], 2_300));
    assert_eq!(run.end.last, Failure::Error(Busy));

    let run = within(3_501, &retry, &[Some(900)]).await;
    assert_eq!((run.begun, run.at), (vec![0, 1_400, 3_300], 3_501));
}

// How long it may take.

#[tokio::test(start_paused = true)]
async fn longest_is_what_a_silent_service_costs() {
    let of_ten = Retry { attempts: NonZeroU32::new(10).unwrap(), ..four() };
    let two = Retry { attempts: NonZeroU32::new(2).unwrap(), ..four() };
    let with_a_budget = Retry { budget: Some(ms(3_600)), ..four() };
    let without_a_limit = Retry { limit: None, ..with_a_budget.clone() };
    for retry in [four(), of_ten, two, with_a_budget, without_a_limit] {
        let start = Instant::now();
        let never = |_| std::future::pending::<Result<(), Busy>>();
        ends(retry.run(&mut Longest, never)).await.unwrap_err();
        assert_eq!(longest(&retry), Some(start.elapsed()), "{retry:?}");
    }
    assert_eq!(longest(&four()), Some(ms(7_500)));
}

#[tokio::test(start_paused = true)]
async fn with_a_budget_it_may_end_before_the_longest_time() {
    // At 2.5 s, the next wait would be 1 s.
    let retry = Retry { budget: Some(ms(3_000)), ..four() };
    assert_eq!(within(60_000, &retry, &[None]).await.at, 2_500);
    assert_eq!(longest(&retry), Some(ms(3_000)));
}

#[test]
fn without_a_limit_and_a_budget_it_may_last_for_ever() {
    assert_eq!(longest(&Retry { limit: None, ..four() }), None);
    let longest_of_all = Retry { limit: Some(Duration::MAX), ..four() };
    assert_eq!(longest(&longest_of_all), Some(Duration::MAX), "nothing overflows");
}

// Drops.

fn silent(alive: &Alive) -> impl Future<Output = Result<u32, Busy>> + Send + use<> {
    let guard = alive.guard();
    async move {
        let _guard = guard;
        sleep(ms(50)).await;
        Err(Busy)
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_drops_it_drops_the_attempt() {
    let left = left_at_drops(|alive| {
        let alive = alive.clone();
        let retry = four();
        async move {
            let call = |_| silent(&alive);
            run_within(ms(3_000), &retry, &mut Longest, call).await.unwrap_err()
        }
    });
    assert_eq!(left.await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_retry_within_a_limit_can_be_spawned() {
    let alive = Alive::default();
    let task = tokio::spawn(async move {
        let call = |_| silent(&alive);
        run_within(ms(100), &four(), &mut Longest, call).await.unwrap_err()
    });
    assert_eq!(task.await.unwrap().attempts, 1);
}

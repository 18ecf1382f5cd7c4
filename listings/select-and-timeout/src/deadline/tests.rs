use std::cell::Cell;
use std::future::{pending, ready};
use std::num::NonZeroU32;

use backend::alive::left_at_drops;
use backend::{Alive, Longest, ends};
use policy::{GaveUp, Transient};
use tokio::time::{advance, sleep};

use super::*;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A step that needs so long.
async fn step(time: u64) -> u64 {
    sleep(ms(time)).await;
    time
}

// What goes wrong.

#[tokio::test(start_paused = true)]
async fn three_steps_with_a_limit_each_take_longer_than_the_caller_waits() {
    let start = Instant::now();
    let steps = || step(900);
    let page = naive::three_steps(ms(1_000), steps, steps, steps);
    assert_eq!(ends(page).await, Ok((900, 900, 900)));
    assert_eq!(start.elapsed(), ms(2_700));
    let late = || step(5_000);
    assert!(naive::three_steps(ms(1_000), steps, steps, late).await.is_err());
    assert_eq!(start.elapsed(), ms(2_700 + 2_800));
}

#[tokio::test(start_paused = true)]
async fn timeout_at_gives_ok_for_a_ready_step_though_its_deadline_has_passed() {
    let deadline = Instant::now() + ms(1_000);
    advance(ms(6_000)).await;
    let booked = Cell::new(0);
    let book = async { booked.set(booked.get() + 1) };
    assert_eq!(naive::run(deadline, "book", book).await, Ok(()));
    assert_eq!(booked.get(), 1, "and it has done its work, 5 s late");
    let waits = naive::run(deadline, "wait", pending::<()>()).await;
    assert_eq!(waits, Err(TooLate::Dropped("wait")), "what must wait is refused");
}

// One moment for all steps.

#[tokio::test(start_paused = true)]
async fn all_steps_share_one_deadline() {
    let start = Instant::now();
    let deadline = Deadline::after(ms(2_000));
    assert_eq!(deadline.left(), ms(2_000));
    assert_eq!(deadline.run("stock", step(900)).await, Ok(900));
    assert_eq!(deadline.left(), ms(1_100));
    assert_eq!(deadline.run("price", step(900)).await, Ok(900));
    let alive = Alive::default();
    let courier = {
        let guard = alive.guard();
        async move {
            step(900).await;
            drop(guard);
        }
    };
    let late = ends(deadline.run("courier", courier)).await;
    assert_eq!(late, Err(TooLate::Dropped("courier")));
    assert_eq!((start.elapsed(), alive.count()), (ms(2_000), 0));
    assert_eq!(deadline.left(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn after_the_deadline_no_step_begins() {
    let deadline = Deadline::after(ms(1_000));
    for late in [1_000, 5_000] {
        advance(ms(late)).await;
        let begun = Cell::new(0);
        let ready = async { begun.set(1) };
        let end = deadline.run("book", ready).await;
        assert_eq!((end, begun.get()), (Err(TooLate::NotBegun("book")), 0));
        let start = Instant::now();
        let waits = ends(deadline.run("wait", pending::<()>())).await;
        assert_eq!(waits, Err(TooLate::NotBegun("wait")));
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_that_blocks_beyond_the_deadline_still_gives_its_answer() {
    let deadline = Deadline::after(ms(1_000));
    // As if the thread had been blocked for 5 s: nobody looks at the clock in between.
    let blocks = async { advance(ms(5_000)).await };
    assert_eq!(deadline.run("blocks", blocks).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn steps_in_steps_share_it_too_and_the_innermost_one_says_so() {
    async fn courier(deadline: Deadline) -> Result<u64, TooLate> {
        deadline.run("address", step(300)).await?;
        deadline.run("route", step(5_000)).await
    }
    async fn page(deadline: Deadline) -> Result<u64, TooLate> {
        deadline.run("stock", step(900)).await?;
        deadline.run("courier", courier(deadline)).await?
    }
    let start = Instant::now();
    let end = ends(page(Deadline::after(ms(2_000)))).await;
    assert_eq!((end, start.elapsed()), (Err(TooLate::Dropped("route")), ms(2_000)));
}

#[tokio::test(start_paused = true)]
async fn tasks_and_steps_at_the_same_time_share_it() {
    let start = Instant::now();
    let deadline = Deadline::after(ms(1_000));
    let task = tokio::spawn(deadline.run("task", step(5_000)));
    let fast = deadline.run("fast", step(900));
    let slow = deadline.run("slow", step(5_000));
    let (task, fast, slow) = ends(async { tokio::join!(task, fast, slow) }).await;
    assert_eq!(task.unwrap(), Err(TooLate::Dropped("task")));
    assert_eq!((fast, slow), (Ok(900), Err(TooLate::Dropped("slow"))));
    assert_eq!(start.elapsed(), ms(1_000));
}

#[tokio::test(start_paused = true)]
async fn a_step_may_have_a_shorter_limit_but_no_longer_one() {
    let deadline = Deadline::after(ms(2_000));
    assert_eq!(deadline.at_most(ms(500)).left(), ms(500));
    assert_eq!(deadline.at_most(ms(5_000)), deadline);
    assert_eq!(deadline.at_most(Duration::MAX), deadline);
    advance(ms(1_800)).await;
    assert_eq!(deadline.at_most(ms(500)), deadline);
    let start = Instant::now();
    let late = deadline.at_most(ms(50)).run("stock", step(900)).await;
    assert_eq!((late, start.elapsed()), (Err(TooLate::Dropped("stock")), ms(50)));
}

#[tokio::test(start_paused = true)]
async fn time_can_be_kept_for_the_last_step() {
    let start = Instant::now();
    let deadline = Deadline::after(ms(2_000));
    let early = deadline.keep(ms(300));
    assert!(ends(early.run("courier", pending::<()>())).await.is_err());
    assert_eq!(start.elapsed(), ms(1_700));
    assert_eq!(deadline.run("page without courier", step(200)).await, Ok(200));
    for more in [ms(2_000), ms(3_000), Duration::MAX] {
        let none = Deadline::after(ms(2_000)).keep(more);
        assert_eq!(none.left(), Duration::ZERO);
        let end = none.run("stock", ready(3)).await;
        assert_eq!(end, Err(TooLate::NotBegun("stock")));
    }
}

#[tokio::test(start_paused = true)]
async fn the_longest_deadline_there_is_is_far_away() {
    let far = Deadline::after(Duration::MAX);
    assert_eq!(far.left(), Duration::from_hours(30 * 365 * 24));
    assert_eq!(far.run("soon", step(5)).await, Ok(5));
}

// A retry.

struct Busy;

impl Transient for Busy {
    fn transient(&self) -> bool {
        true
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_ends_at_the_deadline_too() {
    let policy = Retry { limit: Some(ms(1_000)), ..Retry::default() };
    let start = Instant::now();
    let deadline = Deadline::after(ms(2_500));
    step(1_000).await;
    let retry = deadline.retry(&policy);
    assert_eq!(retry, Retry { budget: Some(ms(1_500)), ..policy.clone() });
    let never = |_| pending::<Result<(), Busy>>();
    let error = ends(retry.run(&mut Longest, never)).await.unwrap_err();
    assert_eq!((error.reason, error.attempts), (GaveUp::BudgetSpent, 2));
    assert_eq!(start.elapsed(), ms(2_500));
}

#[tokio::test(start_paused = true)]
async fn a_retry_in_a_step_says_why_its_last_attempt_failed() {
    let (start, deadline) = (Instant::now(), Deadline::after(ms(1_500)));
    let retry = deadline.retry(&Retry { base: ms(500), ..Retry::default() });
    let mut rng = Longest;
    // The second attempt fails at 1.3 s, and the next wait would be 1 s.
    let busy = async |_| {
        sleep(ms(400)).await;
        Err::<(), _>(Busy)
    };
    let end = deadline.run("the price", retry.run(&mut rng, busy)).await;
    let error = end.expect("it has begun").expect_err("it is busy");
    assert_eq!((error.reason, error.attempts), (GaveUp::BudgetSpent, 2));
    assert!(matches!(error.last, policy::Failure::Error(Busy)));
    assert_eq!(start.elapsed(), ms(1_300), "before the deadline");
}

#[tokio::test(start_paused = true)]
async fn after_the_deadline_a_retry_makes_one_attempt_unless_it_is_a_step() {
    let deadline = Deadline::after(ms(1_000));
    advance(ms(1_000)).await;
    let calls = Cell::new(0);
    let call = |_| {
        calls.set(calls.get() + 1);
        ready(Err::<(), _>(Busy))
    };
    let retry = deadline.retry(&Retry::default());
    assert!(retry.run(&mut Longest, call).await.is_err());
    assert_eq!(calls.get(), 1);
    let mut rng = Longest;
    let step = deadline.run("the price", retry.run(&mut rng, call));
    assert!(matches!(step.await, Err(TooLate::NotBegun("the price"))));
    assert_eq!(calls.get(), 1, "no other call");
}

#[tokio::test(start_paused = true)]
async fn a_shorter_budget_of_the_policy_holds_too() {
    let one = Retry { attempts: NonZeroU32::MIN, ..Retry::default() };
    let policy = Retry { budget: Some(ms(700)), ..one.clone() };
    let deadline = Deadline::after(ms(2_500));
    assert_eq!(deadline.retry(&policy), policy);
    let without = Retry { budget: None, ..one };
    assert_eq!(deadline.retry(&without).budget, Some(ms(2_500)));
}

// Drops.

#[tokio::test(start_paused = true)]
async fn whoever_drops_a_step_leaves_nothing_of_it() {
    let left = left_at_drops(|alive| {
        let guard = alive.guard();
        let step = async move {
            step(5).await;
            drop(guard);
        };
        Deadline::after(ms(100)).run("step", step)
    });
    assert_eq!(left.await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_step_with_a_deadline_can_be_spawned() {
    let task = tokio::spawn(Deadline::after(ms(100)).run("step", ready(3)));
    assert_eq!(task.await.unwrap(), Ok(3));
}

use super::naive::{Phase as NaivePhase, TimerBreaker};
use super::*;
use backend::cancel::at_every_await;
use futures::future::join_all;
use policy::retry::{Failure, GaveUp, Retry, RetryError};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::error::Error;
use std::future::pending;
use std::io;
use std::mem;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use tokio::runtime::{Builder, Handle};
use tokio::time::{advance, sleep, sleep_until, timeout};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn n(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

fn rng() -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(1)
}

/// 3 failures open it for 2 s; 5 s are slow; 1 probe at once; 2 successes close it.
fn policy() -> BreakerPolicy {
    BreakerPolicy {
        failures: n(3),
        slow: secs(5),
        open: secs(2),
        jitter: Duration::ZERO,
        probes: n(1),
        successes: n(2),
    }
}

fn breaker(policy: BreakerPolicy) -> Breaker {
    Breaker::new(policy, &mut rng()).unwrap()
}

fn open_for<E>(retry_after: Duration) -> Result<(), BreakerError<E>> {
    Err(BreakerError::Open(Open { retry_after }))
}

/// What a call gives that answers after `time`.
async fn after<T>(time: Duration, answer: T) -> T {
    sleep(time).await;
    answer
}

async fn succeed(breaker: &Breaker) -> Result<(), BreakerError<&'static str>> {
    breaker.call(async || Ok(())).await
}

async fn fail(breaker: &Breaker) -> Result<(), BreakerError<&'static str>> {
    breaker.call(async || Err("down")).await
}

/// An open breaker, now.
async fn opened(policy: BreakerPolicy) -> Breaker {
    let breaker = breaker(policy);
    for _ in 0..policy.failures.get() {
        fail(&breaker).await.unwrap_err();
    }
    let retry_after = policy.open;
    assert_eq!(breaker.state(), State::Open { retry_after });
    breaker
}

/// A breaker that lets its first probe pass, now.
async fn half_open(policy: BreakerPolicy) -> Breaker {
    let breaker = opened(policy).await;
    sleep(policy.open).await;
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker
}

/// A naive call; its errors are text, as they have to be.
async fn naive_call(
    breaker: &Arc<TimerBreaker>,
    time: Duration,
    answer: Result<(), &str>,
) -> Result<(), String> {
    let answer = answer.map_err(str::to_owned);
    breaker.call(|| after(time, answer)).await
}

/// A naive breaker that was opened now, by calls that need no time.
async fn naive_opened(policy: BreakerPolicy) -> Arc<TimerBreaker> {
    let breaker = TimerBreaker::new(policy);
    for _ in 0..policy.failures.get() {
        naive_call(&breaker, Duration::ZERO, Err("down")).await.unwrap_err();
    }
    assert_eq!(breaker.phase(), NaivePhase::Open);
    breaker
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

// Open, and closed again.

#[tokio::test(start_paused = true)]
async fn so_many_failures_in_a_row_open_it_for_exactly_its_time() {
    let breaker = breaker(policy());
    for _ in 0..3 {
        assert_eq!(breaker.state(), State::Closed);
        assert_eq!(fail(&breaker).await, Err(BreakerError::Inner("down")));
    }
    assert_eq!(succeed(&breaker).await, open_for(secs(2)));
    sleep(ms(1999)).await;
    assert_eq!(succeed(&breaker).await, open_for(ms(1)));
    sleep(ms(1)).await;
    assert_eq!(succeed(&breaker).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_success_in_between_starts_the_count_anew() {
    let breaker = breaker(policy());
    for _ in 0..10 {
        fail(&breaker).await.unwrap_err();
        fail(&breaker).await.unwrap_err();
        succeed(&breaker).await.unwrap();
    }
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn while_it_is_open_the_service_is_not_called() {
    let (breaker, calls) = (opened(policy()).await, AtomicU32::new(0));
    for _ in 0..100 {
        let call = async || {
            calls.fetch_add(1, Ordering::Relaxed);
            Ok::<_, &str>(())
        };
        breaker.call(call).await.unwrap_err();
    }
    assert_eq!(calls.into_inner(), 0);
}

/// Ten orders a second for a minute, each with a limit of 2 s, at a bank that is silent: how
/// many reach it, how many customers wait 2 s, and the most calls at once.
async fn a_minute_of_orders(breaker: Option<&Breaker>) -> (u32, u32, u32) {
    let (reached, waited, most) =
        (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    let (start, in_flight) = (Instant::now(), AtomicU32::new(0));
    let charge = async || {
        reached.fetch_add(1, Ordering::Relaxed);
        most.fetch_max(
            in_flight.fetch_add(1, Ordering::Relaxed) + 1,
            Ordering::Relaxed,
        );
        let paid = timeout(secs(2), pending::<()>()).await;
        in_flight.fetch_sub(1, Ordering::Relaxed);
        paid
    };
    join_all((0..600).map(|order| {
        let (charge, waited) = (&charge, &waited);
        async move {
            sleep_until(start + ms(100) * order).await;
            let came = Instant::now();
            match breaker {
                None => drop(charge().await),
                Some(breaker) => drop(breaker.call(charge).await),
            }
            if came.elapsed() >= secs(2) {
                waited.fetch_add(1, Ordering::Relaxed);
            }
        }
    }))
    .await;
    (reached.into_inner(), waited.into_inner(), most.into_inner())
}

#[tokio::test(start_paused = true)]
async fn of_600_orders_in_a_minute_29_reach_a_bank_that_is_silent() {
    let policy = BreakerPolicy { jitter: Duration::ZERO, ..BreakerPolicy::default() };
    let breaker = breaker(policy);
    let (reached, waited, _) = a_minute_of_orders(Some(&breaker)).await;
    assert_eq!((reached, waited), (29, 29));
}

#[tokio::test(start_paused = true)]
async fn without_a_breaker_600_of_600_orders_wait_for_a_bank_that_is_silent() {
    let (reached, waited, most) = a_minute_of_orders(None).await;
    assert_eq!((reached, waited), (600, 600));
    assert!(
        (20..=21).contains(&most),
        "one more in the millisecond of a change: {most}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_breaker_for_each_call_never_opens() {
    let policy = BreakerPolicy { failures: n(2), ..policy() };
    for _ in 0..100 {
        let breaker = breaker(policy);
        assert_eq!(fail(&breaker).await, Err(BreakerError::Inner("down")));
        assert_eq!(breaker.state(), State::Closed);
    }
}

// The ten defects, and what is there instead.

#[tokio::test(start_paused = true)]
async fn it_closes_after_exactly_so_many_successes() {
    for successes in 1..5 {
        let breaker =
            half_open(BreakerPolicy { successes: n(successes), ..policy() }).await;
        for _ in 0..successes {
            assert_eq!(breaker.state(), State::HalfOpen);
            succeed(&breaker).await.unwrap();
        }
        assert_eq!(breaker.state(), State::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn the_timer_breaker_closes_after_one_success_whatever_its_policy_says() {
    let breaker = naive_opened(BreakerPolicy { successes: n(5), ..policy() }).await;
    sleep(ms(2001)).await;
    naive_call(&breaker, ms(1), Ok(())).await.unwrap();
    assert_eq!(breaker.phase(), NaivePhase::Closed);
}

#[tokio::test(start_paused = true)]
async fn of_100_calls_at_once_so_many_are_probes() {
    for probes in [1, 7] {
        let breaker = half_open(BreakerPolicy { probes: n(probes), ..policy() }).await;
        let calls =
            (0..100).map(|_| breaker.call(|| after(ms(20), Err::<(), _>("down"))));
        let results = join_all(calls).await;
        let reached =
            results.iter().filter(|it| matches!(it, Err(BreakerError::Inner(_))));
        assert_eq!(reached.count(), probes as usize);
        assert_eq!(results[99], open_for(secs(2)), "as long as if the probe fails");
    }
}

#[tokio::test(start_paused = true)]
async fn the_timer_breaker_lets_100_of_100_calls_be_probes() {
    let breaker = naive_opened(policy()).await;
    sleep(ms(2001)).await;
    let calls = (0..100).map(|_| naive_call(&breaker, ms(20), Err("down")));
    let results = join_all(calls).await;
    assert!(results.into_iter().all(|result| result == Err("down".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_hundred_failures_start_no_task() {
    let breaker = half_open(BreakerPolicy { probes: n(100), ..policy() }).await;
    let calls = (0..100).map(|_| breaker.call(|| after(ms(20), Err::<(), _>("down"))));
    join_all(calls).await;
    assert_eq!(breaker.state(), State::Open { retry_after: secs(2) });
    assert_eq!(tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_failures_start_a_hundred_timers_of_the_timer_breaker() {
    let breaker = naive_opened(policy()).await;
    sleep(ms(2001)).await;
    assert_eq!(tasks(), 0);
    let calls = (0..100).map(|_| naive_call(&breaker, ms(20), Err("down")));
    join_all(calls).await;
    assert_eq!(tasks(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_late_does_not_change_how_long_it_is_open() {
    let breaker = breaker(policy());
    let late = breaker.call(|| after(secs(1), Err::<(), _>("down")));
    let others = async {
        for _ in 0..3 {
            fail(&breaker).await.unwrap_err();
        }
        sleep(ms(1500)).await;
        assert_eq!(breaker.state(), State::Open { retry_after: ms(500) }, "no longer");
        sleep(ms(500)).await;
        fail(&breaker).await.unwrap_err(); // the probe, at 2 s
        sleep(ms(1999)).await;
        assert_eq!(breaker.state(), State::Open { retry_after: ms(1) }, "no shorter");
    };
    let (late, ()) = tokio::join!(late, others);
    assert_eq!(late, Err(BreakerError::Inner("down")), "its caller gets its error");
}

#[tokio::test(start_paused = true)]
async fn the_second_timer_half_opens_the_timer_breaker_too_early() {
    let breaker = TimerBreaker::new(policy());
    let late = naive_call(&breaker, secs(1), Err("down"));
    let others = async {
        for _ in 0..3 {
            naive_call(&breaker, Duration::ZERO, Err("down")).await.unwrap_err();
        }
        sleep(ms(2010)).await; // the first timer
        naive_call(&breaker, Duration::ZERO, Err("down")).await.unwrap_err();
        assert_eq!(breaker.phase(), NaivePhase::Open, "for 2 s from now on");
        sleep(secs(1)).await; // the timer of the call that failed late
        assert_eq!(breaker.phase(), NaivePhase::HalfOpen);
    };
    let _both = tokio::join!(late, others);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_closed_stays_closed_without_a_call() {
    let breaker = breaker(policy());
    let late = breaker.call(|| after(secs(1), Err::<(), _>("down")));
    let others = async {
        for _ in 0..3 {
            fail(&breaker).await.unwrap_err();
        }
        sleep(secs(2)).await;
        succeed(&breaker).await.unwrap();
        succeed(&breaker).await.unwrap();
        for _ in 0..100 {
            sleep(ms(100)).await;
            assert_eq!(breaker.state(), State::Closed);
        }
    };
    let _both = tokio::join!(late, others);
}

#[tokio::test(start_paused = true)]
async fn an_old_timer_half_opens_a_healthy_timer_breaker() {
    let breaker = TimerBreaker::new(policy());
    let late = naive_call(&breaker, secs(1), Err("down"));
    let others = async {
        for _ in 0..3 {
            naive_call(&breaker, Duration::ZERO, Err("down")).await.unwrap_err();
        }
        sleep(ms(2010)).await;
        naive_call(&breaker, Duration::ZERO, Ok(())).await.unwrap();
        assert_eq!(breaker.phase(), NaivePhase::Closed);
        sleep(secs(1)).await; // nobody calls
        assert_eq!(breaker.phase(), NaivePhase::HalfOpen);
    };
    let _both = tokio::join!(late, others);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_succeeds_late_does_not_close_it() {
    let policy = BreakerPolicy { probes: n(2), successes: n(1), ..policy() };
    // It ends while the breaker is open again; and while it is half-open again.
    for late in [ms(600), ms(2600)] {
        let breaker = half_open(policy).await;
        let slow = breaker.call(|| after(late, Ok::<_, &str>(())));
        let other = async {
            let probe = breaker.call(|| after(ms(100), Err::<(), _>("down"))).await;
            assert_eq!(probe, Err(BreakerError::Inner("down")));
        };
        let (slow, ()) = tokio::join!(slow, other);
        assert_eq!(slow, Ok(()), "its caller gets its answer");
        let open = State::Open { retry_after: ms(1500) };
        let then = if late == ms(600) { open } else { State::HalfOpen };
        assert_eq!(breaker.state(), then);
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_success_closes_the_timer_breaker_that_has_just_opened() {
    let breaker = naive_opened(policy()).await;
    sleep(ms(2001)).await;
    let slow = naive_call(&breaker, ms(600), Ok(()));
    let other = async {
        naive_call(&breaker, ms(100), Err("down")).await.unwrap_err();
        assert_eq!(breaker.phase(), NaivePhase::Open);
    };
    let _both = tokio::join!(slow, other);
    assert_eq!(breaker.phase(), NaivePhase::Closed, "0.5 s after it opened");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_opens_it_whatever_came_late_before() {
    let breaker = breaker(policy());
    let late = breaker.call(|| after(secs(1), Ok::<_, &str>(())));
    let others = async {
        for _ in 0..3 {
            fail(&breaker).await.unwrap_err();
        }
        sleep(secs(2)).await;
        fail(&breaker).await.unwrap_err();
        assert_eq!(breaker.state(), State::Open { retry_after: secs(2) });
    };
    let _both = tokio::join!(late, others);
}

#[tokio::test(start_paused = true)]
async fn after_a_late_success_a_failing_probe_leaves_the_timer_breaker_half_open() {
    let breaker = TimerBreaker::new(policy());
    let late = naive_call(&breaker, secs(1), Ok(()));
    let others = async {
        for _ in 0..3 {
            naive_call(&breaker, Duration::ZERO, Err("down")).await.unwrap_err();
        }
        sleep(ms(2010)).await;
        naive_call(&breaker, Duration::ZERO, Err("down")).await.unwrap_err();
        assert_eq!(breaker.phase(), NaivePhase::HalfOpen);
    };
    let _both = tokio::join!(late, others);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_has_failed() {
    let breaker = breaker(policy());
    for _ in 0..3 {
        let call = breaker.call(pending::<Result<(), &str>>);
        timeout(secs(1), call).await.unwrap_err();
    }
    assert_eq!(succeed(&breaker).await, open_for(secs(2)));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_has_failed() {
    let breaker = breaker(BreakerPolicy { failures: n(2), ..policy() });
    let at_once = breaker.clone();
    let in_the_closure = tokio::spawn(async move {
        let call =
            || -> std::future::Ready<Result<(), &str>> { panic!("in the closure") };
        at_once.call(call).await
    });
    assert!(in_the_closure.await.unwrap_err().is_panic());
    let later = breaker.clone();
    let in_the_future = tokio::spawn(async move {
        later.call(async || -> Result<(), &str> { panic!("in the future") }).await
    });
    assert!(in_the_future.await.unwrap_err().is_panic());
    assert_eq!(succeed(&breaker).await, open_for(secs(2)));
}

#[tokio::test(start_paused = true)]
async fn the_timer_breaker_counts_no_call_that_is_dropped_and_none_that_panics() {
    let breaker = TimerBreaker::new(policy());
    for _ in 0..10 {
        let call = naive_call(&breaker, secs(2), Err("down"));
        timeout(secs(1), call).await.unwrap_err();
        let panics = Arc::clone(&breaker);
        let panics = tokio::spawn(async move {
            panics.call(async || -> Result<(), String> { panic!("in a call") }).await
        });
        panics.await.unwrap_err();
    }
    assert_eq!((breaker.phase(), breaker.failures()), (NaivePhase::Closed, 0));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_a_breaker_that_is_dropped() {
    let breaker = opened(policy()).await;
    let circuit = Arc::downgrade(&breaker.circuit);
    drop(breaker);
    assert_eq!((circuit.strong_count(), tasks()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_timer_outlives_the_timer_breaker() {
    let breaker = naive_opened(policy()).await;
    let left = Arc::downgrade(&breaker);
    drop(breaker);
    sleep(secs(1)).await;
    assert_eq!((left.strong_count(), tasks()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_back_is_called_again() {
    // The service is down until 3 s. One call each 100 ms, which needs 10 ms.
    let (breaker, start) = (breaker(policy()), Instant::now());
    let mut passed = Vec::new();
    for call in 0..60 {
        sleep_until(start + ms(100) * call).await;
        let up = start.elapsed() >= secs(3);
        let answer = if up { Ok(()) } else { Err("down") };
        if let Ok(()) | Err(BreakerError::Inner(_)) =
            breaker.call(|| after(ms(10), answer)).await
        {
            passed.push(start.elapsed().as_millis() - 10);
        }
    }
    // Three fail; open from 210 to 2210; the probe of 2300 fails; open until 4310.
    assert_eq!(passed[..4], [0, 100, 200, 2300]);
    assert!(passed[4..].iter().copied().eq((4400..6000).step_by(100)));
    assert_eq!(breaker.state(), State::Closed);
}

// What counts as a failure.

#[tokio::test(start_paused = true)]
async fn what_the_caller_does_not_count_does_not_open_it() {
    let judge = |result: &Result<(), u16>| match result {
        Ok(()) | Err(404) => Verdict::Success,
        Err(_) => Verdict::Failure,
    };
    let breaker = breaker(policy());
    for _ in 0..100 {
        let not_found = breaker.call_with(judge, async || Err(404)).await;
        assert_eq!(not_found, Err(BreakerError::Inner(404)));
    }
    for status in [503, 404, 503, 503] {
        breaker.call_with(judge, async || Err(status)).await.unwrap_err();
        assert_eq!(breaker.state(), State::Closed, "a 404 is an answer: 503s in a row");
    }
    breaker.call_with(judge, async || Err(503)).await.unwrap_err();
    assert_eq!(breaker.state(), State::Open { retry_after: secs(2) });
}

#[tokio::test(start_paused = true)]
async fn an_answer_can_be_a_failure_too() {
    let judge = |result: &Result<u16, io::Error>| match result {
        Ok(status) if *status < 500 => Verdict::Success,
        _ => Verdict::Failure,
    };
    let breaker = breaker(policy());
    for _ in 0..3 {
        assert_eq!(breaker.call_with(judge, async || Ok(503)).await.unwrap(), 503);
    }
    assert_eq!(breaker.state(), State::Open { retry_after: secs(2) });
}

#[tokio::test(start_paused = true)]
async fn a_call_that_says_nothing_counts_for_nothing_and_gives_its_place_back() {
    let breaker = breaker(policy());
    fail(&breaker).await.unwrap_err();
    fail(&breaker).await.unwrap_err();
    breaker.try_acquire().unwrap().ends_as(Verdict::Unknown);
    assert_eq!(breaker.state(), State::Closed, "no failure");
    fail(&breaker).await.unwrap_err();
    assert_eq!(breaker.state(), State::Open { retry_after: secs(2) }, "nor a success");
    sleep(secs(2)).await;
    for _ in 0..10 {
        breaker.try_acquire().unwrap().ends_as(Verdict::Unknown);
        assert_eq!(breaker.state(), State::HalfOpen);
    }
    let probe = breaker.try_acquire().unwrap();
    breaker.try_acquire().unwrap_err();
    drop(probe);
    assert_eq!(breaker.state(), State::Open { retry_after: secs(2) });
}

#[tokio::test(start_paused = true)]
async fn the_loser_of_a_race_need_not_be_a_failure() {
    let breaker = breaker(BreakerPolicy { failures: n(1), ..policy() });
    for _ in 0..10 {
        drop(breaker.try_acquire().unwrap().dropped_as(Verdict::Unknown));
    }
    assert_eq!(breaker.state(), State::Closed);
    // It still says what it is if it ends.
    breaker
        .try_acquire()
        .unwrap()
        .dropped_as(Verdict::Unknown)
        .ends_as(Verdict::Failure);
    assert_eq!(breaker.state(), State::Open { retry_after: secs(2) });
}

#[tokio::test(start_paused = true)]
async fn a_slow_success_is_a_failure() {
    let breaker = breaker(BreakerPolicy { failures: n(1), ..policy() });
    breaker.call(|| after(secs(5), Ok::<_, &str>(()))).await.unwrap();
    assert_eq!(breaker.state(), State::Closed);
    let slow = breaker.call(|| after(ms(5001), Ok::<_, &str>(()))).await;
    assert_eq!(slow, Ok(()), "its caller gets the answer");
    assert_eq!(breaker.state(), State::Open { retry_after: secs(2) });
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_that_says_nothing_counts_for_nothing() {
    let breaker = breaker(BreakerPolicy { failures: n(1), ..policy() });
    let permit = breaker.try_acquire().unwrap();
    sleep(secs(6)).await;
    permit.ends_as(Verdict::Unknown);
    assert_eq!(breaker.state(), State::Closed);
}

// Probes.

#[tokio::test(start_paused = true)]
async fn a_probe_that_never_ends_has_failed_when_it_is_slow() {
    let breaker = half_open(policy()).await;
    let hangs = breaker.try_acquire().unwrap(); // at 0 s
    sleep(secs(5)).await;
    assert_eq!(breaker.try_acquire().unwrap_err(), Open { retry_after: secs(2) });
    assert_eq!(breaker.state(), State::HalfOpen);
    sleep(ms(1)).await; // open since 5 s, for 2 s
    assert_eq!(breaker.try_acquire().unwrap_err(), Open { retry_after: ms(1999) });
    sleep(ms(1999)).await;
    let next = breaker.try_acquire().unwrap();
    hangs.ends_as(Verdict::Failure); // too late to say anything
    assert_eq!(breaker.state(), State::HalfOpen);
    next.ends_as(Verdict::Success);
    succeed(&breaker).await.unwrap();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_succeeds_too_late_has_failed_when_it_became_slow() {
    let breaker = half_open(policy()).await;
    let slow = breaker.try_acquire().unwrap();
    sleep(secs(6)).await; // nobody looks
    slow.ends_as(Verdict::Success);
    assert_eq!(breaker.state(), State::Open { retry_after: secs(1) });
}

#[tokio::test(start_paused = true)]
async fn after_a_probe_that_is_forgotten_another_one_follows() {
    let breaker = half_open(policy()).await;
    mem::forget(breaker.try_acquire().unwrap());
    sleep(secs(60)).await; // nobody looks
    succeed(&breaker).await.unwrap();
    succeed(&breaker).await.unwrap();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn the_oldest_probe_is_the_one_that_is_slow() {
    let breaker = half_open(BreakerPolicy { probes: n(3), ..policy() }).await;
    let _first = breaker.try_acquire().unwrap();
    sleep(secs(2)).await;
    let second = breaker.try_acquire().unwrap();
    sleep(secs(1)).await;
    let _third = breaker.try_acquire().unwrap();
    second.ends_as(Verdict::Unknown); // its place is free, and no other one
    sleep(secs(2)).await; // 5 s after the first
    assert_eq!(breaker.state(), State::HalfOpen);
    sleep(ms(1)).await;
    assert_eq!(breaker.state(), State::Open { retry_after: ms(1999) });
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_ends_makes_room_for_the_next() {
    let breaker = half_open(BreakerPolicy { successes: n(3), ..policy() }).await;
    for at in [0, 1] {
        let probe = breaker.try_acquire().unwrap();
        breaker.try_acquire().unwrap_err();
        sleep(ms(10)).await;
        probe.ends_as(Verdict::Success);
        assert_eq!(breaker.state(), State::HalfOpen, "after probe {at}");
    }
}

#[test]
fn of_eight_threads_one_is_the_probe() {
    // Outside a runtime, so on the real clock.
    let policy =
        BreakerPolicy { failures: n(1), open: Duration::from_nanos(1), ..policy() };
    for _ in 0..100 {
        let (breaker, barrier) = (breaker(policy), Barrier::new(8));
        breaker.try_acquire().unwrap().ends_as(Verdict::Failure);
        let is_half_open = (0..1_000_000).any(|_| {
            thread::yield_now(); // until the nanosecond is over
            breaker.state() == State::HalfOpen
        });
        assert!(is_half_open);
        let passed = thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    let (breaker, barrier) = (breaker.clone(), &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        let permit = breaker.try_acquire();
                        barrier.wait(); // keeps it until all have asked
                        permit.is_ok()
                    })
                })
                .collect();
            threads
                .into_iter()
                .filter(|_| true)
                .map(|it| it.join().unwrap())
                .collect::<Vec<_>>()
        });
        assert_eq!(passed.iter().filter(|passed| **passed).count(), 1);
    }
}

// How long it is open.

/// For how long each of so many breaks lasts, if each failure opens it.
async fn breaks(breaker: &Breaker, many: usize) -> Vec<Duration> {
    let mut lasted = Vec::new();
    for _ in 0..many {
        fail(breaker).await.unwrap_err();
        let State::Open { retry_after } = breaker.state() else { panic!("not open") };
        lasted.push(retry_after);
        sleep(retry_after + ms(1)).await;
    }
    lasted
}

#[tokio::test(start_paused = true)]
async fn each_break_is_drawn_anew_between_open_and_open_with_the_jitter() {
    let policy = BreakerPolicy { failures: n(1), jitter: secs(1), ..policy() };
    let lasted = breaks(&breaker(policy), 100).await;
    assert!(lasted.iter().all(|it| (secs(2)..=secs(3)).contains(it)));
    assert!(
        lasted.iter().any(|it| *it < ms(2100))
            && lasted.iter().any(|it| *it > ms(2900))
    );
    assert_eq!(lasted.iter().collect::<BTreeSet<_>>().len(), 100);
    assert_eq!(breaks(&breaker(policy), 100).await, lasted, "the same seed");
    let other =
        Breaker::new(policy, &mut Xoshiro256PlusPlus::seed_from_u64(2)).unwrap();
    assert_ne!(
        breaks(&other, 1).await[0],
        lasted[0],
        "two processes do not come together"
    );
}

#[tokio::test(start_paused = true)]
async fn without_jitter_each_break_is_the_same() {
    let policy = BreakerPolicy { failures: n(1), ..policy() };
    assert_eq!(breaks(&breaker(policy), 3).await, [secs(2); 3]);
}

#[tokio::test(start_paused = true)]
async fn the_longest_times_do_not_overflow() {
    let (slow, open, jitter) = (Duration::MAX, Duration::MAX, Duration::MAX);
    let breaker =
        breaker(BreakerPolicy { slow, open, jitter, failures: n(1), ..policy() });
    fail(&breaker).await.unwrap_err();
    assert_eq!(breaker.state(), State::Open { retry_after: Duration::MAX });
    sleep(secs(3600)).await;
    let left = Duration::MAX.saturating_sub(secs(3600));
    assert_eq!(breaker.try_acquire().unwrap_err(), Open { retry_after: left });
}

#[test]
fn on_a_clock_that_is_behind_nothing_is_early() {
    // Two runtimes that share it, each with a paused clock of its own.
    let breaker = breaker(BreakerPolicy { failures: n(1), ..policy() });
    let mut circuit = lock(&breaker.circuit);
    let early = Instant::now();
    let now = early + secs(10);
    let generation = circuit.admit(now).unwrap();
    circuit.end(generation, now, Verdict::Failure, now);
    assert_eq!(circuit.admit(early), Err(Open { retry_after: secs(2) }));
    let generation = circuit.admit(now + secs(2)).unwrap();
    assert_eq!(circuit.state(early), State::HalfOpen);
    circuit.end(generation, now + secs(2), Verdict::Success, early);
    assert_eq!(circuit.state(early), State::HalfOpen);
}

// One for each host.

#[tokio::test(start_paused = true)]
async fn a_breaker_for_each_host_stops_only_the_one_that_is_down() {
    let hosts = [("east", breaker(policy())), ("west", breaker(policy()))];
    let asked = Mutex::new(Vec::new());
    let ask = |host| {
        asked.lock().unwrap().push(host);
        async move { if host == "west" { Ok(host) } else { Err("down") } }
    };
    for _ in 0..5 {
        assert_eq!(first_answer(&hosts, ask).await, Ok("west"));
    }
    let first_three = ["east", "west"].repeat(3);
    assert_eq!(asked.into_inner().unwrap(), [first_three, vec!["west"; 2]].concat());
}

#[tokio::test(start_paused = true)]
async fn one_breaker_for_all_hosts_stops_the_healthy_one() {
    let breaker = breaker(BreakerPolicy { failures: n(2), ..policy() });
    let ask = async |host| if host == "west" { Ok(host) } else { Err("down") };
    let hosts = ["east", "north", "west"];
    let asked = naive::first_answer(&hosts, &breaker, ask).await;
    let open = BreakerError::Open(Open { retry_after: secs(2) });
    let down = BreakerError::Inner("down");
    assert_eq!(asked, Err(vec![down, down, open]));
}

#[tokio::test(start_paused = true)]
async fn if_no_host_answers_each_says_why() {
    let open = opened(policy()).await;
    let hosts = [("east", open), ("west", breaker(policy()))];
    let asked: Result<(), _> = first_answer(&hosts, async |_| Err("down")).await;
    let open = BreakerError::Open(Open { retry_after: secs(2) });
    assert_eq!(asked, Err(vec![open, BreakerError::Inner("down")]));
}

// The calls.

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_a_call_is_one_failure() {
    let breaker = breaker(BreakerPolicy { failures: n(3), ..policy() });
    let call = || {
        breaker.call(async || {
            sleep(ms(1)).await;
            sleep(ms(1)).await;
            Ok::<_, &str>(())
        })
    };
    let dropped = at_every_await(call, |polls, output| {
        let circuit = lock(&breaker.circuit);
        let Phase::Closed { failures } = circuit.phase else { panic!("open") };
        // Before its first poll, a call has not begun.
        let expected = if output.is_some() { 0 } else { polls as u32 };
        assert_eq!(failures, expected);
    });
    assert_eq!(dropped.await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_call_holds_no_lock_while_it_waits() {
    let breaker = breaker(policy());
    let is_free = || breaker.circuit.try_lock().is_ok();
    let call = breaker.call(|| {
        let at_first = is_free();
        async move {
            sleep(ms(1)).await;
            Ok::<_, &str>((at_first, is_free()))
        }
    });
    assert_eq!(call.await, Ok((true, true)));
}

#[tokio::test(start_paused = true)]
async fn a_call_can_be_spawned_and_clones_are_one_breaker() {
    let breaker = breaker(policy());
    for _ in 0..3 {
        let breaker = breaker.clone();
        tokio::spawn(async move { fail(&breaker).await }).await.unwrap().unwrap_err();
    }
    assert_eq!(succeed(&breaker).await, open_for(secs(2)));
}

#[tokio::test(start_paused = true)]
async fn a_permit_can_go_into_a_task() {
    let breaker = breaker(BreakerPolicy { failures: n(1), ..policy() });
    let permit = breaker.try_acquire().unwrap();
    let task = tokio::spawn(async move {
        let _permit = permit;
        pending::<()>().await;
    });
    task.abort();
    task.await.unwrap_err();
    assert_eq!(breaker.state(), State::Open { retry_after: secs(2) });
}

#[test]
fn it_needs_no_runtime() {
    let breaker = breaker(BreakerPolicy { failures: n(1), ..policy() });
    drop(breaker.try_acquire().unwrap());
    assert!(breaker.try_acquire().unwrap_err().retry_after > Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_look_changes_nothing() {
    // Twice the same calls: once, somebody looks a hundred times in between.
    let run = async |looks: usize| {
        let policy = BreakerPolicy { jitter: secs(1), ..policy() };
        let (breaker, mut results) = (breaker(policy), Vec::new());
        for call in 0..40 {
            for _ in 0..looks {
                let state = breaker.state();
                assert_eq!(breaker.state(), state);
            }
            let answer = if call % 9 < 5 { Err("down") } else { Ok(()) };
            results.push(breaker.call(|| after(ms(10), answer)).await);
            sleep(ms(500)).await;
        }
        results
    };
    assert_eq!(run(0).await, run(100).await);
}

// Errors and policies.

#[test]
fn the_error_says_whether_the_call_was_made_and_keeps_its_cause() {
    let open = BreakerError::<io::Error>::from(Open { retry_after: ms(1500) });
    assert_eq!(open.to_string(), "not called: the breaker is open for another 1.5s");
    assert!(open.source().is_none());
    let inner = BreakerError::Inner(io::Error::other("a broken pipe"));
    assert_eq!(inner.to_string(), "the call failed");
    assert_eq!(inner.source().unwrap().to_string(), "a broken pipe");
}

struct Busy(bool);

impl Transient for Busy {
    fn transient(&self) -> bool {
        self.0
    }

    fn retry_after(&self) -> Option<Duration> {
        self.0.then_some(secs(7))
    }
}

#[test]
fn an_error_says_whether_to_try_again_and_an_open_breaker_says_no() {
    let open = BreakerError::<Busy>::Open(Open { retry_after: secs(2) });
    assert_eq!((open.transient(), open.retry_after()), (false, Some(secs(2))));
    let busy = BreakerError::Inner(Busy(true));
    assert_eq!((busy.transient(), busy.retry_after()), (true, Some(secs(7))));
    let gone = BreakerError::Inner(Busy(false));
    assert_eq!((gone.transient(), gone.retry_after()), (false, None));
}

#[tokio::test(start_paused = true)]
async fn a_retry_around_an_open_breaker_gives_up_at_once() {
    let policy = BreakerPolicy { failures: n(2), open: secs(60), ..policy() };
    let breaker = breaker(policy);
    let retry = Retry { attempts: n(5), ..Retry::default() };
    let mut rng = rng();
    let busy = |_| breaker.call(async || Err::<(), _>(Busy(true)));
    let RetryError { reason, attempts, last } =
        retry.run(&mut rng, busy).await.unwrap_err();
    assert_eq!((reason, attempts), (GaveUp::Permanent, 3), "two calls, and one look");
    assert!(matches!(last, Failure::Error(BreakerError::Open(_))));
}

#[test]
fn what_would_never_open_or_never_close_is_refused() {
    let refused = |policy| Breaker::new(policy, &mut rng()).unwrap_err();
    let never_open = refused(BreakerPolicy { open: Duration::ZERO, ..policy() });
    assert_eq!(never_open, InvalidBreaker::NeverOpen);
    let always_slow = refused(BreakerPolicy { slow: Duration::ZERO, ..policy() });
    assert_eq!(always_slow, InvalidBreaker::AlwaysSlow);
}

#[test]
fn the_default_policy_is_valid_and_what_it_says() {
    let policy = BreakerPolicy::default();
    assert!(Breaker::new(policy, &mut rng()).is_ok());
    let counts = (policy.failures, policy.probes, policy.successes);
    assert_eq!(counts, (n(5), n(1), n(2)));
    let times = (policy.slow, policy.open, policy.jitter);
    assert_eq!(times, (secs(5), secs(10), secs(2)));
}

// Any order of calls, against a model.

/// What somebody does.
#[derive(Clone, Copy, Debug)]
enum Step {
    Wait(u64),
    Call,
    /// Which of the calls that are out.
    End(usize, Verdict),
    Look,
}

fn any_step() -> impl Strategy<Value = Step> {
    let verdict = prop_oneof![
        3 => Just(Verdict::Success),
        3 => Just(Verdict::Failure),
        1 => Just(Verdict::Unknown),
    ];
    prop_oneof![
        3 => (0..60_u64).prop_map(Step::Wait),
        4 => Just(Step::Call),
        4 => (any::<usize>(), verdict).prop_map(|(which, verdict)| Step::End(which, verdict)),
        1 => Just(Step::Look),
    ]
}

/// A breaker as a clock would run it that ticks each millisecond, with all that it ever did.
struct Model {
    policy: BreakerPolicy,
    now: u64,
    /// When each phase began, and which it is. The last one is now.
    history: Vec<(u64, ModelPhase)>,
    /// The calls that are out: when each began, and in which phase of the history.
    out: Vec<(u64, usize)>,
    /// What the calls of the current phase said, in order.
    said: Vec<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum ModelPhase {
    Closed,
    Open,
    HalfOpen,
}

impl Model {
    fn new(policy: BreakerPolicy) -> Self {
        let history = vec![(0, ModelPhase::Closed)];
        Self { policy, now: 0, history, out: Vec::new(), said: Vec::new() }
    }

    fn phase(&self) -> ModelPhase {
        self.history[self.era()].1
    }

    fn era(&self) -> usize {
        self.history.len() - 1
    }

    fn enter(&mut self, at: u64, phase: ModelPhase) {
        self.history.push((at, phase));
        self.said.clear();
    }

    fn slow(&self) -> u64 {
        self.policy.slow.as_millis() as u64
    }

    fn open(&self) -> u64 {
        self.policy.open.as_millis() as u64
    }

    fn probes_out(&self) -> impl Iterator<Item = u64> + '_ {
        self.out.iter().filter(|(_, era)| *era == self.era()).map(|(began, _)| *began)
    }

    fn tick(&mut self) {
        self.now += 1;
        if self.phase() == ModelPhase::HalfOpen {
            let limit = self.now - 1;
            if self.probes_out().any(|began| began + self.slow() == limit) {
                self.enter(limit, ModelPhase::Open);
            }
        }
        self.half_open();
    }

    fn half_open(&mut self) {
        let since = self.history[self.era()].0;
        if self.phase() == ModelPhase::Open && self.now >= since + self.open() {
            self.enter(self.now, ModelPhase::HalfOpen);
        }
    }

    fn state(&self) -> State {
        match self.phase() {
            ModelPhase::Closed => State::Closed,
            ModelPhase::HalfOpen => State::HalfOpen,
            ModelPhase::Open => {
                let left = self.history[self.era()].0 + self.open() - self.now;
                State::Open { retry_after: ms(left) }
            }
        }
    }

    fn call(&mut self) -> Result<(), Open> {
        let full = self.probes_out().count() >= self.policy.probes.get() as usize;
        match self.state() {
            State::Open { retry_after } => return Err(Open { retry_after }),
            State::HalfOpen if full => {
                return Err(Open { retry_after: self.policy.open });
            }
            State::HalfOpen | State::Closed => {}
        }
        self.out.push((self.now, self.era()));
        Ok(())
    }

    fn end(&mut self, which: usize, verdict: Verdict) {
        let (began, era) = self.out.remove(which);
        if era != self.era() || verdict == Verdict::Unknown {
            return;
        }
        self.said.push(verdict == Verdict::Success && self.now - began <= self.slow());
        let in_a_row = self.said.iter().rev().take_while(|good| !**good).count() as u32;
        let (phase, good) =
            (self.phase(), self.said.iter().filter(|good| **good).count());
        match phase {
            ModelPhase::Closed if in_a_row == self.policy.failures.get() => {
                self.enter(self.now, ModelPhase::Open);
            }
            ModelPhase::HalfOpen if in_a_row > 0 => {
                self.enter(self.now, ModelPhase::Open);
            }
            ModelPhase::HalfOpen if good as u32 == self.policy.successes.get() => {
                self.enter(self.now, ModelPhase::Closed);
            }
            _ => {}
        }
        self.half_open();
    }
}

prop_compose! {
    fn any_policy()(
        failures in 1..4_u32,
        slow in 1..100_u64,
        open in 1..100_u64,
        probes in 1..4_u32,
        successes in 1..4_u32,
    ) -> BreakerPolicy {
        BreakerPolicy {
            failures: n(failures),
            slow: ms(slow),
            open: ms(open),
            jitter: Duration::ZERO,
            probes: n(probes),
            successes: n(successes),
        }
    }
}

proptest! {
    #[test]
    fn in_any_order_of_calls_and_looks_it_does_what_the_model_does(
        policy in any_policy(),
        steps in prop::collection::vec(any_step(), 1..200),
    ) {
        let paused = Builder::new_current_thread().enable_time().start_paused(true).build();
        paused.unwrap().block_on(async {
            let (breaker, mut model) = (breaker(policy), Model::new(policy));
            let mut permits = Vec::new();
            for step in steps {
                match step {
                    Step::Wait(time) => {
                        advance(ms(time)).await;
                        (0..time).for_each(|_| model.tick());
                    }
                    Step::Call => {
                        let permit = breaker.try_acquire();
                        prop_assert_eq!(permit.as_ref().map(|_| ()).map_err(|open| *open), model.call());
                        permits.extend(permit);
                    }
                    Step::End(..) if permits.is_empty() => {}
                    Step::End(which, verdict) => {
                        let which = which % permits.len();
                        permits.remove(which).ends_as(verdict);
                        model.end(which, verdict);
                    }
                    Step::Look => prop_assert_eq!(breaker.state(), model.state()),
                }
            }
            prop_assert_eq!(breaker.state(), model.state());
            Ok(())
        })?;
    }
}

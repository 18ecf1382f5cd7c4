//! The proofs of the page on retries that call a service: `backend` knows `policy`, so they stand here.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::num::NonZeroU32;
use std::task::Poll;
use std::time::Duration;

use backend::cancel::at_every_await;
use backend::{Alive, Load, Longest, Page, Reply, Site, SiteError, alive};
use futures::future::join_all;
use policy::retry::{Failure, GaveUp, Retry, RetryError, Transient};
use rand::rngs::{SmallRng, ThreadRng, Xoshiro256PlusPlus};
use rand::{Rng, SeedableRng};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, advance, sleep, timeout};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn times(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

/// Waits of 100, 200, 400 ms and so on up to 10 s, without limit or budget.
fn patient(attempts: u32) -> Retry {
    Retry {
        attempts: times(attempts),
        base: ms(100),
        factor: times(2),
        cap: secs(10),
        limit: None,
        budget: None,
        least: ms(0),
    }
}

/// A generator whose numbers rand promises to keep (`SmallRng` and `StdRng` may change).
fn seeded(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

fn replying(replies: impl IntoIterator<Item = Reply>) -> Site {
    Site::default().with_replies("/a", replies)
}

/// Fails each time, at once.
fn down() -> Site {
    replying([Reply::status(ms(0), 503)])
}

async fn run(retry: &Retry, site: &Site) -> Result<Page, RetryError<SiteError>> {
    retry.run(&mut Longest, |_| site.fetch("/a")).await
}

fn status(code: u16) -> SiteError {
    SiteError::Status { path: "/a".into(), code, retry_after: None }
}

/// When each attempt began, with waits drawn from `rng`.
async fn attempts_at(retry: &Retry, rng: &mut impl Rng, site: &Site) -> Vec<u64> {
    let start = Instant::now();
    let mut at = Vec::new();
    let call = |_| {
        at.push(start.elapsed().as_millis() as u64);
        site.fetch("/a")
    };
    retry.run(rng, call).await.ok();
    at
}

#[tokio::test(start_paused = true)]
async fn it_tries_until_it_succeeds() {
    let busy = || Reply::status(ms(5), 503);
    let site = replying([busy(), busy(), Reply::page(ms(5), "here")]);
    let start = Instant::now();
    assert_eq!(run(&patient(5), &site).await.unwrap().body, "here");
    assert_eq!((site.load().calls, start.elapsed()), (3, ms(5 + 100 + 5 + 200 + 5)));
}

#[tokio::test(start_paused = true)]
async fn a_permanent_error_is_returned_after_one_call() {
    let site = down();
    let start = Instant::now();
    let call = |_| site.fetch("/nowhere");
    let error = patient(5).run(&mut Longest, call).await.unwrap_err();
    assert_eq!((error.reason, error.attempts), (GaveUp::Permanent, 1));
    assert_eq!(
        error.last,
        Failure::Error(SiteError::NotFound { path: "/nowhere".into() })
    );
    assert_eq!((site.load().calls, start.elapsed()), (1, ms(0)));
}

#[tokio::test(start_paused = true)]
async fn a_permanent_error_of_the_last_attempt_is_called_so() {
    let site = replying([Reply::status(ms(1), 503), Reply::status(ms(1), 404)]);
    let error = run(&patient(2), &site).await.unwrap_err();
    assert_eq!((error.reason, error.attempts), (GaveUp::Permanent, 2));
}

#[tokio::test(start_paused = true)]
async fn the_last_error_is_returned() {
    let replies = [503, 503, 429].map(|code| Reply::status(ms(5), code));
    let error = run(&patient(3), &replying(replies)).await.unwrap_err();
    let last = Failure::Error(status(429));
    assert_eq!(error, RetryError { reason: GaveUp::Exhausted, attempts: 3, last });
    let source = error.source().and_then(|source| source.downcast_ref::<SiteError>());
    assert_eq!(source, Some(&status(429)));
}

#[tokio::test(start_paused = true)]
async fn one_attempt_is_one_call_and_no_wait() {
    let site = down();
    let start = Instant::now();
    let error = run(&patient(1), &site).await.unwrap_err();
    assert_eq!((error.reason, error.attempts), (GaveUp::Exhausted, 1));
    assert_eq!((site.load().calls, start.elapsed()), (1, ms(0)));
}

#[tokio::test(start_paused = true)]
async fn the_operation_may_change_its_state_before_each_attempt() {
    let site = down();
    let mut log = Vec::new();
    let call = |attempt| {
        log.push(attempt);
        site.fetch("/a")
    };
    patient(3).run(&mut Longest, call).await.unwrap_err();
    assert_eq!(log, [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn attempts_share_in_a_cell_what_they_change_later() {
    let site = down();
    let answers = Cell::new(0);
    let call = async |attempt| {
        let answer = site.fetch("/a").await;
        answers.set(answers.get() + attempt);
        answer
    };
    patient(3).run(&mut Longest, call).await.unwrap_err();
    assert_eq!(answers.get(), 1 + 2 + 3);
}

#[tokio::test(start_paused = true)]
async fn waits_grow_up_to_the_cap() {
    let retry = Retry { cap: ms(300), ..patient(5) };
    let at = attempts_at(&retry, &mut Longest, &down()).await;
    assert_eq!(at, [0, 100, 300, 600, 900]);
    assert_eq!(retry.waits().collect::<Vec<_>>(), [ms(100), ms(200), ms(300), ms(300)]);
    let by_three = Retry { factor: times(3), ..patient(4) };
    assert_eq!(by_three.waits().collect::<Vec<_>>(), [ms(100), ms(300), ms(900)]);
    let even = Retry { factor: times(1), ..patient(4) };
    assert_eq!(even.waits().collect::<Vec<_>>(), [ms(100); 3]);
    let at_once = Retry { base: ms(0), ..patient(4) };
    assert_eq!(attempts_at(&at_once, &mut Longest, &down()).await, [0; 4]);
}

#[tokio::test(start_paused = true)]
async fn a_seed_fixes_each_wait() {
    let draw = async |seed| attempts_at(&patient(5), &mut seeded(seed), &down()).await;
    assert_eq!(draw(1).await, [0, 81, 231, 271, 868]);
    assert_eq!(draw(2).await, [0, 77, 184, 445, 680]);
}

#[tokio::test(start_paused = true)]
async fn each_wait_between_zero_and_the_longest_is_drawn() {
    let mut rng = seeded(1);
    let retry = Retry { base: ms(3), ..patient(2) };
    let mut drawn = BTreeMap::new();
    for _ in 0..400 {
        let at = attempts_at(&retry, &mut rng, &down()).await;
        *drawn.entry(at[1]).or_insert(0) += 1;
    }
    assert_eq!(drawn.keys().copied().collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert!(drawn.values().all(|times| (70..130).contains(times)), "{drawn:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_rounded_up_to_whole_milliseconds() {
    let fine = Duration::from_micros(300);
    let retry = Retry { base: fine, ..patient(4) };
    assert_eq!(retry.waits().collect::<Vec<_>>(), [1, 1, 2].map(ms));
    assert_eq!(attempts_at(&retry, &mut Longest, &down()).await, [0, 1, 2, 4]);
    let retry = Retry { base: ms(0), ..patient(2) };
    let asks = replying([Reply::busy(ms(0), fine)]);
    assert_eq!(attempts_at(&retry, &mut Longest, &asks).await, [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn the_longest_times_there_are_can_be_waited() {
    let longest = Duration::MAX;
    let asks = replying([Reply::busy(ms(0), longest), Reply::never()]);
    let retry =
        Retry { base: longest, cap: longest, limit: Some(longest), ..patient(9) };
    let hour = secs(3600);
    assert!(timeout(hour, run(&retry, &asks)).await.is_err());
    assert_eq!((asks.load().calls, asks.load().in_flight), (1, 0), "it waits");
    let budget = Retry { base: ms(0), budget: Some(longest), ..retry };
    assert!(timeout(hour, run(&budget, &replying([Reply::never()]))).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_hangs_costs_attempts_times_the_limit() {
    let site = replying([Reply::never()]);
    let retry = Retry { base: ms(0), limit: Some(ms(50)), ..patient(3) };
    let start = Instant::now();
    let error = run(&retry, &site).await.unwrap_err();
    let last = Failure::TimedOut(ms(50));
    assert_eq!(error, RetryError { reason: GaveUp::Exhausted, attempts: 3, last });
    assert!(error.source().is_none());
    assert_eq!(start.elapsed(), ms(3 * 50));
    assert_eq!(
        site.load(),
        Load { calls: 3, in_flight: 0, peak: 1, answered: 0, dropped: 3 }
    );
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_timed_out_is_followed_by_another() {
    let site = replying([Reply::never(), Reply::page(ms(10), "here")]);
    let retry = Retry { limit: Some(ms(50)), ..patient(3) };
    let start = Instant::now();
    assert_eq!(run(&retry, &site).await.unwrap().body, "here");
    assert_eq!(start.elapsed(), ms(50 + 100 + 10));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_timed_out_is_dropped_before_the_wait() {
    let site = replying([Reply::never()]);
    let retry = Retry { limit: Some(ms(50)), ..patient(3) };
    let mut tries = Box::pin(run(&retry, &site));
    timeout(ms(60), &mut tries).await.unwrap_err();
    assert_eq!(
        site.load(),
        Load { calls: 1, in_flight: 0, peak: 1, answered: 0, dropped: 1 }
    );
}

#[tokio::test(start_paused = true)]
async fn while_it_waits_it_holds_of_a_failed_attempt_only_the_error() {
    /// Keeps the answer, as an error made from a response may.
    struct Busy {
        _answer: alive::Guard,
    }
    impl Transient for Busy {
        fn transient(&self) -> bool {
            true
        }
    }
    let (attempts, answers) = (Alive::default(), Alive::default());
    let mut held_at_call = Vec::new();
    let call = |_| {
        held_at_call.push((attempts.count(), answers.count()));
        let (attempt, busy) = (attempts.guard(), Busy { _answer: answers.guard() });
        let mut busy = Some(busy);
        // No `async` block: what it holds it holds until it is dropped.
        poll_fn(move |_| {
            let _attempt = &attempt;
            Poll::Ready(Err::<(), _>(busy.take().unwrap()))
        })
    };
    let (retry, mut rng) = (patient(3), Longest);
    let mut tries = Box::pin(retry.run(&mut rng, call));
    for wait in [ms(50), ms(100)] {
        assert!(timeout(wait, &mut tries).await.is_err());
        assert_eq!((attempts.count(), answers.count()), (0, 1));
    }
    let last = tries.await;
    assert_eq!((attempts.count(), answers.count()), (0, 1));
    drop(last);
    assert_eq!((attempts.dropped(), answers.dropped()), (3, 3));
    assert_eq!(held_at_call, [(0, 0); 3], "the next attempt finds nothing held");
}

#[tokio::test(start_paused = true)]
async fn the_budget_cuts_the_last_attempt() {
    let site = replying([Reply::never()]);
    let retry = Retry {
        base: ms(0),
        limit: Some(ms(100)),
        budget: Some(ms(250)),
        ..patient(9)
    };
    let start = Instant::now();
    let error = run(&retry, &site).await.unwrap_err();
    let last = Failure::TimedOut(ms(50));
    assert_eq!(error, RetryError { reason: GaveUp::BudgetSpent, attempts: 3, last });
    assert_eq!((start.elapsed(), site.load().dropped), (ms(250), 3));
}

#[tokio::test(start_paused = true)]
async fn the_budget_holds_without_a_limit_too() {
    let site = replying([Reply::never()]);
    let retry = Retry { budget: Some(ms(70)), ..patient(9) };
    let start = Instant::now();
    let error = run(&retry, &site).await.unwrap_err();
    assert_eq!((error.attempts, error.last), (1, Failure::TimedOut(ms(70))));
    assert_eq!(start.elapsed(), ms(70));
}

#[tokio::test(start_paused = true)]
async fn with_a_budget_of_zero_the_first_attempt_is_made_and_no_other() {
    let retry = Retry { budget: Some(ms(0)), ..patient(3) };
    let start = Instant::now();
    let at_once = replying([Reply::page(ms(0), "here")]);
    assert_eq!(run(&retry, &at_once).await.unwrap().body, "here");
    let fails = run(&retry, &down()).await.unwrap_err();
    assert_eq!((fails.reason, fails.attempts), (GaveUp::BudgetSpent, 1));
    let slow = replying([Reply::page(ms(1), "late")]);
    let late = run(&retry, &slow).await.unwrap_err();
    assert_eq!((late.attempts, late.last), (1, Failure::TimedOut(ms(0))));
    assert_eq!((slow.load().dropped, start.elapsed()), (1, ms(0)));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_outlasts_the_budget_is_not_begun() {
    // The first answer comes at 10 ms, the wait after it is 100 ms.
    for (budget, calls, ends) in
        [(100, 1, 10), (110, 1, 10), (111, 2, 111), (120, 2, 120)]
    {
        let site = replying([Reply::status(ms(10), 503), Reply::never()]);
        let retry = Retry { budget: Some(ms(budget)), ..patient(3) };
        let start = Instant::now();
        let error = run(&retry, &site).await.unwrap_err();
        assert_eq!(
            (error.reason, error.attempts),
            (GaveUp::BudgetSpent, calls),
            "{budget}"
        );
        assert_eq!(start.elapsed(), ms(ends), "{budget}");
    }
}

#[tokio::test(start_paused = true)]
async fn with_less_left_than_an_attempt_needs_no_wait_is_begun() {
    // The first answer comes at 10 ms, the wait after it is 100 ms, and an attempt needs more than 40.
    for (budget, calls, ends) in
        [(140, 1, 10), (150, 1, 10), (151, 2, 151), (160, 2, 160)]
    {
        let site = replying([Reply::status(ms(10), 503), Reply::never()]);
        let budget = Some(ms(budget));
        let retry = Retry { budget, least: ms(40), ..patient(3) };
        let start = Instant::now();
        let error = run(&retry, &site).await.unwrap_err();
        let end = (error.reason, error.attempts, start.elapsed());
        assert_eq!(end, (GaveUp::BudgetSpent, calls, ms(ends)), "{budget:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_late_wait_an_attempt_needs_its_least_time_too() {
    for (late, calls) in [(9_909, 2), (9_910, 1)] {
        let site = replying([Reply::status(ms(0), 503), Reply::page(ms(0), "here")]);
        let budget = Some(secs(10));
        let retry = Retry { budget, least: ms(40), ..patient(3) };
        let jump = async {
            sleep(ms(50)).await;
            advance(ms(late)).await;
        };
        let (answer, ()) = tokio::join!(run(&retry, &site), jump);
        assert_eq!((site.load().calls, answer.is_ok()), (calls, calls == 2));
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_attempt_is_made_with_less_left_than_it_needs() {
    let site = replying([Reply::page(ms(10), "here")]);
    let retry = Retry { budget: Some(ms(20)), least: ms(40), ..patient(3) };
    assert_eq!(run(&retry, &site).await.unwrap().body, "here");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_ends_after_the_budget_is_followed_by_no_attempt() {
    for (late, calls) in [(9_949, 2), (9_950, 1), (3_600_000, 1)] {
        let site = replying([Reply::status(ms(0), 503), Reply::page(ms(0), "here")]);
        let retry = Retry { budget: Some(secs(10)), ..patient(3) };
        let start = Instant::now();
        // In the middle of the wait of 100 ms the clock jumps, as when a thread is
        // blocked: nobody sees the time in between.
        let jump = async {
            sleep(ms(50)).await;
            advance(ms(late)).await;
        };
        let (answer, ()) = tokio::join!(run(&retry, &site), jump);
        assert_eq!((site.load().calls, start.elapsed()), (calls, ms(50 + late)));
        match answer {
            Ok(page) => assert_eq!((page.body.as_str(), calls), ("here", 2)),
            Err(error) => {
                let last = Failure::Error(status(503));
                let (reason, attempts) = (GaveUp::BudgetSpent, 1);
                assert_eq!(error, RetryError { reason, attempts, last });
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_service_asks_for_comes_before_the_draw() {
    let asks = Reply::busy(ms(10), secs(20));
    let site = replying([asks, Reply::page(ms(10), "here")]);
    let retry = patient(3);
    assert!(retry.cap < secs(20));
    let start = Instant::now();
    run(&retry, &site).await.unwrap();
    assert_eq!(start.elapsed(), secs(20) + ms(10 + 100 + 10));
}

#[tokio::test(start_paused = true)]
async fn asked_to_wait_beyond_the_budget_it_gives_up_at_once() {
    let site = replying([Reply::busy(ms(10), secs(20))]);
    let retry = Retry { budget: Some(secs(15)), ..patient(3) };
    let start = Instant::now();
    let error = run(&retry, &site).await.unwrap_err();
    assert_eq!((error.reason, error.attempts), (GaveUp::BudgetSpent, 1));
    assert_eq!(start.elapsed(), ms(10));
}

#[tokio::test(start_paused = true)]
async fn dropped_anywhere_it_leaves_nothing_in_flight_and_calls_no_more() {
    let mut seen = Vec::new();
    let sites: Vec<_> = (0..8).map(|_| replying([Reply::status(ms(5), 503)])).collect();
    let mut next = sites.iter();
    let make = || {
        let site = next.next().unwrap().clone();
        async move { run(&patient(3), &site).await }
    };
    let points = at_every_await(make, |polls, _| seen.push(sites[polls].load())).await;
    assert_eq!(points, 6, "before the first poll, in 3 attempts and in 2 waits");
    for (polls, at_drop) in seen.iter().enumerate().take(points) {
        // Odd: in an attempt, which is dropped. Even: in a wait, with each attempt answered.
        let (calls, dropped) = (polls.div_ceil(2), polls % 2);
        assert_eq!(
            (at_drop.calls, at_drop.dropped, at_drop.in_flight),
            (calls, dropped, 0)
        );
    }
    sleep(secs(3600)).await;
    for (site, at_drop) in sites.iter().zip(seen) {
        assert_eq!(site.load(), at_drop);
    }
}

/// Holds its connection until the answer is there.
async fn over(
    connection: &Mutex<Vec<u32>>,
    site: &Site,
    attempt: u32,
) -> Result<Page, SiteError> {
    let mut sent = connection.lock().await;
    let answer = site.fetch("/a").await;
    sent.push(attempt);
    answer
}

#[tokio::test(start_paused = true)]
async fn a_retry_whose_operation_borrows_can_be_spawned() {
    let site = replying([Reply::status(ms(5), 503), Reply::page(ms(5), "here")]);
    let tries = tokio::spawn(async move {
        let mut rng: SmallRng = rand::make_rng();
        let connection = Mutex::default();
        let call = |attempt| over(&connection, &site, attempt);
        let answer = patient(3).run(&mut rng, call).await;
        (answer.unwrap().body, connection.into_inner())
    });
    assert_eq!(tries.await.unwrap(), ("here".into(), vec![1, 2]));
}

#[tokio::test(start_paused = true)]
async fn an_async_closure_that_borrows_can_be_spawned_too() {
    let site = replying([Reply::status(ms(5), 503), Reply::page(ms(5), "here")]);
    let tries = tokio::spawn(async move {
        let mut rng: SmallRng = rand::make_rng();
        let connection = Mutex::default();
        let call = async |attempt| over(&connection, &site, attempt).await;
        let answer = patient(3).run(&mut rng, call).await;
        (answer.unwrap().body, connection.into_inner())
    });
    assert_eq!(tries.await.unwrap(), ("here".into(), vec![1, 2]));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_timed_out_gives_back_what_the_next_one_locks() {
    let site = replying([Reply::never(), Reply::page(ms(5), "here")]);
    let retry = Retry { limit: Some(ms(50)), ..patient(2) };
    let connection = Mutex::default();
    let start = Instant::now();
    let call = |attempt| over(&connection, &site, attempt);
    assert_eq!(retry.run(&mut Longest, call).await.unwrap().body, "here");
    assert_eq!(start.elapsed(), ms(50 + 100 + 5));
    assert_eq!(connection.into_inner(), [2]);
}

#[tokio::test(start_paused = true)]
async fn a_generic_helper_can_pass_its_operation_on_and_spawn_it() {
    fn in_background<T, E, Fut>(
        retry: Retry,
        operation: impl FnMut(u32) -> Fut + Send + 'static,
    ) -> JoinHandle<Result<T, RetryError<E>>>
    where
        T: Send + 'static,
        E: Transient + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        tokio::spawn(async move {
            let mut rng: SmallRng = rand::make_rng();
            retry.run(&mut rng, operation).await
        })
    }
    let site = replying([Reply::status(ms(5), 503), Reply::page(ms(5), "here")]);
    let tries = in_background(patient(3), move |_| site.fetch("/a"));
    assert_eq!(tries.await.unwrap().unwrap().body, "here");
}

#[tokio::test(start_paused = true)]
async fn an_async_fn_mut_that_owns_what_it_lends_can_be_spawned() {
    async fn twice<T, E, F>(mut operation: F) -> Result<T, E>
    where
        F: AsyncFnMut(u32) -> Result<T, E>,
    {
        match operation(1).await {
            Ok(answer) => Ok(answer),
            Err(_) => operation(2).await,
        }
    }
    let site = replying([Reply::status(ms(5), 503), Reply::page(ms(5), "here")]);
    let mut log = Vec::new();
    let tries = tokio::spawn(async move {
        let call = async move |attempt| {
            log.push(attempt);
            site.fetch("/a").await.map(|page| (page.body, log.clone()))
        };
        twice(call).await
    });
    assert_eq!(tries.await.unwrap().unwrap(), ("here".into(), vec![1, 2]));
}

#[test]
fn the_threads_own_generator_cannot_go_along() {
    // For a type that is `Send`, `exists` is ambiguous and does not compile.
    trait NotSend<A> {
        fn exists() {}
    }
    impl<T: ?Sized> NotSend<()> for T {}
    impl<T: ?Sized + Send> NotSend<u8> for T {}
    <ThreadRng as NotSend<_>>::exists();
}

#[tokio::test(start_paused = true)]
async fn a_retry_around_a_retry_does_not_multiply_the_calls() {
    let site = down();
    let outer = patient(3);
    let inner = patient(3);
    let error = outer.run(&mut Longest, |_| run(&inner, &site)).await.unwrap_err();
    assert_eq!(
        (error.reason, error.attempts, site.load().calls),
        (GaveUp::Permanent, 1, 3)
    );
}

#[tokio::test(start_paused = true)]
async fn three_services_of_three_attempts_each_make_twenty_seven_calls() {
    /// As a service does that tries three times and then answers 503.
    async fn service<T>(
        call: impl AsyncFn() -> Result<T, SiteError>,
    ) -> Result<T, SiteError> {
        let answer = patient(3).run(&mut Longest, |_| call()).await;
        answer.map_err(|_| status(503))
    }
    let site = down();
    let lowest = async || service(async || site.fetch("/a").await).await;
    let middle = async || service(lowest).await;
    service(middle).await.unwrap_err();
    assert_eq!(site.load().calls, 27);
}

fn slowly_down() -> Site {
    replying([Reply::status(ms(20), 503)])
}

/// The requests of a hundred clients of a service that is down, in buckets of 10 ms: how many in the
/// worst bucket, but for the first calls, which all fail together.
async fn worst_bucket<R: Rng>(site: &Site, rng: impl Fn(u64) -> R) -> usize {
    let retry = patient(4);
    let clients = (0..100).map(|client| {
        let (retry, mut rng) = (&retry, rng(client));
        async move { attempts_at(retry, &mut rng, site).await }
    });
    let mut buckets = BTreeMap::new();
    for at in join_all(clients).await.into_iter().flat_map(|at| at.into_iter().skip(1))
    {
        *buckets.entry(at / 10).or_insert(0) += 1;
    }
    assert_eq!(buckets.values().sum::<usize>(), 300);
    buckets.into_values().max().unwrap()
}

#[tokio::test(start_paused = true)]
async fn without_jitter_a_hundred_clients_come_back_together() {
    assert_eq!(worst_bucket(&slowly_down(), |_| Longest).await, 100);
}

#[tokio::test(start_paused = true)]
async fn with_jitter_a_hundred_clients_come_back_spread_out() {
    assert_eq!(worst_bucket(&slowly_down(), seeded).await, 15);
}

#[tokio::test(start_paused = true)]
async fn clients_told_when_to_come_back_are_spread_out_too() {
    let site = replying([Reply::busy(ms(20), secs(1))]);
    assert_eq!(worst_bucket(&site, seeded).await, 14);
}

use super::*;
use backend::site::{Reply, Site};
use backend::{Longest, cancel, ends};
use futures::future::join_all;
use policy::breaker::State;
use policy::retry::{Failure, GaveUp};
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::num::{NonZeroU32, NonZeroUsize};
use tokio::time::{Instant, sleep};

const LIMIT: Duration = ms(200);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const fn n(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

/// 3 attempts, after waits of 100 and 200 ms; 5 failures open the breaker for 10 s; 2 calls at once, and 2 may
/// wait, for 500 ms.
fn settings() -> Settings {
    Settings {
        retry: Retry { limit: None, ..Retry::default() },
        breaker: BreakerPolicy { jitter: Duration::ZERO, ..BreakerPolicy::default() },
        bulkhead: Limits {
            calls: NonZeroUsize::new(2).unwrap(),
            queue: 2,
            longest_wait: ms(500),
        },
        limit: LIMIT,
    }
}

fn client(settings: Settings) -> Client {
    Client::new(settings, &mut Longest).unwrap()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Down {
    #[error("status 503")]
    Busy,
    #[error("status 404")]
    NotFound,
}

impl Transient for Down {
    fn transient(&self) -> bool {
        *self == Self::Busy
    }
}

/// A service that says `script(call)` after 50 ms, and counts its calls from 1.
struct Service<S> {
    calls: Cell<u32>,
    script: S,
}

fn service<S: Fn(u32) -> Result<u32, Down>>(script: S) -> Service<S> {
    Service { calls: Cell::new(0), script }
}

impl<S: Fn(u32) -> Result<u32, Down>> Service<S> {
    async fn ask(&self) -> Result<u32, Down> {
        let call = self.calls.get() + 1;
        self.calls.set(call);
        sleep(ms(50)).await;
        (self.script)(call)
    }
}

fn down(_call: u32) -> Result<u32, Down> {
    Err(Down::Busy)
}

/// The layers of an error, from the outside to the inside.
fn layers(error: &ClientError<Down>) -> (GaveUp, u32, &Failure<Attempt>) {
    (error.reason, error.attempts, &error.last)
}

type Attempt = BreakerError<BulkheadError<CallError<Down>>>;

fn timed_out() -> Failure<Attempt> {
    let call = CallError::TimedOut(LIMIT);
    Failure::Error(BreakerError::Inner(BulkheadError::Call(call)))
}

// What a request goes through

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_is_dropped_at_its_limit_and_tried_again() {
    let (client, calls, begin) = (client(settings()), Cell::new(0), Instant::now());
    let ask = || async {
        calls.set(calls.get() + 1);
        if calls.get() == 1 { pending().await } else { Ok::<_, Down>(calls.get()) }
    };
    assert_eq!(client.call(&mut Longest, ask).await, Ok(2));
    assert_eq!(begin.elapsed(), LIMIT + ms(100));
}

#[tokio::test(start_paused = true)]
async fn the_error_names_each_layer() {
    let client = client(settings());
    let error = client.call(&mut Longest, pending::<Result<u32, Down>>).await;
    let error = error.unwrap_err();
    assert_eq!(layers(&error), (GaveUp::Exhausted, 3, &timed_out()));
    let service = service(down);
    let error = client.call(&mut Longest, || service.ask()).await.unwrap_err();
    // The third failure was that of the fifth attempt: from now on, it is open.
    assert_eq!((error.reason, error.attempts), (GaveUp::Permanent, 3));
    assert!(matches!(error.last, Failure::Error(BreakerError::Open(_))));
}

#[tokio::test(start_paused = true)]
async fn two_requests_of_a_dead_service_cost_five_calls_and_the_third_none() {
    let (client, service) = (client(settings()), service(down));
    for calls in [3, 5, 5] {
        client.call(&mut Longest, || service.ask()).await.unwrap_err();
        assert_eq!(service.calls.get(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_answers_at_once_and_is_not_asked_again() {
    let (client, service) = (client(settings()), service(down));
    for _ in 0..2 {
        client.call(&mut Longest, || service.ask()).await.unwrap_err();
    }
    let begin = Instant::now();
    let error = client.call(&mut Longest, || service.ask()).await.unwrap_err();
    assert_eq!((error.attempts, begin.elapsed()), (1, ms(0)));
}

#[tokio::test(start_paused = true)]
async fn after_its_time_one_probe_and_one_more_call_close_the_breaker() {
    let (client, service) = (
        client(settings()),
        service(|call| if call <= 5 { Err(Down::Busy) } else { Ok(call) }),
    );
    for _ in 0..2 {
        client.call(&mut Longest, || service.ask()).await.unwrap_err();
    }
    sleep(Duration::from_secs(10)).await;
    assert_eq!(client.breaker().state(), State::HalfOpen);
    assert_eq!(client.call(&mut Longest, || service.ask()).await, Ok(6));
    assert_eq!(client.breaker().state(), State::HalfOpen);
    assert_eq!(client.call(&mut Longest, || service.ask()).await, Ok(7));
    assert_eq!(client.breaker().state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_404_is_an_answer_and_opens_nothing() {
    let (client, service) = (client(settings()), service(|_| Err(Down::NotFound)));
    for _ in 0..20 {
        let error = client.call(&mut Longest, || service.ask()).await.unwrap_err();
        assert_eq!((error.reason, error.attempts), (GaveUp::Permanent, 1));
    }
    assert_eq!((service.calls.get(), client.breaker().state()), (20, State::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_full_bulkhead_says_nothing_of_the_service() {
    let client = client(Settings {
        retry: Retry { attempts: n(1), ..settings().retry },
        ..settings()
    });
    let service = service(Ok);
    let requests =
        (0..20).map(|_| async { client.call(&mut Longest, || service.ask()).await });
    let answers = join_all(requests).await;
    assert_eq!(answers.iter().filter(|it| it.is_ok()).count(), 4);
    assert_eq!((service.calls.get(), client.breaker().state()), (4, State::Closed));
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_turn_is_not_in_the_limit_of_the_call() {
    let client = client(settings());
    let slow = || async {
        sleep(ms(150)).await;
        Ok::<_, Down>(())
    };
    let begin = Instant::now();
    let requests = (0..4).map(|_| async { client.call(&mut Longest, slow).await });
    let answers = join_all(requests).await;
    assert!(answers.iter().all(Result::is_ok), "150 ms of wait and 150 ms of call");
    assert_eq!((begin.elapsed(), client.breaker().state()), (ms(300), State::Closed));
}

#[tokio::test(start_paused = true)]
async fn in_a_wait_between_attempts_a_request_holds_no_place() {
    let one = NonZeroUsize::MIN;
    let bulkhead = Limits { calls: one, queue: 0, longest_wait: ms(0) };
    let client = client(Settings { bulkhead, ..settings() });
    let (failing, healthy) = (service(down), service(Ok));
    let first = async { client.call(&mut Longest, || failing.ask()).await };
    let second = async {
        sleep(ms(75)).await; // the first attempt has failed, and the second comes at 150 ms
        client.call(&mut Longest, || healthy.ask()).await
    };
    let (_, answer) = tokio::join!(first, second);
    assert_eq!(answer, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_a_request_leaves_its_place_and_counts_once() {
    let last = RefCell::new(None);
    let make = || {
        let client = client(settings());
        *last.borrow_mut() = Some(client.clone());
        async move {
            let service = service(down);
            client.call(&mut Longest, || service.ask()).await
        }
    };
    let dropped = cancel::at_every_await(make, |_, _| {
        let client = last.take().unwrap();
        assert_eq!((client.bulkhead.running(), client.bulkhead.waiting()), (0, 0));
        assert_eq!(client.breaker().state(), State::Closed, "at most three failures");
    });
    assert!(dropped.await > 4);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_counts_the_call_that_it_made() {
    // Each request is dropped after 25 ms, in its first call; or after 75 ms, in the wait behind it.
    for (patience, failures) in [(25, 5), (75, 5)] {
        let (client, service) = (client(settings()), service(down));
        for request in 1..=failures {
            let mut rng = Longest;
            let call = client.call(&mut rng, || service.ask());
            timeout(ms(patience), call).await.unwrap_err();
            let is_open = client.breaker().state() != State::Closed;
            assert_eq!(is_open, request == failures);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_can_be_spawned() {
    let client = client(settings());
    let ask = || async { Ok::<_, Down>(7) };
    let task = tokio::spawn(async move { client.call(&mut Longest, ask).await });
    assert_eq!(ends(task).await.unwrap(), Ok(7));
}

#[tokio::test(start_paused = true)]
async fn what_the_service_asks_for_reaches_the_retry() {
    let busy = Reply::busy(ms(50), ms(2000));
    let site = Site::default().with_replies("/a", [busy, Reply::page(ms(50), "a")]);
    let (client, begin) = (client(settings()), Instant::now());
    client.call(&mut Longest, || site.fetch("/a")).await.unwrap();
    assert_eq!(begin.elapsed(), ms(50 + 2000 + 100 + 50));
}

#[tokio::test(start_paused = true)]
async fn by_default_10_calls_run_20_wait_and_the_others_are_refused() {
    let client = client(Settings::default());
    let ask = || async {
        sleep(ms(50)).await;
        Err::<(), _>(Down::NotFound) // which is not tried again
    };
    let requests = (0..31).map(|_| async { client.call(&mut Longest, ask).await });
    let all = join_all(requests);
    tokio::pin!(all);
    timeout(ms(10), &mut all).await.unwrap_err();
    assert_eq!((client.bulkhead.running(), client.bulkhead.waiting()), (10, 20));
}

// Settings that are refused

#[test]
fn a_limit_of_the_retry_itself_is_refused() {
    let refused =
        Client::new(Settings { retry: Retry::default(), ..settings() }, &mut Longest);
    assert_eq!(refused.unwrap_err(), InvalidClient::LimitOutside);
}

#[test]
fn a_breaker_that_takes_a_wait_for_a_slow_service_is_refused() {
    let slow = |slow| {
        let breaker = BreakerPolicy { slow, ..settings().breaker };
        Client::new(Settings { breaker, ..settings() }, &mut Longest)
    };
    assert_eq!(slow(ms(700)).unwrap_err(), InvalidClient::SlowTooShort);
    assert!(slow(ms(701)).is_ok());
}

#[test]
fn a_breaker_that_never_opens_is_refused() {
    let breaker = BreakerPolicy { open: Duration::ZERO, ..settings().breaker };
    let refused = Client::new(Settings { breaker, ..settings() }, &mut Longest);
    let error = InvalidClient::Breaker(InvalidBreaker::NeverOpen);
    assert_eq!(refused.unwrap_err(), error);
}

// The other orders

#[tokio::test(start_paused = true)]
async fn naive_with_the_retry_inside_a_dead_service_gets_15_calls() {
    let (client, service) = (client(settings()), service(down));
    let mut requests = 0;
    while client.breaker().state() == State::Closed {
        let mut rng = Longest;
        let request = naive::retry_inside(&client, &mut rng, || service.ask());
        request.await.unwrap_err();
        requests += 1;
    }
    assert_eq!((requests, service.calls.get()), (5, 15));
}

#[tokio::test(start_paused = true)]
async fn naive_with_the_limit_outside_a_call_that_hangs_ends_the_request() {
    let (client, calls, begin) = (client(settings()), Cell::new(0), Instant::now());
    let ask = || async {
        calls.set(calls.get() + 1);
        if calls.get() == 1 { pending().await } else { Ok::<_, Down>(calls.get()) }
    };
    assert!(naive::limit_outside(&client, &mut Longest, ask).await.is_err());
    assert_eq!((calls.get(), begin.elapsed()), (1, LIMIT));
}

#[tokio::test(start_paused = true)]
async fn naive_with_the_limit_outside_the_breaker_a_burst_opens_it_for_a_healthy_service()
 {
    let bulkhead = Limits { queue: 20, ..settings().bulkhead };
    let client = client(Settings { bulkhead, limit: ms(220), ..settings() });
    let service = service(Ok);
    let requests =
        (0..20).map(|_| naive::limit_outside_breaker(&client, || service.ask()));
    let answers = join_all(requests).await;
    // Two at a time, of 50 ms each: eight have an answer before 220 ms.
    assert_eq!(answers.iter().filter(|it| it.is_err()).count(), 12);
    assert!(matches!(client.breaker().state(), State::Open { .. }));
}

#[tokio::test(start_paused = true)]
async fn in_the_right_order_the_same_burst_opens_nothing() {
    let bulkhead = Limits { queue: 20, ..settings().bulkhead };
    let client = client(Settings { bulkhead, ..settings() });
    let service = service(Ok);
    let requests =
        (0..20).map(|_| async { client.call(&mut Longest, || service.ask()).await });
    let answers = join_all(requests).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(client.breaker().state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn naive_with_the_bulkhead_outside_a_request_that_waits_keeps_its_place() {
    let bulkhead = Limits { calls: NonZeroUsize::MIN, queue: 0, longest_wait: ms(0) };
    let client = client(Settings { bulkhead, ..settings() });
    let (failing, healthy) = (service(down), service(Ok));
    let first = async {
        naive::bulkhead_outside(&client, &mut Longest, || failing.ask()).await
    };
    let second = async {
        sleep(ms(75)).await;
        naive::bulkhead_outside(&client, &mut Longest, || healthy.ask()).await
    };
    let (_, answer) = tokio::join!(first, second);
    assert!(matches!(answer, Err(BulkheadError::Refused(_))));
    assert_eq!(healthy.calls.get(), 0);
}

/// An open breaker, and two calls of 150 ms that still run.
async fn open_and_busy<A: Future>(client: &Client, asks: impl Fn() -> A) -> A::Output {
    let places = (client.bulkhead.try_acquire(), client.bulkhead.try_acquire());
    while client.breaker().state() == State::Closed {
        drop(client.breaker.try_acquire()); // a failure
    }
    let busy = async {
        sleep(ms(150)).await;
        drop(places);
    };
    let (answer, ()) = tokio::join!(asks(), busy);
    answer
}

#[tokio::test(start_paused = true)]
async fn naive_with_the_bulkhead_outside_the_breaker_no_comes_late() {
    let (client, service) = (client(settings()), service(Ok));
    let begin = Instant::now();
    let answer = open_and_busy(&client, || async {
        let ask = || service.ask();
        let answer = naive::bulkhead_outside_breaker(&client, ask).await;
        (answer, begin.elapsed())
    })
    .await;
    assert!(matches!(
        answer,
        (Err(BulkheadError::Call(BreakerError::Open(_))), late) if late == ms(150)
    ));
}

#[tokio::test(start_paused = true)]
async fn in_the_right_order_an_open_breaker_says_no_at_once_though_all_are_busy() {
    let (client, service) = (client(settings()), service(Ok));
    let begin = Instant::now();
    let (answer, took) = open_and_busy(&client, || async {
        let answer = client.call(&mut Longest, || service.ask()).await;
        (answer, begin.elapsed())
    })
    .await;
    assert!(matches!(answer.unwrap_err().last, Failure::Error(BreakerError::Open(_))));
    assert_eq!(took, ms(0));
}

#[tokio::test(start_paused = true)]
async fn naive_with_the_fallback_inside_nothing_is_tried_again() {
    let client = client(settings());
    let service = service(|call| if call == 1 { Err(Down::Busy) } else { Ok(call) });
    let old = || async { Ok(0) };
    let answer =
        naive::fallback_inside(&client, &mut Longest, || service.ask(), old).await;
    assert_eq!((answer, service.calls.get()), (Ok(0), 1));
    // Outside, it is not needed: the second attempt has the answer.
    let answer = client.call(&mut Longest, || service.ask()).await;
    assert_eq!((answer, service.calls.get()), (Ok(2), 2));
}

#[tokio::test(start_paused = true)]
async fn naive_if_each_error_is_a_failure_a_burst_opens_the_breaker() {
    let (client, service) = (client(settings()), service(Ok));
    let requests = (0..20).map(|_| naive::all_are_failures(&client, || service.ask()));
    let answers = join_all(requests).await;
    let answered = answers.iter().filter(|it| it.is_ok()).count();
    assert_eq!((answered, service.calls.get()), (4, 4));
    assert!(matches!(client.breaker().state(), State::Open { .. }));
}

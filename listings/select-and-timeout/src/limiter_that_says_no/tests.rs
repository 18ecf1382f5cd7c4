use std::future::Future;
use std::pin::pin;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use backend::cancel::{after_polls, at_every_await};
use backend::{ends, soon};
use futures::FutureExt;
use futures::future::join_all;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::unconstrained;
use tokio::time::sleep;

use super::*;

const ONE: NonZeroU32 = NonZeroU32::MIN;
const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// 4 a second, and 5 at once.
fn rate() -> Rate {
    let n = |n| NonZeroU32::new(n).unwrap();
    Rate { tokens: n(4), per: secs(1), burst: n(5) }
}

fn limits(most: usize) -> Limits<&'static str> {
    Limits::new(rate(), NonZeroUsize::new(most).unwrap()).unwrap()
}

fn over_limit(wait: u64) -> Result<(), No> {
    Err(No::OverLimit(Refused::TooSoon { wait: ms(wait) }))
}

fn no_room(wait: u64) -> Result<(), No> {
    Err(No::NoRoom { wait: ms(wait) })
}

/// How many of a thousand requests of this client pass now.
async fn pass(limits: &Limits<&'static str>, client: &'static str) -> usize {
    let mut passed = 0;
    for _ in 0..1_000 {
        let answer = limits.acquire_within(client, Duration::ZERO);
        passed += usize::from(answer.await.is_ok());
    }
    passed
}

/// When each of ten that come together is served (`true`) or refused, in milliseconds.
async fn ten<F: Future<Output = bool>>(call: impl Fn() -> F) -> Vec<(bool, u64)> {
    let start = Instant::now();
    let at = |passed| (passed, start.elapsed().as_millis() as u64);
    ends(join_all((0..10).map(|_| call().map(at)))).await
}

#[tokio::test(start_paused = true)]
async fn of_ten_at_once_two_are_refused_at_once() {
    let limiter = Limiter::new(rate()).unwrap();
    let call = || limiter.acquire_within(ONE, PATIENCE).map(|it| it.is_ok());
    let mut expected = vec![(true, 0); 5];
    expected.extend([(true, 250), (true, 500), (true, 750), (false, 0), (false, 0)]);
    assert_eq!(ten(call).await, expected);
}

#[tokio::test(start_paused = true)]
async fn with_a_semaphore_the_last_of_ten_waits_its_whole_patience_in_vain() {
    let limiter = naive::SemaphoreLimiter::new(5, 2, ms(500));
    let ends = ten(|| limiter.acquire_within(PATIENCE)).await;
    assert_eq!(ends.iter().filter(|end| **end == (true, 0)).count(), 7);
    assert_eq!(ends.iter().filter(|end| **end == (true, 500)).count(), 2);
    assert_eq!(ends.iter().filter(|end| **end == (false, 900)).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn with_a_semaphore_14_407_pass_at_once_after_an_idle_hour() {
    let passed = async |limiter: &naive::SemaphoreLimiter| {
        let mut passed = 0;
        // Unconstrained: the budget of the task would end it after 128.
        while unconstrained(limiter.acquire_within(Duration::ZERO)).await {
            passed += 1;
        }
        passed
    };
    let limiter = naive::SemaphoreLimiter::new(5, 2, ms(500));
    sleep(ms(1)).await;
    assert_eq!(passed(&limiter).await, 7, "the first refill comes at once");
    let limiter = naive::SemaphoreLimiter::new(5, 2, ms(500));
    sleep(HOUR + ms(100)).await;
    assert_eq!(passed(&limiter).await, 14_407);
}

#[tokio::test(start_paused = true)]
async fn the_task_of_the_semaphore_outlives_its_limiter() {
    drop(naive::SemaphoreLimiter::new(5, 2, ms(500)));
    sleep(HOUR).await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_semaphore_with_a_period_of_zero_is_dead() {
    let limiter = naive::SemaphoreLimiter::new(1, 1, Duration::ZERO);
    assert!(limiter.acquire_within(HOUR).await);
    assert!(!limiter.acquire_within(HOUR).await);
}

#[tokio::test(start_paused = true)]
async fn after_an_idle_hour_five_pass_at_once() {
    let limits = limits(10);
    assert_eq!(pass(&limits, "Ann").await, 5);
    sleep(HOUR).await;
    assert_eq!(pass(&limits, "Ann").await, 5);
}

#[test]
fn a_period_of_zero_is_refused_when_the_limits_are_made() {
    let rate = Rate { per: Duration::ZERO, ..rate() };
    assert!(Limits::<u8>::new(rate, NonZeroUsize::MIN).is_err());
}

#[test]
fn outside_a_runtime_limits_can_be_made_and_asked() {
    let limits = limits(1);
    for _ in 0..5 {
        let answer = limits.acquire_within("Ann", Duration::ZERO);
        assert_eq!(answer.now_or_never(), Some(Ok(())));
    }
    let refused = limits.acquire_within("Ann", Duration::ZERO).now_or_never();
    assert!(matches!(refused, Some(Err(No::OverLimit(_)))));
}

#[tokio::test(start_paused = true)]
async fn a_loud_client_takes_nothing_from_the_others() {
    let limits = limits(10);
    for _second in 0..10 {
        assert!(pass(&limits, "loud").await < 10);
        limits.acquire_within("quiet", Duration::ZERO).await.unwrap();
        sleep(secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn with_one_limit_for_all_a_quiet_client_is_refused_each_time() {
    let limits = limits(10);
    for _second in 0..10 {
        while limits.acquire_shared("loud", Duration::ZERO).await.is_ok() {}
        let quiet = limits.acquire_shared("quiet", Duration::ZERO).await;
        assert_eq!(quiet, over_limit(250));
        sleep(secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_clients_do_not_wait_for_each_other() {
    let limits = limits(10);
    assert_eq!(pass(&limits, "loud").await, 5);
    let waits = limits.acquire_within("loud", PATIENCE);
    let (mut waits, start) = (pin!(waits), Instant::now());
    assert_eq!(after_polls(1, waits.as_mut()).await, None);
    limits.acquire_within("quiet", PATIENCE).await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    ends(waits).await.unwrap();
    assert_eq!(start.elapsed(), ms(250));
}

#[tokio::test(start_paused = true)]
async fn patience_is_passed_on() {
    let limits = limits(10);
    assert_eq!(pass(&limits, "Ann").await, 5);
    assert_eq!(limits.acquire_within("Ann", ms(249)).await, over_limit(250));
    ends(limits.acquire_within("Ann", ms(250))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_bucket_is_full_makes_room_for_another() {
    let limits = limits(2);
    limits.acquire_within("Ann", Duration::ZERO).await.unwrap();
    assert_eq!(pass(&limits, "Ben").await, 5);
    sleep(ms(250)).await; // the bucket of Ann is full again
    limits.acquire_within("Cleo", Duration::ZERO).await.unwrap();
    assert_eq!(limits.clients(), 2);
    assert_eq!(
        limits.acquire_within("Ben", Duration::ZERO).await.map_err(|_| ()),
        Ok(())
    );
    assert_eq!(pass(&limits, "Ben").await, 0, "nobody forgot Ben");
}

#[tokio::test(start_paused = true)]
async fn while_no_bucket_is_full_a_new_client_is_refused_and_nobody_is_forgotten() {
    let limits = limits(2);
    assert_eq!((pass(&limits, "Ann").await, pass(&limits, "Ben").await), (5, 5));
    let cleo = limits.acquire_within("Cleo", Duration::ZERO).await;
    assert_eq!(cleo, no_room(1_000));
    assert_eq!((pass(&limits, "Ann").await, pass(&limits, "Ben").await), (0, 0));
    sleep(ms(400)).await;
    let cleo = limits.acquire_within("Cleo", Duration::ZERO).await;
    assert_eq!(cleo, no_room(600));
    sleep(ms(850)).await; // 1250 ms: five tokens
    limits.acquire_within("Cleo", Duration::ZERO).await.unwrap();
    assert_eq!(limits.clients(), 1);
}

#[tokio::test(start_paused = true)]
async fn room_is_looked_for_once_a_second_at_most() {
    let limits = limits(1);
    limits.acquire_within("Ann", Duration::ZERO).await.unwrap();
    assert_eq!(limits.acquire_within("Ben", Duration::ZERO).await, no_room(1_000));
    sleep(ms(999)).await; // the bucket of Ann has long been full
    assert_eq!(limits.acquire_within("Ben", Duration::ZERO).await, no_room(1));
    sleep(ms(1)).await;
    limits.acquire_within("Ben", Duration::ZERO).await.unwrap();
    sleep(ms(500)).await; // after a look that found room, too
    assert_eq!(limits.acquire_within("Cleo", Duration::ZERO).await, no_room(500));
}

#[tokio::test(start_paused = true)]
async fn a_thousand_clients_are_remembered_no_more_than_two_at_a_time() {
    let limits = Limits::new(rate(), NonZeroUsize::new(2).unwrap()).unwrap();
    for client in 0..1_000 {
        limits.acquire_within(client, Duration::ZERO).await.unwrap();
        assert!(limits.clients() <= 2);
        sleep(secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_somebody_waits_for_is_not_forgotten() {
    let limits = limits(1);
    assert_eq!(pass(&limits, "Ann").await, 5);
    let mut waits = Box::pin(limits.acquire_within("Ann", PATIENCE));
    assert_eq!(after_polls(1, waits.as_mut()).await, None);
    sleep(HOUR).await;
    assert_eq!(limits.acquire_within("Ben", Duration::ZERO).await, no_room(1_000));
    drop(waits);
    sleep(secs(1)).await;
    limits.acquire_within("Ben", Duration::ZERO).await.unwrap();
}

/// Between the lock and its first look at the bucket, a request holds a full limiter.
#[tokio::test(start_paused = true)]
async fn a_client_whose_request_is_about_to_take_a_token_is_not_forgotten() {
    let limits = limits(1);
    let held = limits.limiter_of("Ann").unwrap();
    assert!(held.is_full());
    assert_eq!(limits.acquire_within("Ben", Duration::ZERO).await, no_room(1_000));
    drop(held);
    sleep(secs(1)).await;
    limits.acquire_within("Ben", Duration::ZERO).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn forgotten_with_an_empty_bucket_a_client_has_a_full_one_at_once() {
    let limits = naive::Forgetful::new(rate(), NonZeroUsize::MIN).unwrap();
    let pass = |client| {
        std::iter::from_fn(|| limits.try_acquire(client).ok()).take(1_000).count()
    };
    assert_eq!((pass("Ann"), pass("another Ann"), pass("Ann")), (5, 5, 5));
}

#[tokio::test(start_paused = true)]
async fn dropped_while_it_waits_a_request_has_taken_no_token() {
    let limits = limits(10);
    let dropped = at_every_await(
        || async {
            let before = pass(&limits, "Ann").await;
            limits.acquire_within("Ann", PATIENCE).await.map(|()| before)
        },
        |_, _| {},
    )
    .await;
    assert_eq!(dropped, 2);
    sleep(ms(250)).await;
    assert_eq!(pass(&limits, "Ann").await, 1);
}

#[test]
fn a_refusal_says_when_to_come_back() {
    let answer = |wait| {
        let answer = No::OverLimit(Refused::TooSoon { wait }).into_response();
        (answer.status().as_u16(), answer.headers()["retry-after"].clone())
    };
    assert_eq!(answer(ms(1_250)), (429, HeaderValue::from(2)));
    assert_eq!(answer(ms(1)), (429, HeaderValue::from(1)));
    assert_eq!(answer(secs(2)), (429, HeaderValue::from(2)));
    assert_eq!(answer(Duration::MAX), (429, HeaderValue::from(u64::MAX)));
    let answer = No::NoRoom { wait: ms(400) }.into_response();
    assert_eq!(answer.status().as_u16(), 503);
    assert_eq!(answer.headers()["retry-after"], "1");
}

#[test]
fn what_costs_more_than_the_bucket_holds_has_no_time_to_come_back() {
    let too_much = policy::limiter::TooMuch { cost: NonZeroU32::MAX, burst: ONE };
    let no = No::OverLimit(too_much.into());
    assert!(!no.transient());
    assert!(no.into_response().headers().get("retry-after").is_none());
}

#[test]
fn an_error_says_why_and_whether_to_try_again() {
    let no = No::NoRoom { wait: ms(400) };
    assert_eq!(no.to_string(), "no room for another client, for another 400ms");
    assert_eq!((no.transient(), no.retry_after()), (true, Some(ms(400))));
    let no = No::OverLimit(Refused::TooSoon { wait: ms(250) });
    assert_eq!(no.to_string(), "over the limit for another 250ms");
}

#[test]
fn rounded_down_a_client_comes_back_too_early() {
    assert_eq!(naive::whole_seconds(ms(1_250)), 1);
    assert_eq!(naive::whole_seconds(ms(900)), 0);
}

/// A server with a limit of two an hour, and how often its handler ran.
async fn shop() -> (String, Arc<std::sync::atomic::AtomicUsize>) {
    let two = NonZeroU32::new(2).unwrap();
    let rate = Rate { tokens: two, per: HOUR, burst: two };
    let limits = Arc::new(Limits::new(rate, NonZeroUsize::new(2).unwrap()).unwrap());
    let ran = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let runs = Arc::clone(&ran);
    let search = async move || {
        runs.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        "tea"
    };
    let app = Router::new()
        .route("/search", get(search))
        .layer(from_fn_with_state(limits, limited));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    (format!("http://{address}/search"), ran)
}

async fn ask(url: &str, account: Option<&str>) -> reqwest::Response {
    let mut request = reqwest::Client::new().get(url);
    if let Some(account) = account {
        request = request.header("x-account", account);
    }
    soon(request.send()).await.unwrap()
}

#[tokio::test]
async fn over_http_the_third_request_is_429_with_the_time_to_come_back() {
    let (url, ran) = shop().await;
    for _ in 0..2 {
        assert_eq!(ask(&url, Some("Ann")).await.status(), 200);
    }
    let refused = ask(&url, Some("Ann")).await;
    assert_eq!(refused.status(), 429);
    let seconds = refused.headers()["retry-after"].to_str().unwrap();
    assert!((1_700..=1_800).contains(&seconds.parse::<u64>().unwrap()), "{seconds}");
    assert!(soon(refused.text()).await.unwrap().starts_with("over the limit"));
    assert_eq!(ran.load(std::sync::atomic::Ordering::SeqCst), 2);
    assert_eq!(ask(&url, Some("Ben")).await.status(), 200, "another has its own");
    assert_eq!(ask(&url, Some("Cleo")).await.status(), 503, "there is room for two");
}

#[tokio::test]
async fn over_http_requests_without_an_account_share_one_bucket() {
    let (url, _ran) = shop().await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(ask(&url, None).await.status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 429]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_a_client_can_be_spawned() {
    let limits = Arc::new(limits(1));
    let task =
        tokio::spawn(async move { limits.acquire_within("Ann", PATIENCE).await });
    task.await.unwrap().unwrap();
}

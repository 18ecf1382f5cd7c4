use super::*;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use backend::{HttpReply, HttpServer, HttpSite, Reply, Site};
use backon::{BackoffBuilder, ExponentialBuilder, Retryable};
use policy::retry::{Failure, GaveUp};
use rand::rngs::{SmallRng, Xoshiro256PlusPlus};
use rand::{RngExt, SeedableRng};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio::time::{Instant, timeout};
use tokio_retry::strategy::ExponentialBackoff;

const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

/// Waits of about a millisecond; attempts of an hour.
fn quick(attempts: u32) -> Retry {
    let attempts = NonZeroU32::new(attempts).unwrap();
    Retry { attempts, base: ms(1), limit: Some(HOUR), budget: None, ..Retry::default() }
}

async fn server(replies: impl IntoIterator<Item = HttpReply>) -> HttpServer {
    HttpSite::default().with_replies("/prices", replies).start().await
}

async fn prices(
    server: &HttpServer,
    retry: &Retry,
) -> Result<Value, RetryError<HttpError>> {
    let mut rng: SmallRng = rand::make_rng();
    get_json(&client(), &server.url("/prices"), retry, &mut rng).await
}

/// A client that alone knows the server by a name, and the address by that name.
fn by_name(server: &HttpServer) -> (Client, String) {
    let (name, address) = ("shop.test", SocketAddr::from(([127, 0, 0, 1], 0)));
    let knows = Client::builder().no_proxy().resolve(name, address);
    (knows.build().unwrap(), server.url("/prices").replace("127.0.0.1", name))
}

fn busy() -> HttpReply {
    HttpReply::status(503, "busy")
}

fn tea() -> HttpReply {
    HttpReply::ok(r#"{"tea": 3}"#)
}

#[tokio::test]
async fn two_503s_and_a_200_are_three_requests() {
    let server = server([busy(), busy(), tea()]).await;
    assert_eq!(prices(&server, &quick(5)).await.unwrap(), json!({ "tea": 3 }));
    assert_eq!(server.requests("/prices"), 3);
}

#[tokio::test]
async fn a_404_is_asked_for_once() {
    let server = server([HttpReply::status(404, "")]).await;
    let error = prices(&server, &quick(5)).await.unwrap_err();
    assert_eq!((error.reason, error.attempts), (GaveUp::Permanent, 1));
    assert!(matches!(error.last, Failure::Error(HttpError::NotFound { .. })));
    assert_eq!(server.requests("/prices"), 1);
}

#[tokio::test]
async fn https_with_a_client_without_tls_is_tried_once() {
    let mut rng: SmallRng = rand::make_rng();
    let url = "https://127.0.0.1:1/prices";
    let asked = get_json::<Value>(&client(), url, &quick(5), &mut rng).await;
    let error = asked.unwrap_err();
    assert_eq!((error.reason, error.attempts), (GaveUp::Permanent, 1));
}

#[tokio::test]
async fn a_503_that_stays_is_returned_as_the_last_error() {
    let server = server([HttpReply::status(500, ""), busy()]).await;
    let error = prices(&server, &quick(3)).await.unwrap_err();
    assert_eq!((error.reason, error.attempts), (GaveUp::Exhausted, 3));
    let busy = StatusCode::SERVICE_UNAVAILABLE;
    let last = &error.last;
    assert!(
        matches!(last, Failure::Error(HttpError::Status { code, .. }) if *code == busy)
    );
    assert_eq!(server.requests("/prices"), 3);
}

#[tokio::test]
async fn a_server_that_does_not_listen_is_tried_again() {
    // Bound, so that nobody else gets the port meanwhile.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/prices", socket.local_addr().unwrap());
    let mut rng: SmallRng = rand::make_rng();
    let asked = get_json::<Value>(&client(), &url, &quick(3), &mut rng).await;
    let error = asked.unwrap_err();
    assert_eq!((error.reason, error.attempts), (GaveUp::Exhausted, 3));
}

#[tokio::test]
async fn a_silent_server_costs_attempts_times_the_limit() {
    let server = server([HttpReply::hang(), tea().body_hangs()]).await;
    let limit = ms(300);
    let start = Instant::now();
    let error =
        prices(&server, &Retry { limit: Some(limit), ..quick(3) }).await.unwrap_err();
    assert!(start.elapsed() >= 3 * limit);
    assert_eq!((error.reason, error.attempts), (GaveUp::Exhausted, 3));
    assert!(matches!(error.last, Failure::TimedOut(after) if after == limit));
    server.until(|load| load.dropped == 3).await;
    assert_eq!((server.requests("/prices"), server.connections()), (3, 3));
}

#[tokio::test]
async fn what_the_server_asks_for_reaches_the_policy() {
    let asks = |seconds| [busy().retry_after(seconds), tea()];
    let retry = Retry { budget: Some(secs(600)), ..quick(3) };

    let patient = server(asks("0")).await;
    prices(&patient, &retry).await.unwrap();
    assert_eq!(patient.requests("/prices"), 2);

    let beyond = server(asks("601")).await;
    let error = prices(&beyond, &retry).await.unwrap_err();
    assert_eq!((error.reason, error.attempts), (GaveUp::BudgetSpent, 1));
    assert_eq!(beyond.requests("/prices"), 1);
}

#[tokio::test]
async fn longer_than_any_number_is_beyond_each_budget() {
    let server = server([busy().retry_after("99999999999999999999"), tea()]).await;
    let retry = Retry { budget: Some(10_000 * HOUR), ..quick(3) };
    let error = prices(&server, &retry).await.unwrap_err();
    assert_eq!((error.reason, error.attempts), (GaveUp::BudgetSpent, 1));
    assert_eq!(server.requests("/prices"), 1);
}

#[tokio::test]
async fn it_asks_with_the_client_and_waits_by_the_generator_that_it_was_given() {
    let server = server([busy(), busy(), tea()]).await;
    let (client, url) = by_name(&server);
    let retry = Retry { factor: NonZeroU32::new(5).unwrap(), ..quick(5) };
    let seeded = || Xoshiro256PlusPlus::seed_from_u64(1);
    let mut rng = seeded();
    let prices = get_json::<Value>(&client, &url, &retry, &mut rng).await;
    assert_eq!(prices.unwrap(), json!({ "tea": 3 }));
    let mut drawn = seeded();
    for longest in retry.waits().take(2) {
        drawn.random_range(0..=longest.as_millis() as u64);
    }
    assert_eq!(rng, drawn, "one draw for each of two waits");
}

#[tokio::test]
async fn a_get_that_is_repeated_can_be_spawned_and_aborted() {
    let server = server([busy(), HttpReply::hang()]).await;
    let url = server.url("/prices");
    let asked = tokio::spawn(async move {
        let mut rng: SmallRng = rand::make_rng();
        get_json::<Value>(&client(), &url, &quick(3), &mut rng).await
    });
    server.until(|load| load.calls == 2 && load.in_flight == 1).await;
    asked.abort();
    server.until(|load| load.dropped == 1).await;
    assert!(asked.await.unwrap_err().is_cancelled());
    assert_eq!(server.requests("/prices"), 2);
}

#[tokio::test]
async fn an_operation_that_borrows_client_and_url_can_be_spawned() {
    let server = server([busy(), tea()]).await;
    let url = server.url("/prices");
    let asked = tokio::spawn(async move {
        let (client, mut rng): (_, SmallRng) = (client(), rand::make_rng());
        quick(3).run(&mut rng, |_| fetch_json::<Value>(&client, &url)).await
    });
    assert_eq!(asked.await.unwrap().unwrap(), json!({ "tea": 3 }));
    assert_eq!(server.requests("/prices"), 2);
}

#[tokio::test]
async fn naive_takes_a_503_for_the_answer() {
    let server = server([busy(), tea()]).await;
    let (client, url) = by_name(&server);
    let text = naive::fetch_text(&client, &url, 3).await.unwrap();
    assert_eq!((text.as_str(), server.requests("/prices")), ("busy", 1));
}

/// Calls that fail, and how many: no I/O, so that they may run on the paused clock.
async fn tries_of_naive(max_retries: u32) -> u32 {
    let calls = AtomicU32::new(0);
    let call = || async {
        calls.fetch_add(1, Ordering::SeqCst);
        Err::<(), ()>(())
    };
    naive::with_retries(call, max_retries).await.unwrap_err();
    calls.into_inner()
}

#[tokio::test(start_paused = true)]
async fn naive_repeats_what_cannot_succeed() {
    let client = client();
    let start = Instant::now();
    let error = naive::fetch_text(&client, "no url", 3).await.unwrap_err();
    assert!(error.is_builder());
    assert_eq!(start.elapsed(), secs(2 + 4));
}

#[tokio::test(start_paused = true)]
async fn naive_means_calls_when_it_says_retries() {
    let start = Instant::now();
    assert_eq!(tries_of_naive(0).await, 1);
    assert_eq!(tries_of_naive(1).await, 1);
    assert_eq!(start.elapsed(), secs(0));
    assert_eq!(tries_of_naive(3).await, 3);
}

#[tokio::test(start_paused = true)]
async fn naive_waits_for_a_silent_server_for_ever() {
    let site = Site::default().with_reply("/a", Reply::never());
    let call = || site.fetch("/a");
    timeout(24 * HOUR, naive::with_retries(call, 3)).await.unwrap_err();
    assert_eq!(site.load().calls, 1);
}

#[tokio::test(start_paused = true)]
async fn naive_waits_half_an_hour_in_ten_waits() {
    let start = Instant::now();
    tries_of_naive(11).await;
    assert_eq!(start.elapsed(), secs(2046));
}

#[tokio::test(start_paused = true)]
async fn naive_has_no_number_for_its_32nd_wait() {
    let at = Arc::new(Mutex::new(Vec::new()));
    let called = Arc::clone(&at);
    let call = move || {
        called.lock().unwrap().push(Instant::now());
        async { Err::<(), ()>(()) }
    };
    let end = tokio::spawn(naive::with_retries(call, 40)).await;
    let at = at.lock().unwrap();
    match end {
        Err(lost) => assert_eq!((lost.is_panic(), at.len()), (true, 32)),
        // Without overflow checks, as in a release build: no wait from here on.
        Ok(end) => {
            end.unwrap_err();
            assert!(at[30] < at[31] && at[31] == at[39]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn backon_by_default_makes_four_calls_without_jitter() {
    let start = Instant::now();
    let mut at = Vec::new();
    let call = || {
        at.push(start.elapsed());
        async { Err::<(), ()>(()) }
    };
    call.retry(ExponentialBuilder::default()).await.unwrap_err();
    assert_eq!(at, [0, 1, 3, 7].map(secs));
}

#[test]
fn the_jitter_of_backon_goes_beyond_its_cap() {
    let cap = secs(1);
    let waits = ExponentialBuilder::default().with_max_delay(cap).with_max_times(1000);
    let waits: Vec<_> = waits.with_jitter().with_jitter_seed(1).build().collect();
    assert!(waits.iter().all(|wait| (cap..2 * cap).contains(wait)));
    assert!(waits.iter().any(|wait| *wait > cap.mul_f64(1.99)));
}

#[tokio::test(start_paused = true)]
async fn the_total_of_backon_counts_waits_only() {
    let site = Site::default().with_reply("/a", Reply::status(secs(60), 503));
    let start = Instant::now();
    let waits = ExponentialBuilder::default().with_total_delay(Some(secs(3)));
    (|| site.fetch("/a")).retry(waits).await.unwrap_err();
    assert_eq!((site.load().calls, start.elapsed()), (3, secs(60 + 1 + 60 + 2 + 60)));
}

#[tokio::test(start_paused = true)]
async fn tokio_retry_takes_powers_of_its_base() {
    let start = Instant::now();
    let mut at = Vec::new();
    let call = || {
        at.push(start.elapsed());
        async { Err::<(), ()>(()) }
    };
    let waits = ExponentialBackoff::from_millis(10).take(3);
    tokio_retry::Retry::start(waits, call).await.unwrap_err();
    assert_eq!(at, [0, 10, 110, 1110].map(ms));
}

#[tokio::test(start_paused = true)]
async fn tokio_retry_never_stops_by_itself() {
    let site = Site::default().with_reply("/a", Reply::status(ms(0), 503));
    let waits = ExponentialBackoff::from_millis(10).max_delay(secs(1));
    let tries = tokio_retry::Retry::start(waits, || site.fetch("/a"));
    timeout(24 * HOUR, tries).await.unwrap_err();
    assert!(site.load().calls > 86_000);
}

fn on_503(host: &'static str) -> reqwest::retry::Builder {
    reqwest::retry::for_host(host).classify_fn(|answer| {
        if answer.status() == Some(StatusCode::SERVICE_UNAVAILABLE) {
            answer.retryable()
        } else {
            answer.success()
        }
    })
}

/// How many requests one GET makes of a server that answers 503, with a policy for `host`.
async fn requests_of_reqwest(host: &'static str) -> usize {
    let server = server([busy()]).await;
    let client = Client::builder().no_proxy().retry(on_503(host)).build().unwrap();
    let response = client.get(server.url("/prices")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    server.requests("/prices")
}

#[tokio::test]
async fn reqwest_repeats_a_status_only_when_told() {
    let server = server([busy()]).await;
    client().get(server.url("/prices")).send().await.unwrap();
    assert_eq!(server.requests("/prices"), 1);
    assert_eq!(requests_of_reqwest("127.0.0.1").await, 3);
}

#[tokio::test]
async fn reqwest_repeats_at_once_whatever_retry_after_says() {
    // A year: this test would not end.
    let replies = [busy().retry_after("31536000"), tea()];
    let server = server(replies).await;
    let client = Client::builder().no_proxy().retry(on_503("127.0.0.1"));
    let response = client.build().unwrap().get(server.url("/prices")).send().await;
    assert_eq!(response.unwrap().status(), StatusCode::OK);
    assert_eq!(server.requests("/prices"), 2);
}

#[tokio::test]
async fn reqwest_repeats_once_outside_its_scope() {
    assert_eq!(requests_of_reqwest("shop.test").await, 2);
}

use super::*;

use std::future::pending;
use std::sync::Arc;

use backend::{Alive, HttpReply, HttpServer, HttpSite, cancel};
use reqwest::dns::{Name, Resolve, Resolving};
use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

const HOUR: Duration = Duration::from_hours(1);
const PATIENT: Limits = Limits { connect: HOUR, silence: HOUR, total: HOUR };

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn client(limits: Limits) -> Client {
    with_limits(Client::builder().no_proxy(), limits).build().unwrap()
}

async fn server(reply: HttpReply) -> HttpServer {
    HttpSite::default().with_reply("/prices", reply).start().await
}

/// What a patient client makes of this reply.
async fn error_of(reply: HttpReply) -> HttpError {
    let server = server(reply).await;
    fetch_json::<Value>(&client(PATIENT), &server.url("/prices")).await.unwrap_err()
}

/// What a patient client makes of an address where nobody listens. The socket is bound, so that
/// nobody else gets the port meanwhile.
async fn refused() -> HttpError {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/prices", socket.local_addr().unwrap());
    fetch_json::<Value>(&client(PATIENT), &url).await.unwrap_err()
}

async fn timed_out() -> HttpError {
    let server = server(HttpReply::hang()).await;
    let hasty = client(Limits { total: ms(20), ..PATIENT });
    fetch_json::<Value>(&hasty, &server.url("/prices")).await.unwrap_err()
}

fn bad_json() -> serde_json::Error {
    serde_json::from_str::<Value>("<html>").unwrap_err()
}

fn not_found() -> HttpError {
    HttpError::NotFound { url: "http://shop.test/prices".parse().unwrap() }
}

#[tokio::test]
async fn an_answer_is_read_as_json() {
    let server = server(HttpReply::ok(r#"{"tea": 3}"#)).await;
    let prices: Value =
        fetch_json(&client(PATIENT), &server.url("/prices")).await.unwrap();
    assert_eq!(prices, json!({ "tea": 3 }));
}

#[tokio::test]
async fn a_404_is_not_found() {
    let error = error_of(HttpReply::status(404, "{}")).await;
    assert!(matches!(&error, HttpError::NotFound { url } if url.path() == "/prices"));
}

#[tokio::test]
async fn any_other_refusal_keeps_its_code() {
    for status in [403, 410, 500, 503] {
        let error = error_of(HttpReply::status(status, "{}")).await;
        assert!(
            matches!(&error, HttpError::Status { code, url, .. }
                if code.as_u16() == status && url.path() == "/prices"),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_redirect_that_is_not_followed_is_no_answer() {
    let server = server(HttpReply::redirect("/new")).await;
    let stays = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
    let error = fetch_json::<Value>(&stays, &server.url("/prices")).await.unwrap_err();
    assert!(
        matches!(error, HttpError::Status { code: StatusCode::FOUND, .. }),
        "{error:?}"
    );
    let response = stays.get(server.url("/prices")).send().await.unwrap();
    assert!(response.error_for_status().is_ok());
}

#[tokio::test]
async fn each_error_of_an_answer_says_where_the_request_ended() {
    for reply in [
        HttpReply::status(404, ""),
        HttpReply::status(503, ""),
        HttpReply::ok("<html>"),
    ] {
        let site = HttpSite::default()
            .with_reply("/prices", HttpReply::redirect("/new"))
            .with_reply("/new", reply);
        let (server, client) = (site.start().await, client(PATIENT));
        let error = fetch_json::<Value>(&client, &server.url("/prices")).await;
        let (HttpError::NotFound { url }
        | HttpError::Status { url, .. }
        | HttpError::Decode { url, .. }) = error.unwrap_err()
        else {
            panic!("it was answered")
        };
        assert_eq!(url.as_str(), server.url("/new"));
    }
}

#[test]
fn each_limit_is_set_where_it_belongs() {
    let limits = Limits { connect: ms(1), silence: ms(2), total: ms(3) };
    let builder = with_limits(Client::builder(), limits);
    let text = format!("{builder:?}");
    assert!(text.contains("connect_timeout: 1ms"), "{text}");
    assert!(text.contains(" timeout: 3ms"), "{text}");
    let text = format!("{:?}", builder.build().unwrap());
    assert!(text.contains("read_timeout: 2ms"), "{text}");
}

#[tokio::test]
async fn a_refusal_is_known_from_its_head() {
    let server = server(HttpReply::status(500, "sorry").body_hangs()).await;
    let error = fetch_json::<Value>(&client(PATIENT), &server.url("/prices")).await;
    assert!(matches!(error.unwrap_err(), HttpError::Status { .. }));
    server.until(|load| load.dropped == 1).await;
}

#[tokio::test]
async fn a_refusal_with_an_unread_body_costs_its_connection() {
    let server = server(HttpReply::status(500, "sorry").body_hangs()).await;
    let client = client(PATIENT);
    for _ in 0..3 {
        fetch_json::<Value>(&client, &server.url("/prices")).await.unwrap_err();
    }
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn bad_json_is_a_decode_error() {
    let error = error_of(HttpReply::ok("<html>")).await;
    assert!(matches!(&error, HttpError::Decode { url, .. } if url.path() == "/prices"));
}

#[tokio::test]
async fn a_refused_connection_is_transport() {
    let error = refused().await;
    assert!(matches!(&error, HttpError::Transport(source) if source.is_connect()));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_transport() {
    let error = error_of(HttpReply::ok(r#"{"tea":"#).breaks_off()).await;
    assert!(
        matches!(&error, HttpError::Transport(source) if source.is_decode()),
        "{error:?}"
    );
    assert!(error.transient());
}

#[tokio::test]
async fn a_silent_server_is_a_timeout() {
    let server = server(HttpReply::hang()).await;
    let limits =
        [Limits { total: ms(20), ..PATIENT }, Limits { silence: ms(20), ..PATIENT }];
    for limits in limits {
        let start = Instant::now();
        let error = fetch_json::<Value>(&client(limits), &server.url("/prices")).await;
        assert!(matches!(error.unwrap_err(), HttpError::Timeout(_)));
        assert!(start.elapsed() >= ms(20));
    }
    server.until(|load| load.dropped == load.calls).await;
}

#[tokio::test]
async fn a_body_that_never_comes_is_a_timeout() {
    let server = server(HttpReply::ok("{}").body_hangs()).await;
    let limits =
        [Limits { total: ms(50), ..PATIENT }, Limits { silence: ms(50), ..PATIENT }];
    for limits in limits {
        let error = fetch_json::<Value>(&client(limits), &server.url("/prices")).await;
        assert!(matches!(error.unwrap_err(), HttpError::Timeout(_)));
    }
    server.until(|load| load.dropped == load.calls).await;
}

#[tokio::test]
async fn a_connection_that_is_never_made_is_a_timeout() {
    struct NeverResolves;
    impl Resolve for NeverResolves {
        fn resolve(&self, _: Name) -> Resolving {
            Box::pin(pending())
        }
    }
    let builder = Client::builder().no_proxy().dns_resolver(Arc::new(NeverResolves));
    let client =
        with_limits(builder, Limits { connect: ms(20), ..PATIENT }).build().unwrap();
    let error =
        fetch_json::<Value>(&client, "http://shop.test/prices").await.unwrap_err();
    assert!(
        matches!(&error, HttpError::Timeout(source) if source.is_connect()),
        "{error:?}"
    );
}

#[tokio::test]
async fn refused_silent_408_429_and_5xx_may_pass() {
    assert!(refused().await.transient());
    assert!(timed_out().await.transient());
    for status in [408, 425, 429, 500, 502, 503, 504, 599] {
        let error = error_of(HttpReply::status(status, "")).await;
        assert!(error.transient(), "{error}");
    }
}

/// Statuses of which HTTP says, or may say, that they pass.
fn may_pass(status: u16) -> bool {
    match status {
        408 | 425 | 429 => true,
        501 | 505 | 506 | 508 | 510 | 511 => false,
        _ => (500..600).contains(&status),
    }
}

#[test]
fn every_other_status_is_permanent() {
    for status in 100..1000 {
        let url = "http://shop.test/prices".parse().unwrap();
        let code = StatusCode::from_u16(status).unwrap();
        let error = HttpError::Status { url, code, retry_after: None };
        assert_eq!(error.transient(), may_pass(status), "{status}");
    }
}

#[tokio::test]
async fn each_status_from_300_to_599_comes_as_it_was_sent() {
    let path = |status| format!("/{status}");
    let site = (300..600).fold(HttpSite::default(), |site, status| {
        site.with_reply(&path(status), HttpReply::status(status, ""))
    });
    let (server, client) = (site.start().await, client(PATIENT));
    for status in 300..600 {
        let url = server.url(&path(status));
        match fetch_json::<Value>(&client, &url).await.unwrap_err() {
            HttpError::NotFound { .. } => assert_eq!(status, 404),
            HttpError::Status { code, .. } => assert_eq!(code.as_u16(), status),
            error => panic!("{status}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn what_trying_again_cannot_change_is_permanent() {
    let not_found = error_of(HttpReply::status(404, "")).await;
    assert!(!not_found.transient(), "{not_found:?}");
    assert!(!error_of(HttpReply::ok("<html>")).await.transient());
    for url in ["prices", "ftp://127.0.0.1/", "http://", "http://127.0.0.1:99999"] {
        let error = fetch_json::<Value>(&client(PATIENT), url).await.unwrap_err();
        assert!(!error.transient(), "{error:?}");
    }
    for location in ["/prices", "ftp://127.0.0.1/"] {
        let error = error_of(HttpReply::redirect(location)).await;
        assert!(!error.transient(), "{error:?}");
    }
}

#[tokio::test]
async fn https_with_a_client_without_tls_is_permanent() {
    // The workspace builds `reqwest` without TLS. Nobody listens there.
    let url = "https://127.0.0.1:1/prices";
    let direct = fetch_json::<Value>(&client(PATIENT), url).await.unwrap_err();
    let redirected = error_of(HttpReply::redirect(url)).await;
    for error in [direct, redirected] {
        assert!(
            matches!(&error, HttpError::Transport(source) if source.is_connect()),
            "{error:?}"
        );
        assert!(!error.transient(), "{error:?}");
    }
}

/// What comes of a connection that fails for this reason.
async fn not_connected(reason: fn() -> io::Error) -> HttpError {
    struct Fails(fn() -> io::Error);
    impl Resolve for Fails {
        fn resolve(&self, _: Name) -> Resolving {
            let reason = (self.0)();
            Box::pin(async { Err(reason.into()) })
        }
    }
    let builder = Client::builder().no_proxy();
    let client = builder.dns_resolver(Arc::new(Fails(reason))).build().unwrap();
    let url = "http://shop.test/prices";
    let error = fetch_json::<Value>(&client, url).await.unwrap_err();
    let connect = matches!(&error, HttpError::Transport(source) if source.is_connect());
    assert!(connect, "{error:?}");
    error
}

#[tokio::test]
async fn what_comes_as_the_refusal_of_a_certificate_is_permanent() {
    fn refused() -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, "unknown issuer")
    }
    // As tokio-rustls 0.26 makes it, and as hyper-rustls 0.27 wraps that.
    for reason in [refused, || io::Error::other(refused())] {
        let error = not_connected(reason).await;
        assert!(!error.transient(), "{error:?}");
    }
}

#[tokio::test]
async fn a_connection_that_fails_otherwise_may_be_made_later() {
    fn closed() -> io::Error {
        io::ErrorKind::UnexpectedEof.into()
    }
    fn no_name() -> io::Error {
        io::Error::other("failed to lookup address information")
    }
    for reason in [closed, || io::Error::other(closed()), no_name] {
        let error = not_connected(reason).await;
        assert!(error.transient(), "{error:?}");
    }
}

#[tokio::test]
async fn a_body_in_which_bytes_are_wrong_is_transient() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            assert!(socket.read_buf(&mut request).await.unwrap() > 0);
        }
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        socket.write_all(head.as_bytes()).await.unwrap();
        // More digits than a length has.
        socket.write_all(b"f0000000000000003\r\n").await.unwrap();
        socket
    };
    let client = client(PATIENT);
    let (got, _socket) = tokio::join!(fetch_json::<Value>(&client, &url), server);
    let error = got.unwrap_err();
    let root = causes(&error).find_map(|cause| cause.downcast_ref::<io::Error>());
    assert_eq!(root.unwrap().kind(), io::ErrorKind::InvalidData);
    assert!(error.transient(), "{error:?}");
}

#[tokio::test]
async fn retry_after_in_seconds_is_kept() {
    let error = error_of(HttpReply::status(429, "").retry_after("90")).await;
    assert_eq!(error.retry_after(), Some(Duration::from_secs(90)));
    let error = error_of(HttpReply::status(503, "")).await;
    assert_eq!(error.retry_after(), None);
    assert_eq!(not_found().retry_after(), None);
}

/// What a server asks for that sends these headers.
fn asked(values: &[&str]) -> Option<Duration> {
    let values = values.iter().map(|value| (RETRY_AFTER, value.parse().unwrap()));
    retry_after(&values.collect())
}

#[test]
fn a_fraction_of_a_second_is_rounded_up() {
    for value in ["0.001", "1", "1.0", "1.", "0.5"] {
        assert_eq!(asked(&[value]), Some(Duration::from_secs(1)), "{value}");
    }
    for value in ["1.5", "1.000000000000000000000000001", "2.0"] {
        assert_eq!(asked(&[value]), Some(Duration::from_secs(2)), "{value}");
    }
    assert_eq!(asked(&["0"]), Some(Duration::ZERO));
    assert_eq!(asked(&["0.0"]), Some(Duration::ZERO));
}

#[test]
fn more_seconds_than_a_number_holds_are_the_longest_wait() {
    let most = u64::MAX.to_string();
    assert_eq!(asked(&[&most]), Some(Duration::from_secs(u64::MAX)));
    for value in ["18446744073709551616", &"9".repeat(1000), &(most + ".1")] {
        assert_eq!(asked(&[value]), Some(Duration::MAX), "{value}");
    }
}

#[test]
fn spaces_zeros_and_a_plus_do_no_harm() {
    for value in [" 5", "5  ", "\t5\t", "005", "+5"] {
        assert_eq!(asked(&[value]), Some(Duration::from_secs(5)), "{value:?}");
    }
}

#[test]
fn of_several_headers_the_longest_wait_counts() {
    assert_eq!(asked(&["5", "60", "7"]), Some(Duration::from_mins(1)));
    assert_eq!(asked(&["soon", "5"]), Some(Duration::from_secs(5)));
    assert_eq!(asked(&[]), None);
}

#[test]
fn what_is_no_number_of_seconds_is_left_to_the_policy() {
    let dates = [
        // RFC 9110, 5.6.7: one form that is sent, and two that are old.
        "Fri, 31 Dec 1999 23:59:59 GMT",
        "Fri, 31 Dec 2999 23:59:59 GMT",
        "Friday, 31-Dec-99 23:59:59 GMT",
        "Fri Dec 31 23:59:59 1999",
    ];
    let nonsense = [
        "",
        " ",
        "-1",
        "-0",
        "+",
        "++5",
        "+-5",
        ".",
        ".5",
        "1.5.2",
        "1.-5",
        "1,5",
        "5, 6",
        "5s",
        "1e3",
        "0x10",
        "inf",
        "NaN",
        "1_000",
        "5 6",
        "soon",
        "99999999999999999999 years",
    ];
    for value in dates.iter().chain(&nonsense) {
        assert_eq!(asked(&[value]), None, "{value:?}");
    }
    let bytes = HeaderValue::from_bytes(b"5\xe9").unwrap();
    assert_eq!(retry_after(&[(RETRY_AFTER, bytes)].into_iter().collect()), None);
}

#[tokio::test]
async fn retry_after_as_a_date_is_left_to_the_policy() {
    for value in ["Fri, 31 Dec 1999 23:59:59 GMT", "-1", "soon", ""] {
        let error = error_of(HttpReply::status(503, "").retry_after(value)).await;
        assert!(error.transient());
        assert_eq!(error.retry_after(), None, "{value}");
    }
}

#[tokio::test]
async fn a_shared_client_keeps_one_connection() {
    let server = server(HttpReply::ok("{}")).await;
    let client = client(PATIENT);
    for _ in 0..5 {
        fetch_json::<Value>(&client, &server.url("/prices")).await.unwrap();
    }
    assert_eq!((server.requests("/prices"), server.connections()), (5, 1));
}

#[tokio::test]
async fn dropped_at_any_await_it_leaves_no_request_behind() {
    let server = server(HttpReply::ok("{}").body_hangs()).await;
    // Long enough for a request to reach the server on a busy machine.
    let client = client(Limits { total: ms(300), ..PATIENT });
    let url = server.url("/prices");
    let fetch = || fetch_json::<Value>(&client, &url);
    let drops = cancel::at_every_await(fetch, |_, end| {
        assert!(matches!(end, None | Some(Err(HttpError::Timeout(_)))), "{end:?}");
    });
    assert!(drops.await >= 2, "before the first poll, and in the waits after it");
    server.until(|load| load.calls > 0 && load.dropped == load.calls).await;
}

#[tokio::test]
async fn a_body_is_read_up_to_a_size_and_no_further() {
    let server = server(HttpReply::ok("12345")).await;
    for (limit, body) in [(5, Some(b"12345".to_vec())), (4, None), (0, None)] {
        let response = client(PATIENT).get(server.url("/prices")).send().await.unwrap();
        assert_eq!(bytes_up_to(response, limit).await.unwrap(), body);
    }
    let empty = self::server(HttpReply::ok("")).await;
    let response = client(PATIENT).get(empty.url("/prices")).send().await.unwrap();
    assert_eq!(bytes_up_to(response, 0).await.unwrap(), Some(Vec::new()));
    let broken = self::server(HttpReply::ok("12345").breaks_off()).await;
    let response = client(PATIENT).get(broken.url("/prices")).send().await.unwrap();
    bytes_up_to(response, 100).await.unwrap_err();
}

#[tokio::test]
async fn a_fetch_can_be_spawned() {
    let server = server(HttpReply::ok("[1]")).await;
    let (client, url) = (client(PATIENT), server.url("/prices"));
    let task = tokio::spawn(async move { fetch_json::<Value>(&client, &url).await });
    assert_eq!(joined(task).await.unwrap(), json!([1]));
}

#[tokio::test]
async fn the_cause_is_kept_to_the_root() {
    let error = LoadError::from(refused().await);
    let root = causes(&error).find_map(|cause| cause.downcast_ref::<io::Error>());
    assert_eq!(root.unwrap().kind(), io::ErrorKind::ConnectionRefused);
    assert!(causes(&error).nth(1).unwrap().is::<HttpError>());
    assert!(causes(&error).nth(2).unwrap().is::<reqwest::Error>());

    let error = timed_out().await;
    assert!(causes(&error).nth(1).unwrap().is::<reqwest::Error>());

    let error = error_of(HttpReply::ok("<html>")).await;
    let root = causes(&error).last().unwrap().downcast_ref::<serde_json::Error>();
    assert_eq!((root.unwrap().line(), root.unwrap().column()), (1, 1));
}

/// One error of each variant. If a variant is left out, the `match` does not compile.
macro_rules! one_of_each {
    ($($variant:pat => $error:expr,)+) => {{
        let errors = vec![$({
            let error = $error;
            assert!(matches!(&error, $variant), "{error:?}");
            error
        }),+];
        for error in &errors {
            match error {
                $($variant => {})+
            }
        }
        errors
    }};
}

async fn join_error(aborted: bool) -> JoinError {
    let task = tokio::spawn(async move {
        assert!(aborted, "a bug");
        pending::<()>().await;
    });
    if aborted {
        task.abort();
    }
    task.await.unwrap_err()
}

/// One after the other, the messages of the chain.
fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    causes(error).map(ToString::to_string).collect()
}

#[tokio::test]
async fn no_message_repeats_its_cause() {
    let url = || "http://shop.test/prices".parse().unwrap();
    let code = StatusCode::SERVICE_UNAVAILABLE;
    let http = one_of_each![
        HttpError::Transport(_) => refused().await,
        HttpError::Timeout(_) => timed_out().await,
        HttpError::NotFound { .. } => not_found(),
        HttpError::Status { .. } =>
            HttpError::Status { url: url(), code, retry_after: None },
        HttpError::Decode { .. } =>
            HttpError::Decode { url: url(), source: bad_json() },
    ];
    let load = one_of_each![
        LoadError::Settings(_) => io::Error::from(io::ErrorKind::NotFound).into(),
        LoadError::Prices(_) => refused().await.into(),
        LoadError::Panicked(_) => join_error(false).await.into(),
        LoadError::Cancelled(_) => join_error(true).await.into(),
    ];
    let http = http.iter().map(|error| chain(error));
    for chain in http.chain(load.iter().map(|error| chain(error))) {
        for pair in chain.windows(2) {
            assert!(!pair[0].contains(&pair[1]), "{chain:?}");
        }
    }
}

#[tokio::test]
async fn each_error_that_has_a_cause_gives_it() {
    let url = "http://shop.test/prices".parse().unwrap();
    let error = HttpError::Decode { url, source: bad_json() };
    assert_eq!(
        chain(&error),
        [
            "http://shop.test/prices: not the JSON that was expected",
            "expected value at line 1 column 1",
        ]
    );
    assert!(refused().await.source().unwrap().is::<reqwest::Error>());
    assert!(timed_out().await.source().unwrap().is::<reqwest::Error>());
    let error = LoadError::from(io::Error::from(io::ErrorKind::NotFound));
    assert!(error.source().unwrap().is::<io::Error>());
    let error = LoadError::from(not_found());
    assert!(error.source().unwrap().is::<HttpError>());
    for aborted in [false, true] {
        let error = LoadError::from(join_error(aborted).await);
        assert!(error.source().unwrap().is::<JoinError>());
    }
}

#[test]
fn both_errors_fit_into_a_boxed_one() {
    fn opens() -> Result<(), Box<dyn Error + Send + Sync>> {
        Err(not_found())?;
        Err(LoadError::from(not_found()))?;
        Ok(())
    }
    assert!(opens().unwrap_err().is::<HttpError>());
}

/// Gives `result` after so many milliseconds.
async fn after<T>(millis: u64, result: T) -> T {
    sleep(ms(millis)).await;
    result
}

#[tokio::test(start_paused = true)]
async fn both_together_take_as_long_as_the_slower() {
    let start = Instant::now();
    let both = settings_and_prices(after(30, Ok("blue")), after(100, Ok(3)));
    assert_eq!(both.await.unwrap(), ("blue", 3));
    assert_eq!(start.elapsed(), ms(100));
}

#[tokio::test(start_paused = true)]
async fn each_branch_fails_with_a_variant_of_its_own() {
    let start = Instant::now();
    let no_file = || io::Error::from(io::ErrorKind::NotFound);
    let both =
        settings_and_prices(after(30, Err::<(), _>(no_file())), after(100, Ok(3)));
    assert!(matches!(both.await.unwrap_err(), LoadError::Settings(_)));
    assert_eq!(start.elapsed(), ms(30));
    let both = settings_and_prices(
        after(30, Ok("blue")),
        after(10, Err::<(), _>(not_found())),
    );
    let error = both.await.unwrap_err();
    assert!(matches!(error, LoadError::Prices(HttpError::NotFound { .. })));
    assert_eq!(start.elapsed(), ms(30 + 10));
}

#[tokio::test(start_paused = true)]
async fn the_first_error_drops_the_other_branch() {
    let alive = Alive::default();
    let settings = guarded(after(30, Ok("blue")), &alive);
    let prices = guarded(after(10, Err::<(), _>(not_found())), &alive);
    settings_and_prices(settings, prices).await.unwrap_err();
    assert_eq!((alive.count(), alive.dropped()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn dropped_while_it_waits_it_drops_both_branches() {
    let alive = Alive::default();
    let load = || {
        let settings = guarded(after(30, Ok("blue")), &alive);
        settings_and_prices(settings, guarded(after(100, Ok(3)), &alive))
    };
    let drops = cancel::at_every_await(load, |_, _| assert_eq!(alive.count(), 0)).await;
    assert_eq!((drops, alive.dropped()), (3, 2 * 4));
}

fn guarded<F: Future>(
    future: F,
    alive: &Alive,
) -> impl Future<Output = F::Output> + use<F> {
    let guard = alive.guard();
    async move {
        let _guard = guard;
        future.await
    }
}

#[tokio::test]
async fn a_file_and_a_server_meet_in_one_error() {
    let folder = tempfile::tempdir().unwrap();
    let (path, missing) =
        (folder.path().join("settings"), folder.path().join("missing"));
    std::fs::write(&path, "blue").unwrap();
    let site = HttpSite::default().with_reply("/prices", HttpReply::ok("3"));
    let (server, client) = (site.start().await, client(PATIENT));
    let (prices, nothing) = (server.url("/prices"), server.url("/nothing"));
    let load = async |path, url| {
        let settings = tokio::fs::read_to_string(path);
        settings_and_prices(settings, fetch_json::<u32>(&client, url)).await
    };

    assert_eq!(load(&path, &prices).await.unwrap(), ("blue".to_owned(), 3));
    let error = load(&missing, &prices).await.unwrap_err();
    assert!(matches!(error, LoadError::Settings(_)), "{error:?}");
    let error = load(&path, &nothing).await.unwrap_err();
    assert!(
        matches!(error, LoadError::Prices(HttpError::NotFound { .. })),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn loading_can_be_spawned() {
    let task = tokio::spawn(settings_and_prices(after(1, Ok("blue")), after(2, Ok(3))));
    assert_eq!(joined(task).await.unwrap(), ("blue", 3));
}

#[tokio::test]
async fn a_task_ends_in_one_of_four_ways_in_one_result() {
    let done = tokio::spawn(async { Ok::<_, HttpError>(3) });
    assert_eq!(joined(done).await.unwrap(), 3);

    let failed = tokio::spawn(async { Err::<(), _>(not_found()) });
    let error = joined(failed).await.unwrap_err();
    assert!(matches!(error, LoadError::Prices(HttpError::NotFound { .. })));

    let error = joined::<(), HttpError>(tokio::spawn(async { panic!("a bug") }))
        .await
        .unwrap_err();
    assert!(matches!(error, LoadError::Panicked(_)));
    assert!(error.source().unwrap().to_string().contains("a bug"));

    let aborted = tokio::spawn(pending::<Result<(), HttpError>>());
    aborted.abort();
    let error = joined(aborted).await.unwrap_err();
    assert!(matches!(error, LoadError::Cancelled(_)));
    assert!(error.source().unwrap().is::<JoinError>());
}

#[tokio::test(start_paused = true)]
async fn dropped_while_it_joins_it_does_to_the_task_what_its_handle_does() {
    let alive = Alive::default();
    let work = || guarded(after(20, Ok::<(), HttpError>(())), &alive);

    let detached = cancel::after_polls(1, joined(tokio::spawn(work()))).await;
    sleep(ms(10)).await;
    assert!(detached.is_none());
    assert_eq!(alive.count(), 1, "the task runs on");
    sleep(ms(20)).await;
    assert_eq!(alive.count(), 0);

    let task = AbortOnDropHandle::new(tokio::spawn(work()));
    let aborted = cancel::after_polls(1, joined(task)).await;
    yield_now().await;
    assert!(aborted.is_none());
    assert_eq!((alive.count(), alive.dropped()), (0, 2), "the task is gone");
}

#[tokio::test]
async fn to_reqwest_a_500_in_json_is_an_answer() {
    let server = server(HttpReply::status(500, r#"{"error": "sorry"}"#)).await;
    let answer: Value = naive::get_json(&server.url("/prices")).await.unwrap();
    assert_eq!(answer, json!({ "error": "sorry" }));
}

#[tokio::test]
async fn get_opens_a_connection_for_each_request() {
    let server = server(HttpReply::ok("{}")).await;
    for _ in 0..5 {
        naive::get_json::<Value>(&server.url("/prices")).await.unwrap();
    }
    assert_eq!((server.requests("/prices"), server.connections()), (5, 5));
}

#[tokio::test]
async fn get_still_waits_when_a_client_with_limits_has_given_up() {
    let server = server(HttpReply::hang()).await;
    let url = server.url("/prices");
    let waits = tokio::spawn(async move { naive::get_json::<Value>(&url).await });
    server.until(|load| load.in_flight == 1).await;
    let hasty = client(Limits { total: ms(20), ..PATIENT });
    fetch_json::<Value>(&hasty, &server.url("/prices")).await.unwrap_err();
    assert!(!waits.is_finished());
    waits.abort();
}

#[tokio::test]
async fn to_reqwest_a_silent_or_broken_body_is_bad_json() {
    let broken = server(HttpReply::ok("{").breaks_off()).await;
    let error = naive::get_json::<Value>(&broken.url("/prices")).await.unwrap_err();
    assert!(naive::is_bad_json(&error), "{error:?}");

    let silent = server(HttpReply::ok("{}").body_hangs()).await;
    let hasty = client(Limits { total: ms(50), ..PATIENT });
    let response = loop {
        // On a busy machine the limit may pass before the head is here.
        if let Ok(response) = hasty.get(silent.url("/prices")).send().await {
            break response;
        }
    };
    let error = response.json::<Value>().await.unwrap_err();
    assert!(naive::is_bad_json(&error) && error.is_timeout(), "{error:?}");

    let wrong = server(HttpReply::ok("<html>")).await;
    let error = naive::get_json::<Value>(&wrong.url("/prices")).await.unwrap_err();
    assert!(naive::is_bad_json(&error), "{error:?}");
    let error = reqwest::get("prices").await.unwrap_err();
    assert!(!naive::is_bad_json(&error), "{error:?}");
}

#[tokio::test]
async fn an_error_made_of_text_cannot_say_why() {
    let HttpError::Transport(error) = refused().await else { panic!("refused") };
    let (first, root) = (error.to_string(), causes(&error).last().unwrap().to_string());
    let text = naive::NetworkError::from(error);
    assert_eq!(causes(&text).count(), 1);
    assert_eq!(text.to_string(), format!("network: {first}"));
    assert!(!first.contains(&root), "{first} says {root}");
}

#[tokio::test]
async fn an_error_that_keeps_its_source_says_why() {
    let HttpError::Transport(error) = refused().await else { panic!("refused") };
    let (first, root) = (error.to_string(), causes(&error).last().unwrap().to_string());
    let kept = NetworkError::from(error);
    let chain = chain(&kept);
    assert_eq!(chain[..2], ["the network failed".to_owned(), first]);
    assert_eq!(chain.last(), Some(&root));
}

#[tokio::test]
async fn with_a_variant_for_each_file_the_log_is_the_log() {
    let full = || async { Err(io::Error::from(io::ErrorKind::StorageFull)) };
    let error = settings_then_log(async { Ok("blue") }, full()).await.unwrap_err();
    assert_eq!(error.to_string(), "the log cannot be opened");
    assert_eq!(
        error.source().unwrap().to_string(),
        io::ErrorKind::StorageFull.to_string()
    );
    let unread = async { full().await.map(|()| "blue") };
    let never = async { panic!("opened after an error") };
    let error = settings_then_log(unread, never).await.unwrap_err();
    assert_eq!(error.to_string(), "the settings cannot be read");
    assert!(error.source().is_some());
    let fine = settings_then_log(async { Ok("blue") }, async { Ok(()) }).await;
    assert_eq!(fine.unwrap(), "blue");
}

#[tokio::test]
async fn a_log_that_cannot_be_opened_is_filed_under_settings() {
    let full = async { Err(io::Error::from(io::ErrorKind::StorageFull)) };
    let error = naive::settings_then_log(async { Ok("blue") }, full).await.unwrap_err();
    assert_eq!(error.to_string(), "the settings cannot be read");
    let fine = naive::settings_then_log(async { Ok("blue") }, async { Ok(()) }).await;
    assert_eq!(fine.unwrap(), "blue");
}

#[tokio::test]
async fn a_task_that_failed_is_counted_among_the_successes() {
    let failed = tokio::spawn(async { Err::<(), _>(not_found()) });
    let done = tokio::spawn(async { Ok(()) });
    let aborted = tokio::spawn(pending());
    aborted.abort();
    assert_eq!(naive::successes(vec![failed, done, aborted]).await, 2);
}

#[tokio::test]
async fn only_a_task_that_ended_and_succeeded_is_a_success() {
    let failed = tokio::spawn(async { Err::<(), _>(not_found()) });
    let done = || tokio::spawn(async { Ok(()) });
    let aborted = tokio::spawn(pending());
    aborted.abort();
    assert_eq!(successes(vec![done(), failed, aborted, done()]).await, 2);
}

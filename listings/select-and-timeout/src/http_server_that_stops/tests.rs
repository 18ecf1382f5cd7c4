#![expect(clippy::similar_names, reason = "a shop has a stop")]

use std::future::pending;
use std::net::SocketAddr;

use axum::routing::{get, post};
use backend::{ends, soon};
use futures::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, pause, resume};
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::*;

/// No proof waits for it on the real clock.
const GRACE: Duration = Duration::from_hours(1);

const HELLO: &str = "GET / HTTP/1.1\r\nhost: shop\r\n\r\n";
const SLOW: &str = "GET /slow HTTP/1.1\r\nhost: shop\r\n\r\n";

/// A server on a port of its own, and what a test needs to talk to it.
#[derive(Clone)]
struct Shop {
    address: SocketAddr,
    stop: CancellationToken,
    /// `/slow` has begun.
    begun: Arc<Notify>,
    /// Lets `/slow` go on.
    go_on: Arc<Notify>,
}

impl Shop {
    async fn open() -> (TcpListener, Router, Self) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (begins, goes_on) = (Arc::clone(&begun), Arc::clone(&go_on));
        let slow = async move || {
            begins.notify_one();
            goes_on.notified().await;
            "done"
        };
        let app = Router::new()
            .route("/", get(async || "hello"))
            .route("/slow", get(slow))
            .route("/echo", post(async |body: String| body))
            .route("/endless", get(async || endless()));
        let shop = Self { address, stop: CancellationToken::new(), begun, go_on };
        (listener, app, shop)
    }

    async fn until() -> (JoinHandle<io::Result<Ended>>, Self) {
        let (listener, app, shop) = Self::open().await;
        (tokio::spawn(serve_until(listener, app, shop.stop.clone(), GRACE)), shop)
    }

    async fn cut() -> (JoinHandle<usize>, Self) {
        let (listener, app, shop) = Self::open().await;
        (tokio::spawn(serve_and_cut(listener, app, shop.stop.clone(), GRACE)), shop)
    }

    async fn client(&self, text: &str) -> TcpStream {
        let mut client = TcpStream::connect(self.address).await.unwrap();
        client.write_all(text.as_bytes()).await.unwrap();
        client
    }

    /// What was sent before on other connections has been read.
    async fn has_read_all(&self) {
        let text = "GET / HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n";
        assert!(rest(self.client(text).await).await.ends_with("hello"));
    }

    async fn refuses(&self) {
        soon(async {
            while TcpStream::connect(self.address).await.is_ok() {
                yield_now().await;
            }
        })
        .await;
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn endless() -> Body {
    Body::from_stream(stream::repeat_with(|| Ok::<_, Infallible>(vec![b'x'; 65_536])))
}

/// What the client gets until its connection ends, or breaks.
async fn rest(mut client: TcpStream) -> String {
    let mut bytes = Vec::new();
    let _broken = soon(client.read_to_end(&mut bytes)).await;
    String::from_utf8(bytes).unwrap()
}

/// One answer, and the connection stays.
async fn one_answer(client: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        let mut bytes = [0; 1_024];
        let length = soon(client.read(&mut bytes)).await.unwrap();
        assert_ne!(length, 0, "the connection has ended after {text:?}");
        text.push_str(std::str::from_utf8(&bytes[..length]).unwrap());
    }
    text
}

/// Clients that keep a server waiting: half a head, half a body, and one that does not read.
const STUCK: [&str; 3] = [
    "GET / HTTP/1.1\r\nho",
    "POST /echo HTTP/1.1\r\nhost: shop\r\ncontent-length: 10\r\n\r\nhalf",
    "GET /endless HTTP/1.1\r\nhost: shop\r\n\r\n",
];

/// Stops the server on a clock that jumps, and gives what it gave, and after how many whole
/// seconds: the clock that was real until here stands between two milliseconds.
async fn stopped<T>(shop: &Shop, server: JoinHandle<T>) -> (T, Duration) {
    pause();
    let begin = Instant::now();
    shop.stop.cancel();
    let ended = ends(server).await.unwrap();
    let took = Duration::from_secs(begin.elapsed().as_secs());
    resume();
    (ended, took)
}

#[tokio::test]
async fn each_stuck_client_keeps_axum_alone_waiting_for_ever() {
    for text in STUCK {
        let (listener, app, shop) = Shop::open().await;
        let mut server =
            tokio::spawn(naive::no_limit(listener, app, shop.stop.clone()));
        let client = shop.client(text).await;
        shop.has_read_all().await;
        shop.stop.cancel();
        pause();
        assert!(timeout(Duration::from_hours(24), &mut server).await.is_err());
        resume();
        drop(client);
        soon(server).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_stuck_client_is_waited_for_until_the_grace_time_ends() {
    for text in STUCK {
        let (server, shop) = Shop::until().await;
        let _client = shop.client(text).await;
        shop.has_read_all().await;
        let (ended, took) = stopped(&shop, server).await;
        assert_eq!((ended.unwrap(), took), (Ended::CutOff, GRACE));
    }
}

#[tokio::test]
async fn each_stuck_client_is_cut_after_the_grace_time() {
    let (server, shop) = Shop::cut().await;
    let mut clients = Vec::new();
    for text in STUCK {
        clients.push(shop.client(text).await);
    }
    shop.has_read_all().await;
    assert_eq!(stopped(&shop, server).await, (3, GRACE));
    assert_eq!(rest(clients.remove(0)).await, "");
    assert_eq!(rest(clients.remove(0)).await, "");
    assert!(!rest(clients.remove(0)).await.ends_with("0\r\n\r\n"), "no end of a body");
}

#[tokio::test(start_paused = true)]
async fn with_a_limit_from_the_start_a_server_ends_though_nobody_stopped_it() {
    let (listener, app, shop) = Shop::open().await;
    let begin = Instant::now();
    let server = naive::limit_from_the_start(listener, app, shop.stop.clone(), GRACE);
    assert_eq!(ends(server).await.unwrap(), Ended::CutOff);
    assert_eq!(begin.elapsed(), GRACE);
    assert!(!shop.stop.is_cancelled());
}

#[tokio::test]
async fn after_a_week_the_grace_time_is_still_whole() {
    let (server, shop) = Shop::until().await;
    pause();
    sleep(Duration::from_hours(7 * 24)).await;
    assert!(!server.is_finished());
    resume();
    let _client = shop.client(STUCK[0]).await;
    shop.has_read_all().await;
    let (ended, took) = stopped(&shop, server).await;
    assert_eq!((ended.unwrap(), took), (Ended::CutOff, GRACE));
}

#[tokio::test]
async fn a_request_under_way_is_answered_and_a_new_client_refused() {
    let (server, shop) = Shop::until().await;
    let client = shop.client(SLOW).await;
    soon(shop.begun.notified()).await;
    shop.stop.cancel();
    shop.refuses().await;
    assert!(!server.is_finished());
    shop.go_on.notify_one();
    let text = rest(client).await;
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
    assert!(text.ends_with("done"), "{text}");
    assert_eq!(soon(server).await.unwrap().unwrap(), Ended::InTime);
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_connections_are_cut() {
    let (server, shop) = Shop::cut().await;
    let client = shop.client(SLOW).await;
    soon(shop.begun.notified()).await;
    shop.stop.cancel();
    shop.refuses().await;
    assert!(!server.is_finished());
    shop.go_on.notify_one();
    assert!(rest(client).await.ends_with("done"));
    assert_eq!(soon(server).await.unwrap(), 0);
}

#[tokio::test]
async fn the_last_answer_says_connection_close() {
    let (server, shop) = Shop::until().await;
    let mut client = shop.client(HELLO).await;
    let first = one_answer(&mut client, "hello").await;
    assert!(!first.contains("connection: close"), "{first}");
    client.write_all(SLOW.as_bytes()).await.unwrap();
    soon(shop.begun.notified()).await;
    shop.stop.cancel();
    shop.refuses().await;
    shop.go_on.notify_one();
    let last = rest(client).await;
    assert!(last.contains("connection: close"), "{last}");
    soon(server).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_second_request_behind_the_last_is_not_answered() {
    let (server, shop) = Shop::until().await;
    let client = shop.client(&format!("{SLOW}{HELLO}")).await;
    soon(shop.begun.notified()).await;
    shop.stop.cancel();
    shop.refuses().await;
    shop.go_on.notify_one();
    let text = rest(client).await;
    assert_eq!(text.matches("HTTP/1.1").count(), 1, "{text}");
    assert_eq!(soon(server).await.unwrap().unwrap(), Ended::InTime);
}

#[tokio::test]
async fn silent_and_idle_connections_end_at_once() {
    let (server, shop) = Shop::until().await;
    let silent = shop.client("").await;
    let mut idle = shop.client(HELLO).await;
    one_answer(&mut idle, "hello").await;
    let (ended, took) = stopped(&shop, server).await;
    assert_eq!((ended.unwrap(), took), (Ended::InTime, Duration::ZERO));
    assert_eq!(rest(silent).await, "");
    let _broken = idle.write_all(HELLO.as_bytes()).await;
    assert_eq!(rest(idle).await, "", "a request on a kept connection, too late");
}

#[tokio::test]
async fn silent_and_idle_connections_are_not_counted_as_cut() {
    let (server, shop) = Shop::cut().await;
    let _silent = shop.client("").await;
    let mut idle = shop.client(HELLO).await;
    one_answer(&mut idle, "hello").await;
    assert_eq!(stopped(&shop, server).await, (0, Duration::ZERO));
}

#[tokio::test]
async fn after_the_limit_of_axum_a_connection_goes_on() {
    let (server, shop) = Shop::until().await;
    let client = shop.client(SLOW).await;
    soon(shop.begun.notified()).await;
    let (ended, _) = stopped(&shop, server).await;
    assert_eq!(ended.unwrap(), Ended::CutOff);
    shop.go_on.notify_one();
    assert!(rest(client).await.ends_with("done"), "the server is long gone");
}

#[test]
fn when_the_runtime_ends_its_connections_end() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.unwrap();
    let mut client = runtime.block_on(async {
        let (server, shop) = Shop::until().await;
        let client = shop.client(SLOW).await;
        soon(shop.begun.notified()).await;
        assert_eq!(stopped(&shop, server).await.0.unwrap(), Ended::CutOff);
        client.into_std().unwrap()
    });
    let mut bytes = [0; 8];
    let waits = std::io::Read::read(&mut client, &mut bytes).unwrap_err();
    assert_eq!(waits.kind(), io::ErrorKind::WouldBlock);
    drop(runtime);
    client.set_nonblocking(false).unwrap();
    client.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    assert_eq!(std::io::Read::read(&mut client, &mut bytes).unwrap(), 0);
}

#[tokio::test]
async fn a_connection_that_is_cut_takes_its_handler_with_it() {
    let (listener, app, shop) = Shop::open().await;
    let (guard, mut gone) = oneshot::channel::<()>();
    let guard = Arc::new(std::sync::Mutex::new(Some(guard)));
    let begun = Arc::clone(&shop.begun);
    let app = app.route(
        "/for-ever",
        get(async move || {
            let _guard = guard.lock().unwrap().take();
            begun.notify_one();
            pending::<()>().await;
        }),
    );
    let server = tokio::spawn(serve_and_cut(listener, app, shop.stop.clone(), GRACE));
    let client = shop.client("GET /for-ever HTTP/1.1\r\nhost: shop\r\n\r\n").await;
    soon(shop.begun.notified()).await;
    assert_eq!(gone.try_recv(), Err(oneshot::error::TryRecvError::Empty));
    assert_eq!(stopped(&shop, server).await, (1, GRACE));
    assert_eq!(gone.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    assert_eq!(rest(client).await, "");
}

#[tokio::test]
async fn if_serve_until_is_dropped_a_connection_goes_on_until_the_stop() {
    let (server, shop) = Shop::until().await;
    let mut client = shop.client(HELLO).await;
    one_answer(&mut client, "hello").await;
    server.abort();
    shop.refuses().await;
    client.write_all(HELLO.as_bytes()).await.unwrap();
    one_answer(&mut client, "hello").await;
    shop.stop.cancel();
    assert_eq!(rest(client).await, "");
}

#[tokio::test]
async fn if_serve_and_cut_is_dropped_its_connections_are_dropped() {
    let (server, shop) = Shop::cut().await;
    let client = shop.client(SLOW).await;
    soon(shop.begun.notified()).await;
    server.abort();
    assert_eq!(rest(client).await, "");
    shop.refuses().await;
}

#[tokio::test]
async fn if_serve_and_cut_is_dropped_in_the_grace_time_its_connections_are_dropped() {
    let (server, shop) = Shop::cut().await;
    let client = shop.client(SLOW).await;
    soon(shop.begun.notified()).await;
    shop.stop.cancel();
    shop.refuses().await;
    server.abort();
    assert_eq!(rest(client).await, "");
}

#[tokio::test]
async fn if_a_plain_axum_serve_is_dropped_its_connections_end_by_themselves() {
    let (listener, app, shop) = Shop::open().await;
    let server = tokio::spawn(async { axum::serve(listener, app).await });
    let mut idle = shop.client(HELLO).await;
    one_answer(&mut idle, "hello").await;
    let busy = shop.client(SLOW).await;
    soon(shop.begun.notified()).await;
    server.abort();
    assert_eq!(rest(idle).await, "");
    shop.go_on.notify_one();
    let text = rest(busy).await;
    assert!(text.contains("connection: close") && text.ends_with("done"), "{text}");
}

#[tokio::test]
async fn before_the_stop_half_a_head_is_waited_for_for_ever() {
    for cut in [false, true] {
        let (listener, app, shop) = Shop::open().await;
        let stop = shop.stop.clone();
        let server = tokio::spawn(async move {
            if cut {
                serve_and_cut(listener, app, stop, GRACE).await;
            } else {
                serve_until(listener, app, stop, GRACE).await.unwrap();
            }
        });
        let (half, rest) = HELLO.split_at(20);
        let mut client = shop.client(half).await;
        shop.has_read_all().await;
        pause();
        sleep(Duration::from_hours(24)).await;
        resume();
        client.write_all(rest.as_bytes()).await.unwrap();
        one_answer(&mut client, "hello").await;
        shop.stop.cancel();
        soon(server).await.unwrap();
    }
}

#[tokio::test]
async fn a_task_that_a_handler_spawned_goes_on() {
    let (listener, app, shop) = Shop::open().await;
    let (guard, mut gone) = oneshot::channel::<()>();
    let guard = Arc::new(std::sync::Mutex::new(Some(guard)));
    let spawn = async move || {
        let guard = guard.lock().unwrap().take();
        tokio::spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        "spawned"
    };
    let app = app.route("/spawn", get(spawn));
    let server = tokio::spawn(serve_and_cut(listener, app, shop.stop.clone(), GRACE));
    let mut client = shop.client("GET /spawn HTTP/1.1\r\nhost: shop\r\n\r\n").await;
    one_answer(&mut client, "spawned").await;
    assert_eq!(stopped(&shop, server).await, (0, Duration::ZERO));
    assert_eq!(gone.try_recv(), Err(oneshot::error::TryRecvError::Empty));
}

/// A route `/parts` whose body is what a test sends.
fn parts(app: Router) -> (tokio::sync::mpsc::UnboundedSender<Bytes>, Router) {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let parts = UnboundedReceiverStream::new(receiver).map(Ok::<_, Infallible>);
    let parts = Arc::new(std::sync::Mutex::new(Some(parts)));
    let route = get(async move || {
        let parts = parts.lock().unwrap().take();
        Body::from_stream(parts.expect("one client"))
    });
    (sender, app.route("/parts", route))
}

#[tokio::test]
async fn a_streamed_body_that_is_cut_is_an_error_for_the_client() {
    let (listener, app, shop) = Shop::open().await;
    let (sender, app) = parts(app);
    let server = tokio::spawn(serve_and_cut(listener, app, shop.stop.clone(), GRACE));
    let mut reply = soon(reqwest::get(shop.url("/parts"))).await.unwrap();
    sender.send(Bytes::from("half")).unwrap();
    assert_eq!(soon(reply.chunk()).await.unwrap().unwrap(), "half");
    assert_eq!(stopped(&shop, server).await, (1, GRACE));
    let error = soon(reply.chunk()).await.unwrap_err();
    assert!(error.is_body() || error.is_decode(), "{error:?}");
}

#[tokio::test]
async fn a_streamed_body_is_finished_in_the_grace_time() {
    let (listener, app, shop) = Shop::open().await;
    let (sender, app) = parts(app);
    let server = tokio::spawn(serve_and_cut(listener, app, shop.stop.clone(), GRACE));
    let mut reply = soon(reqwest::get(shop.url("/parts"))).await.unwrap();
    sender.send(Bytes::from("half")).unwrap();
    assert_eq!(soon(reply.chunk()).await.unwrap().unwrap(), "half");
    shop.stop.cancel();
    shop.refuses().await;
    sender.send(Bytes::from(" and half")).unwrap();
    drop(sender);
    assert_eq!(soon(reply.text()).await.unwrap(), " and half");
    assert_eq!(soon(server).await.unwrap(), 0);
}

#[tokio::test]
async fn a_body_until_the_stop_ends_at_the_stop() {
    let (listener, app, shop) = Shop::open().await;
    let stop = shop.stop.clone();
    let app = app.route(
        "/news",
        get(async move || {
            let news = stream::once(async { Bytes::from("news") });
            body_until(news.chain(stream::pending()), stop)
        }),
    );
    let server = tokio::spawn(serve_until(listener, app, shop.stop.clone(), GRACE));
    let mut reply = soon(reqwest::get(shop.url("/news"))).await.unwrap();
    assert_eq!(soon(reply.chunk()).await.unwrap().unwrap(), "news");
    shop.stop.cancel();
    assert_eq!(soon(reply.chunk()).await.unwrap(), None, "for the client, it is whole");
    assert_eq!(soon(server).await.unwrap().unwrap(), Ended::InTime);
}

#[tokio::test]
async fn a_body_until_the_stop_gives_each_part() {
    let body = body_until(
        stream::iter([Bytes::from("a"), Bytes::from("b")]),
        CancellationToken::new(),
    );
    assert_eq!(axum::body::to_bytes(body, 10).await.unwrap(), "ab");
}

#[tokio::test]
async fn a_handler_that_waits_for_a_change_keeps_the_server_waiting() {
    let (listener, app, shop) = Shop::open().await;
    let (sender, prices) = watch::channel(1);
    let app = app.route("/price", get(move || naive::next_price(prices.clone())));
    let server = tokio::spawn(serve_until(listener, app, shop.stop.clone(), GRACE));
    let client = shop.client("GET /price HTTP/1.1\r\nhost: shop\r\n\r\n").await;
    shop.has_read_all().await;
    let (ended, took) = stopped(&shop, server).await;
    assert_eq!((ended.unwrap(), took), (Ended::CutOff, GRACE));
    sender.send_replace(2);
    assert!(rest(client).await.ends_with('2'));
}

#[tokio::test]
async fn a_handler_that_knows_the_stop_answers_503_at_once() {
    let (listener, app, shop) = Shop::open().await;
    let (_sender, prices) = watch::channel(1);
    let stop = shop.stop.clone();
    let app =
        app.route("/price", get(move || next_price(prices.clone(), stop.clone())));
    let server = tokio::spawn(serve_until(listener, app, shop.stop.clone(), GRACE));
    let client = shop.client("GET /price HTTP/1.1\r\nhost: shop\r\n\r\n").await;
    shop.has_read_all().await;
    shop.stop.cancel();
    assert!(rest(client).await.starts_with("HTTP/1.1 503"));
    assert_eq!(soon(server).await.unwrap().unwrap(), Ended::InTime);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_knows_the_stop_gives_the_next_price() {
    let (sender, prices) = watch::channel(1);
    let stop = CancellationToken::new();
    let waits = tokio::spawn(next_price(prices.clone(), stop.clone()));
    sleep(Duration::from_secs(1)).await;
    sender.send_replace(2);
    assert_eq!(waits.await.unwrap(), Ok("2".to_owned()));
    let waits = tokio::spawn(next_price(sender.subscribe(), stop));
    drop(sender);
    assert_eq!(ends(waits).await.unwrap(), Err(StatusCode::SERVICE_UNAVAILABLE));
}

#[tokio::test(start_paused = true)]
async fn the_stop_comes_after_the_notice_and_not_ready_at_once() {
    let (sender, phase) = watch::channel(Phase::Running);
    let stop = CancellationToken::new();
    assert_eq!(ready(State(phase.clone())).await, StatusCode::OK);
    let (begin, token) = (Instant::now(), stop.clone());
    let steps = tokio::spawn(async move {
        step_down(&sender, Duration::from_secs(5), &token).await;
        sender
    });
    let mut seen = phase.clone();
    seen.changed().await.unwrap();
    assert_eq!(
        (*seen.borrow_and_update(), begin.elapsed()),
        (Phase::NotReady, Duration::ZERO)
    );
    assert_eq!(ready(State(phase.clone())).await, StatusCode::SERVICE_UNAVAILABLE);
    sleep(Duration::from_millis(4_999)).await;
    assert!(!stop.is_cancelled());
    seen.changed().await.unwrap();
    assert_eq!(*seen.borrow(), Phase::Draining);
    assert_eq!(begin.elapsed(), Duration::from_secs(5));
    let _sender = steps.await.unwrap();
    assert!(stop.is_cancelled());
    assert_eq!(ready(State(phase)).await, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(start_paused = true)]
async fn a_step_down_that_is_dropped_leaves_the_server_not_ready() {
    let (sender, phase) = watch::channel(Phase::Running);
    let stop = CancellationToken::new();
    let steps = step_down(&sender, Duration::from_secs(5), &stop);
    assert!(timeout(Duration::from_secs(1), steps).await.is_err());
    assert_eq!(*phase.borrow(), Phase::NotReady);
    assert!(!stop.is_cancelled());
    step_down(&sender, Duration::from_secs(5), &stop).await;
    assert!(stop.is_cancelled());
}

#[tokio::test]
async fn a_server_that_is_not_ready_still_accepts_and_answers() {
    let (listener, app, shop) = Shop::open().await;
    let (sender, phase) = watch::channel(Phase::Running);
    let app = app.merge(Router::new().route("/ready", get(ready)).with_state(phase));
    let server = tokio::spawn(serve_until(listener, app, shop.stop.clone(), GRACE));
    let stop = shop.stop.clone();
    let status = async |path: &str| {
        let reply = soon(reqwest::get(shop.url(path))).await.unwrap();
        reply.status()
    };
    assert_eq!(status("/ready").await, StatusCode::OK);
    let mut seen = sender.subscribe();
    let steps = tokio::spawn(async move { step_down(&sender, GRACE, &stop).await });
    soon(seen.changed()).await.unwrap();
    assert_eq!(status("/ready").await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(status("/").await, StatusCode::OK);
    assert!(!shop.stop.is_cancelled());
    pause(); // the notice ends
    ends(steps).await.unwrap();
    assert_eq!(ends(server).await.unwrap().unwrap(), Ended::InTime);
    resume();
    shop.refuses().await;
}

#[tokio::test]
async fn a_server_that_is_stopped_before_it_begins_answers_nobody() {
    let (listener, app, shop) = Shop::open().await;
    let client = shop.client(HELLO).await;
    shop.stop.cancel();
    assert_eq!(soon(serve_and_cut(listener, app, shop.stop.clone(), GRACE)).await, 0);
    assert_eq!(rest(client).await, "");
}

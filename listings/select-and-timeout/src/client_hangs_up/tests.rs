use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use backend::soon;
use futures::poll;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinHandle, yield_now};

use super::*;

/// Says so when it is dropped.
struct Says(UnboundedSender<&'static str>, &'static str);

impl Drop for Says {
    fn drop(&mut self) {
        let _ = self.0.send(self.1);
    }
}

/// What a handler tells the test, and what it waits for.
#[derive(Clone)]
struct Steps {
    tell: UnboundedSender<&'static str>,
    mail: Arc<Notify>,
    written: Arc<AtomicUsize>,
}

impl Steps {
    fn new() -> (Self, UnboundedReceiver<&'static str>) {
        let (tell, told) = mpsc::unbounded_channel();
        (Self { tell, mail: Arc::default(), written: Arc::default() }, told)
    }

    fn write(&self) -> impl Future<Output = ()> + Send + use<> {
        let this = self.clone();
        async move {
            this.written.fetch_add(1, Ordering::SeqCst);
            let _ = this.tell.send("written");
        }
    }

    /// Waits until the test says that the mail server has answered.
    fn confirm(&self) -> impl Future<Output = ()> + Send + use<> {
        let this = self.clone();
        async move {
            let end = Says(this.tell.clone(), "work gone");
            this.mail.notified().await;
            let _ = this.tell.send("confirmed");
            drop(end);
        }
    }

    fn in_handler(&self) -> Says {
        Says(self.tell.clone(), "handler gone")
    }
}

struct Server {
    address: SocketAddr,
    tasks: TaskTracker,
    stop: CancellationToken,
    end: JoinHandle<io::Result<()>>,
}

/// `/order` is the listing; `/handler` and `/untracked` are wrong.
async fn open(steps: &Steps) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let order = {
        let (steps, tasks) = (steps.clone(), tasks.clone());
        async move || {
            let _gone = steps.in_handler();
            take_order(&tasks, steps.write(), steps.confirm()).await
        }
    };
    let in_handler = {
        let steps = steps.clone();
        async move || {
            let _gone = steps.in_handler();
            naive::take_order(steps.write(), steps.confirm()).await;
        }
    };
    let untracked = {
        let steps = steps.clone();
        async move || {
            let _gone = steps.in_handler();
            naive::take_order_untracked(steps.write(), steps.confirm()).await
        }
    };
    let router = Router::new()
        .route("/order", post(order))
        .route("/handler", post(in_handler))
        .route("/untracked", post(untracked))
        .route("/", get(async || "open"));
    let end = tokio::spawn(serve(listener, router, tasks.clone(), stop.clone()));
    Server { address, tasks, stop, end }
}

async fn post_to(address: SocketAddr, path: &str) -> TcpStream {
    let mut client = TcpStream::connect(address).await.unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nhost: shop\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    client
}

/// All that the server sends until it closes.
async fn rest(client: &mut TcpStream) -> String {
    let mut text = String::new();
    soon(client.read_to_string(&mut text)).await.unwrap();
    text
}

/// A whole exchange on a connection of its own: the server has had several turns.
async fn an_exchange(address: SocketAddr) {
    let mut client = TcpStream::connect(address).await.unwrap();
    let head = b"GET / HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n";
    client.write_all(head).await.unwrap();
    assert!(rest(&mut client).await.ends_with("open"));
}

async fn said(told: &mut UnboundedReceiver<&'static str>) -> &'static str {
    soon(told.recv()).await.unwrap()
}

// What a hang-up does.

#[tokio::test]
async fn a_handler_is_dropped_where_it_waits_so_the_order_is_not_confirmed() {
    let (steps, mut told) = Steps::new();
    let server = open(&steps).await;
    let client = post_to(server.address, "/handler").await;
    assert_eq!(said(&mut told).await, "written");
    drop(client);
    let mut gone = [said(&mut told).await, said(&mut told).await];
    gone.sort_unstable();
    assert_eq!(gone, ["handler gone", "work gone"], "and never confirmed");
    assert_eq!(steps.written.load(Ordering::SeqCst), 1);
    server.end.abort();
}

#[tokio::test]
async fn a_client_that_closes_only_its_side_gets_no_answer() {
    let (steps, mut told) = Steps::new();
    let server = open(&steps).await;
    let mut client = post_to(server.address, "/handler").await;
    assert_eq!(said(&mut told).await, "written");
    client.shutdown().await.unwrap(); // it has sent all, and still reads
    let mut gone = [said(&mut told).await, said(&mut told).await];
    gone.sort_unstable();
    assert_eq!(gone, ["handler gone", "work gone"]);
    assert_eq!(rest(&mut client).await, "");
    server.end.abort();
}

#[tokio::test]
async fn a_client_that_only_waits_is_answered() {
    let (steps, mut told) = Steps::new();
    let server = open(&steps).await;
    for path in ["/handler", "/order", "/untracked"] {
        let mut client = post_to(server.address, path).await;
        assert_eq!(said(&mut told).await, "written");
        steps.mail.notify_one();
        assert_eq!(said(&mut told).await, "confirmed");
        let mut head = [0; 15];
        soon(client.read_exact(&mut head)).await.unwrap();
        assert_eq!(&head, b"HTTP/1.1 200 OK");
        let mut gone = [said(&mut told).await, said(&mut told).await];
        gone.sort_unstable();
        assert_eq!(gone, ["handler gone", "work gone"]);
    }
    server.end.abort();
}

/// Sends a body of so many bytes, and hangs up. Gives whether the handler is still there
/// some exchanges later, while it has not read the body; when it has read it, it goes.
async fn runs_on_before_it_reads(bytes: usize) -> bool {
    let (tell, mut told) = mpsc::unbounded_channel();
    let read = Arc::new(Notify::new());
    let handler = {
        let read = Arc::clone(&read);
        async move |request: Request| {
            let _gone = Says(tell.clone(), "gone");
            tell.send("begun").unwrap();
            read.notified().await;
            let body = to_bytes(request.into_body(), bytes).await.unwrap();
            assert_eq!(body.len(), bytes);
            tell.send("read").unwrap();
            std::future::pending::<()>().await;
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router =
        Router::new().route("/order", post(handler)).route("/", get(async || "open"));
    let server = tokio::spawn(axum::serve(listener, router).into_future());
    let mut client = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /order HTTP/1.1\r\nhost: shop\r\ncontent-length: {bytes}\r\n\r\n"
    );
    client.write_all(head.as_bytes()).await.unwrap();
    client.write_all(&vec![b'x'; bytes]).await.unwrap();
    assert_eq!(said(&mut told).await, "begun");
    drop(client);
    for _ in 0..3 {
        an_exchange(address).await;
    }
    let there = told.is_empty();
    read.notify_one();
    if there {
        // The connection may see both the last bytes and the hang-up before its handler
        // runs again.
        while said(&mut told).await != "gone" {}
    }
    server.abort();
    there
}

#[tokio::test]
async fn while_a_large_body_is_not_read_a_hang_up_is_not_seen() {
    assert!(runs_on_before_it_reads(100_000).await);
}

#[tokio::test]
async fn a_small_body_that_is_not_read_does_not_hide_a_hang_up() {
    assert!(!runs_on_before_it_reads(3).await);
}

#[tokio::test]
async fn a_client_that_has_sent_its_next_request_is_not_seen_to_hang_up() {
    let (steps, mut told) = Steps::new();
    let server = open(&steps).await;
    let mut client = TcpStream::connect(server.address).await.unwrap();
    let two = "POST /handler HTTP/1.1\r\nhost: shop\r\n\r\n".repeat(2);
    client.write_all(two.as_bytes()).await.unwrap();
    assert_eq!(said(&mut told).await, "written");
    drop(client);
    for _ in 0..3 {
        an_exchange(server.address).await;
    }
    assert!(told.try_recv().is_err(), "the handler is still there");
    steps.mail.notify_one();
    assert_eq!(said(&mut told).await, "confirmed");
    server.end.abort();
}

// How to finish.

#[tokio::test]
async fn an_order_in_a_task_is_confirmed_though_its_handler_is_gone() {
    let (steps, mut told) = Steps::new();
    let server = open(&steps).await;
    for path in ["/order", "/untracked"] {
        let client = post_to(server.address, path).await;
        assert_eq!(said(&mut told).await, "written");
        drop(client);
        assert_eq!(said(&mut told).await, "handler gone");
        assert_eq!(server.tasks.len(), usize::from(path == "/order"));
        steps.mail.notify_one();
        assert_eq!(said(&mut told).await, "confirmed");
        assert_eq!(said(&mut told).await, "work gone");
    }
    server.end.abort();
}

#[tokio::test]
async fn a_server_that_stops_waits_for_an_order_whose_client_is_gone() {
    let (steps, mut told) = Steps::new();
    let server = open(&steps).await;
    let client = post_to(server.address, "/order").await;
    assert_eq!(said(&mut told).await, "written");
    drop(client);
    assert_eq!(said(&mut told).await, "handler gone");
    server.stop.cancel();
    // All its connections have ended: nobody accepts any more.
    soon(async { while TcpStream::connect(server.address).await.is_ok() {} }).await;
    for _ in 0..100 {
        yield_now().await;
    }
    assert!(!server.end.is_finished());
    steps.mail.notify_one();
    soon(server.end).await.unwrap().unwrap();
    assert_eq!(told.try_recv(), Ok("confirmed"), "before the server has ended");
}

#[tokio::test]
async fn a_server_does_not_wait_for_a_task_that_is_not_tracked() {
    let (steps, mut told) = Steps::new();
    let server = open(&steps).await;
    let client = post_to(server.address, "/untracked").await;
    assert_eq!(said(&mut told).await, "written");
    drop(client);
    assert_eq!(said(&mut told).await, "handler gone");
    server.stop.cancel();
    soon(server.end).await.unwrap().unwrap();
    assert!(told.try_recv().is_err(), "the order is not confirmed yet");
}

#[tokio::test]
async fn a_server_that_stops_answers_what_it_has_begun() {
    let (steps, mut told) = Steps::new();
    let server = open(&steps).await;
    // No task of the tracker: the server waits for the connection.
    let mut client = post_to(server.address, "/handler").await;
    assert_eq!(said(&mut told).await, "written");
    server.stop.cancel();
    for _ in 0..100 {
        yield_now().await;
    }
    assert!(!server.end.is_finished());
    steps.mail.notify_one();
    let answer = rest(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    soon(server.end).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_server_that_is_dropped_accepts_nobody_and_its_connections_go_on() {
    let (steps, mut told) = Steps::new();
    let server = open(&steps).await;
    let mut client = post_to(server.address, "/order").await;
    assert_eq!(said(&mut told).await, "written");
    server.end.abort();
    assert!(server.end.await.unwrap_err().is_cancelled());
    assert!(TcpStream::connect(server.address).await.is_err());
    steps.mail.notify_one();
    let mut head = [0; 15];
    soon(client.read_exact(&mut head)).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
}

#[tokio::test]
async fn dropped_before_its_first_poll_an_order_is_not_begun() {
    let (steps, _told) = Steps::new();
    let tasks = TaskTracker::new();
    drop(take_order(&tasks, steps.write(), steps.confirm()));
    assert_eq!((tasks.len(), steps.written.load(Ordering::SeqCst)), (0, 0));
    // After one poll it is a task.
    let mut order = Box::pin(take_order(&tasks, steps.write(), steps.confirm()));
    assert!(poll!(&mut order).is_pending());
    drop(order);
    assert_eq!(tasks.len(), 1);
    steps.mail.notify_one();
    tasks.close();
    soon(tasks.wait()).await;
    assert_eq!(steps.written.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_panic_in_an_order_or_report_is_a_500() {
    let tasks = TaskTracker::new();
    let end = take_order(&tasks, async { panic!("no database") }, async {}).await;
    assert_eq!(end, Err(StatusCode::INTERNAL_SERVER_ERROR));
    let end = report(&tasks, |_| -> u32 { panic!("no numbers") }).await;
    assert_eq!(end, Err(StatusCode::INTERNAL_SERVER_ERROR));
}

// How to stop what is costly.

#[tokio::test]
async fn a_report_whose_client_hangs_up_is_told() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let tasks = TaskTracker::new();
    let counts = tasks.clone();
    let handler = async move || {
        let tell = tell.clone();
        report(&counts, move |gone| {
            tell.send(if gone.is_cancelled() { "too early" } else { "begun" }).unwrap();
            Handle::current().block_on(soon(gone.cancelled()));
            tell.send("stopped").unwrap();
        })
        .await
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/report", post(handler));
    let server = tokio::spawn(axum::serve(listener, router).into_future());
    let client = post_to(address, "/report").await;
    assert_eq!(said(&mut told).await, "begun");
    assert_eq!(tasks.len(), 1, "a server that stops waits for it");
    drop(client);
    assert_eq!(said(&mut told).await, "stopped");
    server.abort();
}

#[tokio::test]
async fn a_report_whose_client_waits_is_not_told() {
    let tasks = TaskTracker::new();
    let told = soon(report(&tasks, |gone| gone.is_cancelled())).await;
    assert_eq!(told, Ok(false));
}

#[tokio::test]
async fn with_an_underscore_a_report_is_told_at_once() {
    let tasks = TaskTracker::new();
    let told = soon(naive::report(&tasks, |gone| gone.is_cancelled())).await;
    assert_eq!(told, Ok(true));
}

#[tokio::test]
async fn without_the_token_a_blocking_report_runs_on() {
    let (go, waits) = oneshot::channel();
    let (tell, mut told) = mpsc::unbounded_channel();
    let tasks = TaskTracker::new();
    let mut ignores = Box::pin(report(&tasks, move |_gone| {
        tell.send("begun").unwrap();
        waits.blocking_recv().unwrap();
        tell.send("ended").unwrap();
    }));
    assert!(poll!(&mut ignores).is_pending());
    assert_eq!(said(&mut told).await, "begun");
    drop(ignores);
    go.send(()).unwrap();
    assert_eq!(said(&mut told).await, "ended");
}

// The client's side.

#[tokio::test]
async fn a_client_that_hangs_up_and_tries_again_orders_twice() {
    let (steps, mut told) = Steps::new();
    let server = open(&steps).await;
    let first = post_to(server.address, "/order").await;
    assert_eq!(said(&mut told).await, "written");
    drop(first);
    assert_eq!(said(&mut told).await, "handler gone");
    steps.mail.notify_one();
    assert_eq!(said(&mut told).await, "confirmed");
    assert_eq!(said(&mut told).await, "work gone");
    let _second = post_to(server.address, "/order").await;
    assert_eq!(said(&mut told).await, "written");
    assert_eq!(steps.written.load(Ordering::SeqCst), 2);
    server.end.abort();
}

/// How many connections five requests open, and how many handlers end by themselves.
async fn connections_and_ends(cut: bool) -> (usize, usize) {
    let (connections, ends) = (Arc::new(AtomicUsize::new(0)), Arc::default());
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = {
        let ends: Arc<AtomicUsize> = Arc::clone(&ends);
        async move |_body: Bytes| {
            let _gone = Says(tell.clone(), "gone");
            tell.send("begun").unwrap();
            if cut {
                std::future::pending::<()>().await;
            }
            ends.fetch_add(1, Ordering::SeqCst);
            "done"
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let listener = {
        let connections = Arc::clone(&connections);
        listener.tap_io(move |_| {
            connections.fetch_add(1, Ordering::SeqCst);
        })
    };
    let router = Router::new().route("/", post(handler));
    let server = tokio::spawn(axum::serve(listener, router).into_future());
    let client = reqwest::Client::new();
    for _ in 0..5 {
        let request = async { client.post(&url).send().await?.text().await };
        let begun = async {
            assert_eq!(said(&mut told).await, "begun");
            if !cut {
                std::future::pending::<()>().await;
            }
        };
        // The limit of the client is over as soon as the handler has begun.
        tokio::select! {
            answer = request => assert_eq!(answer.unwrap(), "done"),
            () = begun => {}
        }
        assert_eq!(said(&mut told).await, "gone");
    }
    server.abort();
    (connections.load(Ordering::SeqCst), ends.load(Ordering::SeqCst))
}

#[tokio::test]
async fn five_requests_that_are_cut_off_open_five_connections_and_no_handler_ends() {
    assert_eq!(connections_and_ends(true).await, (5, 0));
}

#[tokio::test]
async fn five_requests_that_are_answered_share_one_connection() {
    assert_eq!(connections_and_ends(false).await, (1, 5));
}

#[test]
fn orders_and_reports_can_be_spawned() {
    fn spawns<F: Future + Send>(_: impl FnOnce() -> F) {}
    spawns(async || take_order(&TaskTracker::new(), async {}, async {}).await);
    spawns(async || report(&TaskTracker::new(), |_| ()).await);
}

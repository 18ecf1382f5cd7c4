use std::future::{self, pending};
use std::net::SocketAddr;
use std::pin::pin;

use backend::{Alive, ends, soon};
use futures::future::join_all;
use rustix::io::Errno;
use tokio::io::{DuplexStream, duplex};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::Instant;

use super::*;

const GRACE: Duration = Duration::from_secs(2);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Answers after 50 ms.
async fn shout(request: String) -> String {
    sleep(ms(50)).await;
    request + "!"
}

/// Gives `accept` what a test has put there, and counts its calls. Stops the server when nobody can put more there.
struct Script {
    next: mpsc::UnboundedReceiver<io::Result<DuplexStream>>,
    calls: Arc<AtomicUsize>,
    stop: CancellationToken,
}

impl Accept for Script {
    type Stream = DuplexStream;

    async fn accept(&mut self) -> io::Result<DuplexStream> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let Some(next) = self.next.recv().await else {
            self.stop.cancel();
            return pending().await;
        };
        next
    }
}

/// A server without a network, and what a test needs to talk to it.
struct Shop {
    clients: mpsc::UnboundedSender<io::Result<DuplexStream>>,
    calls: Arc<AtomicUsize>,
    stop: CancellationToken,
    server: JoinHandle<Report>,
}

fn open<H, Fut>(answer: H) -> Shop
where
    H: Fn(String) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = String> + Send + 'static,
{
    let (clients, next) = mpsc::unbounded_channel();
    let (calls, stop) = (Arc::default(), CancellationToken::new());
    let script = Script { next, calls: Arc::clone(&calls), stop: stop.clone() };
    let server = tokio::spawn(serve(script, answer, stop.clone(), GRACE));
    Shop { clients, calls, stop, server }
}

impl Shop {
    /// A client that is connected, with room for so many bytes on the way to each side.
    fn client_with(&self, room: usize) -> DuplexStream {
        let (client, server) = duplex(room);
        let _ = self.clients.send(Ok(server)); // not sent: refused
        client
    }

    fn client(&self) -> DuplexStream {
        self.client_with(64)
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Stops, and gives the report and how long that took.
    async fn stop(self) -> (Report, Duration) {
        let begin = Instant::now();
        self.stop.cancel();
        let report = ends(self.server).await.unwrap();
        (report, begin.elapsed())
    }
}

async fn say(client: &mut (impl AsyncWrite + Unpin), text: &str) {
    client.write_all(text.as_bytes()).await.unwrap();
}

/// What the client gets until its connection ends.
async fn rest(mut client: impl AsyncRead + Unpin) -> String {
    let mut text = String::new();
    ends(client.read_to_string(&mut text)).await.unwrap();
    text
}

#[tokio::test(start_paused = true)]
async fn a_request_that_has_begun_is_answered_and_then_its_connection_ends() {
    let shop = open(shout);
    let mut client = shop.client();
    say(&mut client, "tea\n").await;
    sleep(ms(10)).await;
    let (report, took) = shop.stop().await;
    assert_eq!(report, Report { answered: 1, aborted: 0 });
    assert_eq!(took, ms(40), "50 ms, of which 10 had passed");
    assert_eq!(rest(client).await, "tea!\n");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_ends_at_once() {
    let shop = open(shout);
    let mut client = shop.client();
    say(&mut client, "tea\n").await;
    sleep(ms(100)).await; // it is answered, and waits for the next request
    let (report, took) = shop.stop().await;
    assert_eq!((report, took), (Report { answered: 1, aborted: 0 }, ms(0)));
    assert_eq!(rest(client).await, "tea!\n");
}

#[tokio::test(start_paused = true)]
async fn half_a_request_is_waited_for_and_answered() {
    let shop = open(shout);
    let mut client = shop.client();
    say(&mut client, "te").await;
    sleep(ms(10)).await;
    let token = shop.stop.clone();
    let client = async {
        token.cancelled().await;
        sleep(ms(300)).await;
        say(&mut client, "a\n").await;
        rest(client).await
    };
    let ((report, took), text) = tokio::join!(shop.stop(), client);
    assert_eq!((report, took), (Report { answered: 1, aborted: 0 }, ms(350)));
    assert_eq!(text, "tea!\n");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_ends_its_request_is_dropped_after_the_grace_time() {
    let shop = open(shout);
    let (mut stuck, mut good) = (shop.client(), shop.client());
    say(&mut stuck, "te").await;
    say(&mut good, "milk\n").await;
    sleep(ms(10)).await;
    let (report, took) = shop.stop().await;
    assert_eq!((report, took), (Report { answered: 1, aborted: 1 }, GRACE));
    assert_eq!(rest(stuck).await, "");
    assert_eq!(rest(good).await, "milk!\n");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_dropped_after_the_grace_time() {
    let shop = open(shout);
    let mut client = shop.client_with(4);
    say(&mut client, "tea\n").await;
    sleep(ms(100)).await; // four bytes of the reply are written, and one waits
    let (report, took) = shop.stop().await;
    assert_eq!((report, took), (Report { answered: 0, aborted: 1 }, GRACE));
    assert_eq!(rest(client).await, "tea!", "the reply is cut: there was no other way");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_is_dropped_after_the_grace_time() {
    let alive = Alive::default();
    let guards = alive.clone();
    let shop = open(move |_| {
        let guard = guards.guard();
        async move {
            let _guard = guard;
            pending().await
        }
    });
    say(&mut shop.client(), "tea\n").await;
    sleep(ms(10)).await;
    assert_eq!(alive.count(), 1);
    let (report, took) = shop.stop().await;
    assert_eq!((report, took), (Report { answered: 0, aborted: 1 }, GRACE));
    assert_eq!(alive.count(), 0, "nothing of it is left when `serve` returns");
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_is_half_written_is_finished() {
    let shop = open(async |_| "hello world".to_owned());
    let mut client = shop.client_with(4);
    say(&mut client, "x\n").await;
    sleep(ms(10)).await; // "hell" is written
    let (text, (report, _)) = tokio::join!(rest(client), shop.stop());
    assert_eq!((text.as_str(), report.answered), ("hello world\n", 1));
}

#[tokio::test(start_paused = true)]
async fn with_select_around_all_a_reply_is_cut() {
    let (mut client, server) = duplex(4);
    let stop = CancellationToken::new();
    let seen = stop.clone();
    let server = tokio::spawn(async move {
        naive::converse(server, &async |_| "hello world".to_owned(), &seen).await
    });
    say(&mut client, "x\n").await;
    sleep(ms(10)).await; // "hell" is written
    stop.cancel();
    assert!(ends(server).await.unwrap().is_ok(), "nobody is told");
    assert_eq!(rest(client).await, "hell");
}

#[tokio::test(start_paused = true)]
async fn requests_that_were_read_together_are_all_answered() {
    let shop = open(shout);
    let mut client = shop.client();
    say(&mut client, "a\nb\nc\n").await;
    sleep(ms(10)).await;
    let (report, took) = shop.stop().await;
    assert_eq!((report.answered, took), (3, ms(140)));
    assert_eq!(rest(client).await, "a!\nb!\nc!\n");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_pauses_does_not_hold_up_the_stop() {
    let shop = open(async |request| {
        sleep(ms(50)).await;
        request
    });
    let (read, mut write) = tokio::io::split(shop.client_with(8));
    let sends =
        tokio::spawn(async move { while write.write_all(b"tea\n").await.is_ok() {} });
    let reads = tokio::spawn(rest(read));
    sleep(ms(1_010)).await; // 20 are answered; two lines are read at a time
    let (report, took) = shop.stop().await;
    assert!(took <= ms(90), "{took:?}");
    assert_eq!(report.aborted, 0);
    assert_eq!(ends(reads).await.unwrap(), "tea\n".repeat(report.answered));
    ends(sends).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn ten_requests_that_are_here_at_the_stop_are_all_answered() {
    let shop = open(shout);
    let mut clients: Vec<_> = (0..10).map(|_| shop.client()).collect();
    for client in &mut clients {
        say(client, "tea\n").await;
    }
    // The stop comes when the server has accepted all, before any connection has had a turn of its own.
    drop(shop.clients);
    let report = ends(shop.server).await.unwrap();
    assert_eq!(report, Report { answered: 10, aborted: 0 });
    for client in clients {
        assert_eq!(rest(client).await, "tea!\n");
    }
}

#[tokio::test(start_paused = true)]
async fn with_one_loop_nine_of_ten_requests_are_lost() {
    let mut answered = 0;
    for _ in 0..200 {
        let (sender, requests) = mpsc::channel(10);
        for _ in 0..10 {
            sender.try_send("tea".to_owned()).unwrap();
        }
        let stop = CancellationToken::new();
        stop.cancel();
        answered += naive::one_loop(requests, shout, stop).await;
    }
    // `select!` takes one of two ready branches by chance, so one request is answered on average.
    assert!((100..300).contains(&answered), "{answered} of 2000");
}

/// The stop comes at each of 200 moments: while clients come, in halves of requests, in answers, after all.
#[tokio::test(start_paused = true)]
async fn whenever_the_stop_comes_each_request_that_has_begun_is_answered() {
    let mut seen = Vec::new();
    for at in 0..200 {
        let begun = Arc::new(AtomicUsize::new(0));
        let counts = Arc::clone(&begun);
        let shop = open(move |request| {
            counts.fetch_add(1, Ordering::SeqCst);
            shout(request)
        });
        let clients = (0..10).map(|n| {
            let clients = shop.clients.clone();
            async move {
                sleep(ms(n * 10)).await;
                let (mut client, server) = duplex(64);
                let _ = clients.send(Ok(server)); // not sent: refused
                for half in ["te", "a\n", "mi", "lk\n"] {
                    if client.write_all(half.as_bytes()).await.is_err() {
                        break; // the server has stopped
                    }
                    sleep(ms(15)).await;
                }
                rest(client).await
            }
        });
        let stop_then = async {
            sleep(ms(at)).await;
            shop.stop.cancel();
        };
        let (texts, ()) = tokio::join!(join_all(clients), stop_then);
        let report = ends(shop.server).await.unwrap();
        let whole = ["", "tea!\n", "tea!\nmilk!\n"];
        assert!(texts.iter().all(|text| whole.contains(&text.as_str())), "{texts:?}");
        let replies: usize = texts.iter().map(|text| text.lines().count()).sum();
        let begun = begun.load(Ordering::SeqCst);
        assert_eq!((replies, report.answered, report.aborted), (begun, begun, 0));
        seen.push(begun);
    }
    assert_eq!((seen.first(), seen.last()), (Some(&0), Some(&20)));
}

#[tokio::test(start_paused = true)]
async fn half_a_line_before_the_end_is_no_request() {
    let shop = open(shout);
    let mut client = shop.client();
    say(&mut client, "delete all").await; // and " copies" never came
    client.shutdown().await.unwrap();
    assert_eq!(rest(client).await, "");
    assert_eq!(shop.stop().await.0, Report::default());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_sent_all_and_closed_its_side_gets_its_reply() {
    let shop = open(shout);
    let mut client = shop.client();
    say(&mut client, "tea\r\n").await;
    client.shutdown().await.unwrap();
    assert_eq!(rest(client).await, "tea!\n");
    assert_eq!(shop.stop().await.0, Report { answered: 1, aborted: 0 });
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_too_long_ends_its_connection() {
    let shop = open(async |request: String| request.len().to_string());
    let mut client = shop.client_with(10_000);
    say(&mut client, &("x".repeat(8_191) + "\n")).await;
    say(&mut client, &("x".repeat(8_192) + "\n")).await;
    assert_eq!(rest(client).await, "8191\n");
    assert_eq!(shop.stop().await.0, Report { answered: 1, aborted: 0 });
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_an_answer_ends_its_connection_only() {
    let shop = open(async |request: String| {
        assert_ne!(request, "bomb");
        shout(request).await
    });
    let (mut bomb, mut good) = (shop.client(), shop.client());
    say(&mut bomb, "bomb\n").await;
    say(&mut good, "tea\n").await;
    assert_eq!(rest(bomb).await, "");
    let (report, _) = shop.stop().await;
    assert_eq!(report, Report { answered: 1, aborted: 0 });
    assert_eq!(rest(good).await, "tea!\n");
}

#[tokio::test(start_paused = true)]
async fn a_slow_request_holds_up_nobody() {
    let shop = open(async |request: String| {
        let millis = if request == "slow" { 1_000 } else { 10 };
        sleep(ms(millis)).await;
        request
    });
    let (mut slow, mut quick) = (shop.client(), shop.client());
    say(&mut slow, "slow\n").await;
    say(&mut quick, "quick\n").await;
    quick.shutdown().await.unwrap();
    let begin = Instant::now();
    assert_eq!(rest(quick).await, "quick\n");
    assert_eq!(begin.elapsed(), ms(10));
    assert_eq!(shop.stop().await.1, ms(990));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_dropped_drops_its_connections() {
    let shop = open(async |_| pending().await);
    let mut client = shop.client();
    say(&mut client, "tea\n").await;
    sleep(ms(10)).await;
    shop.server.abort();
    assert_eq!(rest(client).await, "");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_dropped_in_the_grace_time_drops_its_connections() {
    let shop = open(async |_| pending().await);
    let mut client = shop.client();
    say(&mut client, "tea\n").await;
    sleep(ms(10)).await; // the answer has begun
    shop.stop.cancel();
    sleep(ms(10)).await;
    shop.server.abort();
    let begin = Instant::now();
    assert_eq!(rest(client).await, "");
    assert_eq!(begin.elapsed(), ms(0));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_stopped_before_it_begins_accepts_nobody() {
    let (sender, next) = mpsc::unbounded_channel();
    let (mut client, server) = duplex(64);
    sender.send(Ok(server)).unwrap();
    say(&mut client, "tea\n").await;
    let stop = CancellationToken::new();
    stop.cancel();
    let calls = Arc::default();
    let script = Script { next, calls: Arc::clone(&calls), stop: stop.clone() };
    assert_eq!(ends(serve(script, shout, stop, GRACE)).await, Report::default());
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    assert_eq!(rest(client).await, "");
}

fn no_file_is_left() -> io::Result<DuplexStream> {
    Err(Errno::MFILE.into())
}

#[tokio::test(start_paused = true)]
async fn while_no_file_can_be_opened_accept_is_called_once_a_second() {
    let shop = open(shout);
    for _ in 0..3 {
        shop.clients.send(no_file_is_left()).unwrap();
    }
    let mut client = shop.client();
    say(&mut client, "tea\n").await;
    client.shutdown().await.unwrap();
    for calls in 1..=3 {
        sleep(ms(500)).await;
        assert_eq!(shop.calls(), calls);
        sleep(ms(500)).await;
    }
    assert_eq!(rest(client).await, "tea!\n", "and then the server goes on");
    assert_eq!(shop.stop().await.0.answered, 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_pause_accept_is_called_a_thousand_times_at_once() {
    let (sender, next) = mpsc::unbounded_channel();
    for _ in 0..1_000 {
        sender.send(no_file_is_left()).unwrap();
    }
    let calls = Arc::default();
    let script =
        Script { next, calls: Arc::clone(&calls), stop: CancellationToken::new() };
    let accepts = naive::accept_all(script, |_| unreachable!("there is no client"));
    assert!(timeout(ms(1), accepts).await.is_err());
    assert_eq!(calls.load(Ordering::SeqCst), 1_001);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_went_away_before_it_was_accepted_holds_up_nobody() {
    let shop = open(shout);
    for errno in [Errno::CONNABORTED, Errno::CONNRESET, Errno::CONNREFUSED] {
        shop.clients.send(Err(errno.into())).unwrap();
    }
    let mut client = shop.client();
    say(&mut client, "tea\n").await;
    client.shutdown().await.unwrap();
    let begin = Instant::now();
    assert_eq!(rest(client).await, "tea!\n");
    assert_eq!(begin.elapsed(), ms(50));
    shop.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_stop_does_not_wait_for_the_pause() {
    let shop = open(shout);
    shop.clients.send(no_file_is_left()).unwrap();
    sleep(ms(10)).await;
    assert_eq!(shop.stop().await.1, ms(0));
}

/// A listener on a port of its own. `gone` ends when the server has dropped it.
struct Watched {
    listener: TcpListener,
    accepts: bool,
    _gone: oneshot::Sender<()>,
}

impl Watched {
    async fn bind(accepts: bool) -> (Self, SocketAddr, oneshot::Receiver<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, gone) = oneshot::channel();
        (Self { listener, accepts, _gone: sender }, address, gone)
    }
}

impl Accept for Watched {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<TcpStream> {
        if !self.accepts {
            future::pending::<()>().await;
        }
        Accept::accept(&mut self.listener).await
    }
}

#[tokio::test]
async fn while_the_last_request_is_answered_a_new_connection_is_refused() {
    let (listener, address, gone) = Watched::bind(true).await;
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begins, goes_on) = (Arc::clone(&begun), Arc::clone(&go_on));
    let answer = move |request: String| {
        let (begun, go_on) = (Arc::clone(&begins), Arc::clone(&goes_on));
        async move {
            begun.notify_one();
            go_on.notified().await;
            request + "!"
        }
    };
    let stop = CancellationToken::new();
    let server =
        tokio::spawn(serve(listener, answer, stop.clone(), Duration::from_mins(1)));
    let mut client = TcpStream::connect(address).await.unwrap();
    say(&mut client, "tea\n").await;
    soon(begun.notified()).await;
    stop.cancel();
    assert!(soon(gone).await.is_err(), "dropped");
    let refused = soon(TcpStream::connect(address)).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    go_on.notify_one();
    assert_eq!(soon(rest(client)).await, "tea!\n");
    let report = soon(server).await.unwrap();
    assert_eq!(report, Report { answered: 1, aborted: 0 });
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connection_that_was_never_accepted_is_reset() {
    let (listener, address, gone) = Watched::bind(false).await;
    let stop = CancellationToken::new();
    let server = tokio::spawn(serve(listener, shout, stop.clone(), GRACE));
    // The system completes the connection, although the server has not called `accept`.
    let mut client = soon(TcpStream::connect(address)).await.unwrap();
    say(&mut client, "tea\n").await;
    stop.cancel();
    assert!(soon(gone).await.is_err(), "dropped");
    let error = soon(client.read(&mut [0; 16])).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(soon(server).await.unwrap(), Report::default());
}

/// The server stops at a time that depends on the round: after so many requests have begun.
#[tokio::test]
async fn over_tcp_each_request_that_has_begun_is_answered() {
    for round in 0..200 {
        let (listener, address, _gone) = Watched::bind(true).await;
        let (begins, mut begun) = watch::channel(0);
        let answer = move |request: String| {
            begins.send_modify(|begun| *begun += 1);
            async move {
                for _ in 0..round % 7 {
                    yield_now().await;
                }
                request + "!"
            }
        };
        let answer = Arc::new(answer);
        let answer = move |request| answer(request);
        let stop = CancellationToken::new();
        let server =
            tokio::spawn(serve(listener, answer, stop.clone(), Duration::from_mins(1)));
        let stop_then = async {
            let enough = begun.wait_for(|begun| *begun >= round % 5);
            enough.await.expect("the server lives");
            stop.cancel();
        };
        let clients = join_all((0..4).map(|_| client_that_may_be_late(address)));
        let (texts, ()) = soon(async { tokio::join!(clients, stop_then) }).await;
        let report = soon(server).await.unwrap();
        assert!(texts.iter().all(|it| ["", "tea!\n"].contains(&it.as_str())));
        let replies = texts.iter().filter(|text| !text.is_empty()).count();
        let begun = *begun.borrow();
        assert_eq!((replies, report.answered, report.aborted), (begun, begun, 0));
    }
}

/// Everything that it got; nothing if the server has stopped already.
async fn client_that_may_be_late(address: SocketAddr) -> String {
    let mut text = String::new();
    if let Ok(mut client) = TcpStream::connect(address).await {
        let _reset = client.write_all(b"tea\n").await;
        let _reset = client.read_to_string(&mut text).await;
    }
    text
}

#[tokio::test]
async fn over_tcp_an_idle_connection_ends() {
    let (listener, address, _gone) = Watched::bind(true).await;
    let stop = CancellationToken::new();
    let answer = async |request: String| request + "!";
    let server =
        tokio::spawn(serve(listener, answer, stop.clone(), Duration::from_mins(1)));
    let mut client = BufReader::new(TcpStream::connect(address).await.unwrap());
    say(&mut client, "tea\n").await;
    let mut reply = String::new();
    soon(client.read_line(&mut reply)).await.unwrap();
    stop.cancel();
    assert_eq!((reply.as_str(), soon(rest(client)).await.as_str()), ("tea!\n", ""));
    assert_eq!(soon(server).await.unwrap(), Report { answered: 1, aborted: 0 });
}

#[test]
fn outside_a_runtime_nothing_is_served() {
    let panics = std::panic::catch_unwind(|| {
        let (sender, next) = mpsc::unbounded_channel();
        sender.send(Ok(duplex(64).0)).unwrap();
        let stop = CancellationToken::new();
        let script = Script { next, calls: Arc::default(), stop: stop.clone() };
        let served = serve(script, shout, stop, GRACE);
        let _ = futures::FutureExt::now_or_never(pin!(served));
    });
    assert!(panics.is_err());
}

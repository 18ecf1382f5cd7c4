//! What the connection promises, what tungstenite and tokio-tungstenite do by themselves, and what the naive
//! versions cost.

use std::error::Error as _;
use std::future::{Future, pending, ready};
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use backend::Alive;
use backend::cancel::{after_polls, at_every_await};
use futures::future::{join, join3, poll_fn, select_all};
use futures::{SinkExt, StreamExt, TryStreamExt};
use stream_processing::websocket::{
    Connection, Limits, SocketError, accept, dial, dial_with, first_to_connect, naive,
};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex,
};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{coop, yield_now};
use tokio::time::{Instant, pause, resume, sleep, timeout};
use tokio_tungstenite::tungstenite::error::{
    CapacityError, Error, ProtocolError, UrlError,
};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, accept_async, client_async};
use tokio_util::task::AbortOnDropHandle;

const KIB: usize = 1024;
/// And a bit, so that it does not end with the 180th ping.
const HOUR: Duration = secs(3_601);
const LIMITS: Limits = Limits {
    message: KIB,
    outbox: NonZeroUsize::new(4).unwrap(),
    write: secs(5),
    ping: secs(20),
    silence: secs(50),
};

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A version that would wait for ever fails; no test here takes so long.
async fn soon<T>(awaited: impl Future<Output = T>) -> T {
    timeout(2 * HOUR, awaited).await.expect("it waits for ever")
}

/// The same where time is real.
async fn in_time<T>(awaited: impl Future<Output = T>) -> T {
    timeout(secs(60), awaited).await.expect("it waits for ever")
}

type Ours = Connection<DuplexStream>;
type Peer = WebSocketStream<DuplexStream>;

/// Our end, and the peer's, on a wire that holds so many bytes in each direction.
async fn wired(bytes: usize) -> (Ours, Peer) {
    wired_with(bytes, LIMITS).await
}

async fn wired_with(bytes: usize, limits: Limits) -> (Ours, Peer) {
    let (ours, theirs) = duplex(bytes);
    (connect(ours, limits).await, peer(theirs, Role::Server).await)
}

async fn connect<S>(wire: S, limits: Limits) -> Connection<S>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    connect_as(Role::Client, wire, limits).await
}

async fn connect_as<S>(role: Role, wire: S, limits: Limits) -> Connection<S>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let config = Some(limits.config());
    let socket = WebSocketStream::from_raw_socket(wire, role, config).await;
    Connection::new(socket, limits)
}

/// A bare socket with tungstenite's defaults.
async fn peer(wire: DuplexStream, role: Role) -> Peer {
    WebSocketStream::from_raw_socket(wire, role, None).await
}

fn text(text: &str) -> Message {
    Message::text(text)
}

fn of_size(bytes: usize) -> Message {
    Message::binary(vec![7; bytes])
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// A wire whose reads, of a few bytes, and writes are made by hand.
struct Wire<R, W>(R, W);

type Bytewise = Poll<io::Result<&'static [u8]>>;

impl<R, W> Wire<R, W>
where
    R: FnMut(&mut Context<'_>) -> Bytewise,
    W: FnMut(&[u8]) -> Poll<io::Result<()>>,
{
    fn new(read: R, write: W) -> Self {
        Self(read, write)
    }
}

impl<R, W> AsyncRead for Wire<R, W>
where
    R: FnMut(&mut Context<'_>) -> Bytewise + Unpin,
    W: Unpin,
{
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        into.put_slice(std::task::ready!((self.0)(cx))?);
        Poll::Ready(Ok(()))
    }
}

impl<R, W> AsyncWrite for Wire<R, W>
where
    R: Unpin,
    W: FnMut(&[u8]) -> Poll<io::Result<()>> + Unpin,
{
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        (self.1)(bytes).map_ok(|()| bytes.len())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn broken(_: &[u8]) -> Poll<io::Result<()>> {
    Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
}

/// The next item, for a task that has spent so much of its budget.
async fn next_after<S>(spent: usize, ours: &mut Connection<S>) -> Option<Message>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    yield_now().await;
    let mut left = spent;
    let next = poll_fn(|cx| {
        for _ in 0..std::mem::take(&mut left) {
            std::task::ready!(coop::poll_proceed(cx)).made_progress();
        }
        ours.poll_next_unpin(cx)
    });
    soon(next).await?.ok()
}

/// Reads for ever, so that pings are answered and the wire stays empty.
async fn listen(mut peer: Peer) -> Vec<Message> {
    let mut heard = Vec::new();
    while let Some(Ok(message)) = soon(peer.next()).await {
        heard.push(message);
    }
    heard
}

fn count(messages: &[Message], wanted: fn(&Message) -> bool) -> usize {
    messages.iter().filter(|message| wanted(message)).count()
}

#[tokio::test(start_paused = true)]
async fn what_had_come_is_read_though_a_write_failed() {
    for spent in 0..128 {
        let (mut ours, mut peer) = wired(KIB).await;
        peer.send(text("one")).await.unwrap();
        peer.send(text("two")).await.unwrap();
        let (code, reason) = (CloseCode::Error, "overloaded".into());
        peer.close(Some(CloseFrame { code, reason })).await.unwrap();
        drop(peer);
        ours.outbox().send(text("lost")).await.unwrap();
        yield_now().await;
        assert_eq!(tasks(), 0, "the writer has failed");
        assert_eq!(next_after(spent, &mut ours).await, Some(text("one")));
        assert_eq!(soon(ours.next()).await.unwrap().unwrap(), text("two"));
        let end = soon(ours.next()).await.unwrap().unwrap_err();
        assert!(matches!(end, SocketError::Closed { .. }), "{end:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pong_that_fails_fails_the_read_and_what_came_after_the_ping_is_lost() {
    let (mut ours, mut peer) = wired(KIB).await;
    peer.send(text("one")).await.unwrap();
    peer.send(Message::Ping(Bytes::new())).await.unwrap();
    peer.send(text("two")).await.unwrap();
    let (code, reason) = (CloseCode::Error, "overloaded".into());
    peer.close(Some(CloseFrame { code, reason })).await.unwrap();
    drop(peer);
    assert_eq!(soon(ours.next()).await.unwrap().unwrap(), text("one"));
    let lost = soon(ours.next()).await.unwrap().unwrap_err();
    assert!(matches!(lost, SocketError::Failed(Error::Io(_))), "{lost:?}");
    assert!(soon(ours.next()).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_is_told_when_nothing_more_has_come() {
    let mut came = vec![&b"\x81\x01a"[..]];
    let read = move |_: &mut Context<'_>| {
        came.pop().map_or(Poll::Pending, |bytes| Poll::Ready(Ok(bytes)))
    };
    let mut ours = connect(Wire::new(read, broken), LIMITS).await;
    ours.outbox().send(text("lost")).await.unwrap();
    let start = Instant::now();
    yield_now().await;
    assert_eq!(soon(ours.next()).await.unwrap().unwrap(), text("a"));
    let lost = soon(ours.next()).await.unwrap().unwrap_err();
    assert!(matches!(lost, SocketError::Failed(Error::Io(_))), "{lost:?}");
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert!(soon(ours.next()).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_pong_leaves_with_the_next_poll_or_send() {
    let (ours, theirs) = duplex(KIB);
    let mut ours = peer(ours, Role::Client).await;
    let mut theirs = peer(theirs, Role::Server).await;
    theirs.send(Message::Ping(Bytes::new())).await.unwrap();
    assert!(soon(ours.next()).await.unwrap().unwrap().is_ping());
    timeout(HOUR, theirs.next()).await.unwrap_err();
    assert!(after_polls(1, ours.next()).await.is_none());
    assert!(soon(theirs.next()).await.unwrap().unwrap().is_pong());

    theirs.send(Message::Ping(Bytes::new())).await.unwrap();
    assert!(soon(ours.next()).await.unwrap().unwrap().is_ping());
    ours.send(text("and a pong")).await.unwrap();
    assert_eq!(soon(theirs.next()).await.unwrap().unwrap(), text("and a pong"));
    assert!(soon(theirs.next()).await.unwrap().unwrap().is_pong());
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_the_time_runs_out_is_found() {
    for spent in 0..128 {
        let mut reads = 0;
        let read = move |cx: &mut Context<'_>| {
            let budget = std::task::ready!(coop::poll_proceed(cx));
            reads += 1;
            // It comes just after the first look, in two pieces.
            let bytes = match reads {
                2 => &b"\x81\x01"[..],
                3 => b"a",
                _ => return Poll::Pending,
            };
            budget.made_progress();
            Poll::Ready(Ok(bytes))
        };
        let mut ours = connect(Wire::new(read, |_| Poll::Ready(Ok(()))), LIMITS).await;
        sleep(secs(51)).await;
        assert_eq!(next_after(spent, &mut ours).await, Some(text("a")));
    }
}

/// Its clones are counted.
struct Ear;

impl Wake for Ear {
    fn wake(self: Arc<Self>) {}
}

/// A wire with one pong to read. Once it is armed, a write says that it has begun, and goes on when the reader
/// has passed the lock, or `through` has ended.
fn with_a_busy_writer(
    armed: Arc<AtomicBool>,
    ear: Arc<Ear>,
    began: Sender<()>,
    through: Receiver<()>,
) -> impl AsyncRead + AsyncWrite + Send + Unpin {
    let asleep = Arc::strong_count(&ear);
    let mut pongs = vec![b"\x8a\x00"];
    let read = move |_: &mut Context<'_>| {
        pongs.pop().map_or(Poll::Pending, |pong| Poll::Ready(Ok(&pong[..])))
    };
    let write = move |_: &[u8]| {
        if armed.load(Ordering::Relaxed) {
            began.send(()).unwrap();
            // The reader has asked for the writer's end: the socket is its next step.
            while Arc::strong_count(&ear) == asleep
                && through.try_recv() != Err(TryRecvError::Disconnected)
            {
                std::thread::yield_now();
            }
            // Until it is through, or has to wait for us.
            let _ = through.recv_timeout(Duration::from_millis(200));
        }
        Poll::Ready(Ok(()))
    };
    Wire::new(read, write)
}

#[tokio::test(start_paused = true)]
async fn a_write_on_another_thread_hides_no_pong_from_a_late_reader() {
    let ((released, through), (writing, began)) = (channel(), channel());
    let (armed, ear) = (Arc::new(AtomicBool::new(false)), Arc::new(Ear));
    let waker = Waker::from(ear.clone());
    let wire = with_a_busy_writer(armed.clone(), ear, writing, through);
    let mut ours = connect(wire, LIMITS).await;
    let outbox = ours.outbox();
    sleep(secs(51)).await;
    armed.store(true, Ordering::Relaxed);
    let runtime = Handle::current();
    let reader = std::thread::spawn(move || {
        let _runtime = runtime.enter();
        began.recv().unwrap();
        let next = ours.poll_next_unpin(&mut Context::from_waker(&waker));
        drop::<Sender<()>>(released);
        next
    });
    outbox.send(text("busy")).await.unwrap();
    yield_now().await;
    let next = reader.join().unwrap();
    assert!(next.is_pending(), "it found the pong, and waits: {next:?}");
}

#[tokio::test(start_paused = true)]
async fn without_a_deadline_a_silent_peer_is_never_noticed() {
    let (ours, _theirs) = duplex(KIB);
    let mut ours = peer(ours, Role::Client).await;
    timeout(HOUR, ours.next()).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_handshake_has_no_limit_of_its_own() {
    let (ours, _theirs) = duplex(KIB);
    let handshake = client_async("ws://peer.test/", ours);
    timeout(HOUR, handshake).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_message_is_a_piece_of_the_buffer_that_it_was_read_into() {
    for (config, buffer) in [(Some(LIMITS.config()), 4 * KIB), (None, 128 * KIB)] {
        let (ours, theirs) = duplex(KIB);
        let mut ours =
            WebSocketStream::from_raw_socket(ours, Role::Client, config).await;
        let mut theirs = peer(theirs, Role::Server).await;
        theirs.send(Message::binary(vec![7; 10])).await.unwrap();
        let kept = soon(ours.next()).await.unwrap().unwrap().into_data();
        drop(ours);
        // All but the header, of two bytes, is kept as well.
        assert_eq!(
            (kept.len(), kept.try_into_mut().unwrap().capacity()),
            (10, buffer - 2)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_small_message_after_a_large_one_keeps_what_the_large_one_needed() {
    let config = Some(Limits { message: KIB * KIB, ..LIMITS }.config());
    let (ours, theirs) = duplex(KIB);
    let mut ours = WebSocketStream::from_raw_socket(ours, Role::Client, config).await;
    let mut theirs = peer(theirs, Role::Server).await;
    let theirs = async {
        theirs.send(of_size(KIB * KIB)).await.unwrap();
        theirs.send(of_size(10)).await.unwrap();
    };
    let reading = async {
        assert_eq!(soon(ours.next()).await.unwrap().unwrap().len(), KIB * KIB);
        soon(ours.next()).await.unwrap().unwrap().into_data()
    };
    let (kept, ()) = soon(join(reading, theirs)).await;
    drop(ours);
    assert_eq!(kept.len(), 10);
    let mut kept = kept.try_into_mut().unwrap();
    assert!(kept.try_reclaim(KIB * KIB - 10), "all of it is at hand");
}

#[tokio::test(start_paused = true)]
async fn a_bare_socket_does_not_tell_the_peer_what_was_wrong() {
    let (ours, theirs) = duplex(KIB);
    let mut ours = peer(ours, Role::Client).await;
    let mut theirs = peer(theirs, Role::Server).await;
    theirs.get_mut().write_all(b"\x83\x00").await.unwrap();
    assert!(soon(ours.next()).await.unwrap().is_err());
    assert!(soon(ours.next()).await.is_none());
    drop(ours);
    assert!(soon(theirs.next()).await.unwrap().is_err(), "no close frame");
}

#[test]
fn by_default_a_message_may_have_64_mib_and_the_write_buffer_has_no_bound() {
    let config = WebSocketConfig::default();
    assert_eq!(config.max_message_size, Some(64 * KIB * KIB));
    assert_eq!(config.max_frame_size, Some(16 * KIB * KIB));
    assert_eq!(config.max_write_buffer_size, usize::MAX);
    assert_eq!(config.read_buffer_size, 128 * KIB);
    assert_eq!(config.write_buffer_size, 128 * KIB);
}

/// How many pongs a socket keeps for a peer that sends `pings` and reads nothing.
async fn pongs_kept(config: Option<WebSocketConfig>, pings: usize) -> usize {
    const WIRE: usize = 4 * KIB;
    let (ours, theirs) = duplex(WIRE);
    let mut ours = WebSocketStream::from_raw_socket(ours, Role::Client, config).await;
    let mut theirs = peer(theirs, Role::Server).await;
    let flood = async {
        for _ in 0..pings {
            theirs.send(Message::Ping(vec![0; 125].into())).await.unwrap();
        }
    };
    let reading = async {
        for _ in 0..pings {
            assert!(soon(ours.next()).await.unwrap().unwrap().is_ping());
        }
    };
    soon(join(flood, reading)).await;
    // Now the peer reads; what it finds was kept for it.
    let mut kept = 0;
    let all = async {
        loop {
            tokio::select! {
                biased;
                pong = theirs.next() => {
                    kept += usize::from(pong.unwrap().unwrap().is_pong());
                }
                _ = ours.next() => panic!("the peer has no more to say"),
            }
        }
    };
    timeout(HOUR, all).await.unwrap_err();
    kept
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_pings_and_does_not_read_fills_an_unbounded_buffer() {
    assert_eq!(pongs_kept(None, 10_000).await, 10_000, "131 bytes each");
}

#[tokio::test(start_paused = true)]
async fn with_a_bound_only_the_newest_pong_waits() {
    let kept = pongs_kept(Some(LIMITS.config()), 10_000).await;
    // A masked pong has 131 bytes: on the wire, in the buffer, and one beside it.
    assert_eq!(kept, (4 * KIB + 5 * KIB) / 131 + 1);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_talks_without_end_and_does_not_read_is_given_up() {
    let wire = Wire::new(|_| Poll::Ready(Ok(&b"\x81\x01a"[..])), |_| Poll::Pending);
    let mut ours = connect(wire, LIMITS).await;
    ours.outbox().send(text("anyone?")).await.unwrap();
    let mut heard = 0;
    let stuck = loop {
        match soon(ours.next()).await.unwrap() {
            Ok(_) if heard == 100 => panic!("it goes on for ever"),
            Ok(_) => heard += 1,
            Err(error) => break error,
        }
        sleep(Duration::from_millis(700)).await;
    };
    assert!(matches!(stuck, SocketError::Stuck(_)), "{stuck}");
    assert_eq!(heard, 8, "the last at 4.9 s");
}

fn is_reset(end: Option<&Result<Message, Error>>) -> bool {
    matches!(
        end,
        Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)))
    )
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "as the test wants")]
async fn a_panic_in_the_writer_comes_out_of_the_stream() {
    let wire = Wire::new(|_| Poll::Pending, |_| panic!("as the test wants"));
    let _ = soon(connect(wire, LIMITS).await.next()).await;
}

/// Ten messages of `size` while a peer that reads nothing says ten words; then the
/// peer reads, and this is what it finds.
async fn arrived(size: usize) -> usize {
    let (ours, theirs) = duplex(64);
    let ours = peer(ours, Role::Client).await;
    let mut theirs = peer(theirs, Role::Server).await;
    let exchange = naive::exchange(ours, vec![of_size(size); 10]);
    let talk = async {
        for _ in 0..10 {
            sleep(secs(1)).await;
            theirs.send(text("news")).await.unwrap();
        }
        sleep(secs(1)).await;
        listen(theirs).await
    };
    let (news, heard) = soon(join(exchange, talk)).await;
    assert_eq!(news.unwrap().len(), 10, "and no error");
    count(&heard, Message::is_binary)
}

#[tokio::test(start_paused = true)]
async fn raced_with_reading_six_of_ten_sends_are_lost() {
    assert_eq!(arrived(64 * KIB).await, 4);
}

#[tokio::test(start_paused = true)]
async fn small_messages_hide_it_in_the_write_buffer() {
    assert_eq!(arrived(KIB).await, 10);
}

#[tokio::test(start_paused = true)]
async fn a_send_that_timed_out_and_is_made_again_arrives_twice() {
    let (ours, theirs) = duplex(64);
    let mut ours = peer(ours, Role::Client).await;
    let theirs = peer(theirs, Role::Server).await;
    let order = || of_size(KIB);
    timeout(secs(1), ours.send(order())).await.unwrap_err();
    let again = async {
        ours.send(order()).await.unwrap();
        ours.close(None).await.unwrap();
        drop(ours);
    };
    let ((), heard) = soon(join(again, listen(theirs))).await;
    assert_eq!(count(&heard, Message::is_binary), 2);
}

#[tokio::test(start_paused = true)]
async fn two_that_do_not_read_while_they_write_wait_for_each_other() {
    let (left, right) = duplex(64);
    let mut heard = [0, 0];
    let [left_heard, right_heard] = &mut heard;
    let both = async {
        let (left, right) =
            (peer(left, Role::Client).await, peer(right, Role::Server).await);
        let burst = || {
            let (outbox, queued) = mpsc::channel(100);
            for _ in 0..100 {
                outbox.try_send(of_size(KIB)).unwrap();
            }
            queued
        };
        tokio::join!(
            naive::talk(left, burst(), |_| *left_heard += 1),
            naive::talk(right, burst(), |_| *right_heard += 1),
        )
    };
    assert!(timeout(HOUR, both).await.is_err());
    assert!(heard[0] < 100 && heard[1] < 100, "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn behind_a_slow_peer_an_unbounded_queue_takes_all() {
    let (ours, theirs) = duplex(4 * KIB);
    let (sink, _stream) = peer(ours, Role::Client).await.split();
    let theirs = peer(theirs, Role::Server).await;
    let outbox = naive::outbox(sink);
    for _ in 0..1_000 {
        outbox.send(of_size(10 * KIB)).unwrap();
    }
    sleep(HOUR).await;
    let came = soon(theirs.take(1_000).count()).await;
    assert_eq!(came, 1_000, "ten megabytes");
}

#[tokio::test(start_paused = true)]
async fn hanging_up_on_the_goodbye_leaves_it_unanswered() {
    let (ours, theirs) = duplex(KIB);
    let ours = peer(ours, Role::Client).await;
    let mut theirs = peer(theirs, Role::Server).await;
    theirs.send(text("one")).await.unwrap();
    theirs.send(text("two")).await.unwrap();
    theirs.close(None).await.unwrap();
    assert_eq!(soon(naive::listen(ours)).await.unwrap(), 2);
    assert!(is_reset(soon(theirs.next()).await.as_ref()));
}

// Reading.

#[tokio::test(start_paused = true)]
async fn messages_come_in_order_and_a_goodbye_is_the_end() {
    for goodbye in [CloseCode::Normal, CloseCode::Away] {
        let (mut ours, mut peer) = wired(KIB).await;
        let theirs = async {
            for word in ["one", "two", "three"] {
                peer.send(text(word)).await.unwrap();
            }
            let frame = CloseFrame { code: goodbye, reason: "bye".into() };
            peer.close(Some(frame.clone())).await.unwrap();
            let answer = soon(peer.next()).await.unwrap().unwrap();
            assert_eq!(answer, Message::Close(Some(frame)));
            assert!(soon(peer.next()).await.is_none());
            drop(peer);
        };
        let reading = async {
            let all: Vec<_> = soon((&mut ours).try_collect()).await.unwrap();
            assert_eq!(all, ["one", "two", "three"].map(text));
            assert!(soon(ours.next()).await.is_none());
        };
        soon(join(theirs, reading)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_frame_without_a_code_is_a_goodbye_too() {
    let (mut ours, mut peer) = wired(KIB).await;
    peer.close(None).await.unwrap();
    let theirs = async {
        assert!(soon(peer.next()).await.unwrap().unwrap().is_close());
        drop(peer);
    };
    let (end, ()) = join(soon(ours.next()), theirs).await;
    assert!(end.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_keeps_the_wire_after_its_goodbye_is_left_when_it_is_silent() {
    let (mut ours, mut peer) = wired(KIB).await;
    peer.close(None).await.unwrap();
    let start = Instant::now();
    assert!(soon(ours.next()).await.is_none());
    assert_eq!(start.elapsed(), secs(50));
    assert!(soon(peer.next()).await.unwrap().unwrap().is_close(), "it was answered");
}

#[tokio::test(start_paused = true)]
async fn another_close_code_is_an_error() {
    let (mut ours, mut peer) = wired(KIB).await;
    let (code, reason) = (CloseCode::Error, "overloaded".into());
    let frame = CloseFrame { code, reason };
    peer.close(Some(frame.clone())).await.unwrap();
    let start = Instant::now();
    let (end, heard) = soon(join(ours.next(), listen(peer))).await;
    assert_eq!(heard, [Message::Close(Some(frame))], "it was answered");
    assert_eq!(start.elapsed(), Duration::ZERO, "and the writer not waited for");
    assert_eq!(
        end.unwrap().unwrap_err().to_string(),
        "the peer closed with 1011: overloaded"
    );
    assert!(soon(ours.next()).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_an_error_and_no_end() {
    let (mut ours, mut peer) = wired(KIB).await;
    peer.send(text("last words")).await.unwrap();
    drop(peer);
    let start = Instant::now();
    assert_eq!(soon(ours.next()).await.unwrap().unwrap(), text("last words"));
    let lost = soon(ours.next()).await.unwrap().unwrap_err();
    let reset = ProtocolError::ResetWithoutClosingHandshake;
    assert!(
        matches!(&lost, SocketError::Failed(Error::Protocol(e)) if *e == reset),
        "{lost:?}"
    );
    assert_eq!(start.elapsed(), Duration::ZERO, "and the writer not waited for");
    assert!(soon(ours.next()).await.is_none());
}

// Peers that break the rules.

/// One message is being written, four wait for it, and no other has room.
async fn fill(ours: &Ours) {
    ours.outbox().try_send(of_size(KIB)).unwrap();
    yield_now().await;
    for _ in 0..4 {
        ours.outbox().try_send(of_size(KIB)).unwrap();
    }
}

/// The peer writes `bytes`; gives our last item and the peer's.
async fn refused(bytes: &[u8]) -> (SocketError, CloseCode) {
    let (mut ours, mut peer) = wired(4 * KIB).await;
    peer.send(text("before")).await.unwrap();
    peer.get_mut().write_all(bytes).await.unwrap();
    assert_eq!(soon(ours.next()).await.unwrap().unwrap(), text("before"));
    let error = soon(ours.next()).await.unwrap().unwrap_err();
    assert!(soon(ours.next()).await.is_none());
    match soon(peer.next()).await.unwrap().unwrap() {
        Message::Close(Some(frame)) => (error, frame.code),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_protocol_error_is_the_last_item_and_the_peer_is_told() {
    let (error, told) = refused(b"\x83\x00").await;
    let unknown = ProtocolError::InvalidOpcode(3);
    assert!(
        matches!(&error, SocketError::Failed(Error::Protocol(e)) if *e == unknown),
        "{error:?}"
    );
    assert_eq!(told, CloseCode::Protocol);
}

#[tokio::test(start_paused = true)]
async fn the_peer_is_told_before_what_is_queued() {
    let (mut ours, mut peer) = wired(64).await;
    fill(&ours).await;
    peer.get_mut().write_all(b"\x83\x00").await.unwrap();
    let (error, heard) = soon(join(ours.next(), listen(peer))).await;
    assert!(error.unwrap().is_err());
    let (code, reason) = (CloseCode::Protocol, Utf8Bytes::default());
    let told = Message::Close(Some(CloseFrame { code, reason }));
    assert_eq!(heard, [of_size(KIB), told]);
}

#[tokio::test(start_paused = true)]
async fn telling_the_peer_takes_twice_the_time_of_a_write_at_most() {
    let (mut ours, mut peer) = wired(1).await;
    ours.outbox().send(of_size(KIB)).await.unwrap();
    let start = Instant::now();
    let theirs = async {
        peer.get_mut().write_all(b"\x83\x00").await.unwrap();
        sleep(secs(4)).await;
        assert!(soon(peer.next()).await.unwrap().unwrap().is_binary());
        // Of the close frame it reads nothing.
    };
    let (error, ()) = join(soon(ours.next()), theirs).await;
    let error = error.unwrap().unwrap_err();
    assert!(matches!(error, SocketError::Failed(Error::Protocol(_))), "{error:?}");
    assert_eq!(start.elapsed(), secs(4 + 5));
}

#[tokio::test(start_paused = true)]
async fn text_that_is_no_utf_8_is_refused() {
    let (error, told) = refused(b"\x81\x01\xff").await;
    assert!(matches!(error, SocketError::Failed(Error::Utf8(_))), "{error:?}");
    assert_eq!(told, CloseCode::Invalid);
}

fn too_long(error: &SocketError) -> Option<usize> {
    match error {
        SocketError::Failed(Error::Capacity(CapacityError::MessageTooLong {
            size,
            ..
        })) => Some(*size),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_over_the_limit_is_refused_by_its_header() {
    // 1025 bytes are announced, none is sent.
    let (error, told) = refused(b"\x82\x7e\x04\x01").await;
    assert_eq!((too_long(&error), told), (Some(1_025), CloseCode::Size));
}

#[tokio::test(start_paused = true)]
async fn fragments_count_together() {
    let first = [&b"\x02\x7e\x02\x58"[..], &[0; 600]].concat();
    let second = [&b"\x80\x7e\x02\x58"[..], &[0; 600]].concat();
    let (error, told) = refused(&[first, second].concat()).await;
    assert_eq!((too_long(&error), told), (Some(1_200), CloseCode::Size));
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_a_goodbye_is_an_error_still() {
    let (mut ours, mut peer) = wired(KIB).await;
    peer.close(None).await.unwrap();
    peer.get_mut().write_all(b"\x81\x01a").await.unwrap();
    let error = soon(ours.next()).await.unwrap().unwrap_err();
    let after = ProtocolError::ReceivedAfterClosing;
    assert!(
        matches!(&error, SocketError::Failed(Error::Protocol(e)) if *e == after),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_forbidden_close_code_is_told_as_a_protocol_violation() {
    let (mut ours, mut peer) = wired(KIB).await;
    // 1005 with words.
    peer.get_mut().write_all(b"\x88\x05\x03\xedbye").await.unwrap();
    let theirs = async {
        let answer = soon(peer.next()).await.unwrap().unwrap();
        drop(peer);
        answer
    };
    let (end, answer) = join(soon(ours.next()), theirs).await;
    let told = end.unwrap().unwrap_err().to_string();
    assert_eq!(told, "the peer closed with 1002: Protocol violation");
    let (code, reason) = (CloseCode::Protocol, "Protocol violation".into());
    assert_eq!(answer, Message::Close(Some(CloseFrame { code, reason })));
}

#[tokio::test(start_paused = true)]
async fn a_message_of_the_limit_comes_through() {
    let (mut ours, mut peer) = wired(4 * KIB).await;
    peer.send(of_size(KIB)).await.unwrap();
    assert_eq!(soon(ours.next()).await.unwrap().unwrap().len(), KIB);
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_told_at_once_though_a_write_waits() {
    let (mut ours, mut peer) = wired(64).await;
    ours.outbox().send(of_size(KIB)).await.unwrap();
    yield_now().await;
    peer.get_mut().shutdown().await.unwrap();
    let start = Instant::now();
    let lost = soon(ours.next()).await.unwrap().unwrap_err();
    assert!(matches!(lost, SocketError::Failed(Error::Protocol(_))), "{lost:?}");
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_counts_though_the_peer_hangs_up_at_once() {
    let overloaded = Some("the peer closed with 1011: overloaded");
    for (code, told) in [(CloseCode::Normal, None), (CloseCode::Error, overloaded)] {
        let (mut ours, mut peer) = wired(KIB).await;
        peer.close(Some(CloseFrame { code, reason: "overloaded".into() }))
            .await
            .unwrap();
        drop(peer);
        let end = soon(ours.next()).await.map(|end| end.unwrap_err().to_string());
        assert_eq!(end.as_deref(), told);
        assert!(soon(ours.next()).await.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_lets_go_of_the_socket_and_the_task() {
    let (mut ours, mut peer) = wired(KIB).await;
    assert_eq!(tasks(), 1);
    peer.close(None).await.unwrap();
    let (end, heard) = soon(join(ours.next(), listen(peer))).await;
    assert!(end.is_none(), "and the peer has seen the end of the wire:");
    assert_eq!(heard, [Message::Close(None)]);
    yield_now().await;
    assert_eq!(tasks(), 0);
    assert!(soon(ours.outbox().send(text("too late"))).await.is_err());
}

/// One byte in a millisecond.
async fn drip(mut wire: DuplexStream, bytes: Vec<u8>) -> DuplexStream {
    for byte in bytes {
        sleep(Duration::from_millis(1)).await;
        wire.write_all(&[byte]).await.unwrap();
    }
    wire
}

#[tokio::test(start_paused = true)]
async fn a_next_that_is_dropped_at_every_await_loses_nothing() {
    let (ours, theirs) = duplex(KIB);
    let ours = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
    let mut ours = Connection::new(ours, LIMITS);
    let bytes = b"\x81\x02ab\x89\x01p\x01\x02cd\x80\x01e\x82\x01f\x88\x00".to_vec();
    let peer = tokio::spawn(drip(theirs, bytes));
    let (mut came, mut dropped) = (Vec::new(), 0);
    while dropped < 1_000 {
        match after_polls(1, ours.next()).await {
            Some(Some(message)) => came.push(message.unwrap()),
            Some(None) => break,
            None if peer.is_finished() && came.len() == 3 => break,
            None => {
                dropped += 1;
                sleep(Duration::from_millis(1)).await;
            }
        }
    }
    assert_eq!(came, [text("ab"), text("cde"), Message::binary(b"f".to_vec())]);
    assert!(dropped >= 15, "at least once within each frame: {dropped}");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_pongs_leaves_room_for_other_tasks() {
    let (mut ours, mut peer) = wired(64 * KIB).await;
    peer.get_mut().write_all(&b"\x8a\x00".repeat(10_000)).await.unwrap();
    peer.send(text("at last")).await.unwrap();
    let mut polls = 0;
    let message = poll_fn(|cx| {
        polls += 1;
        ours.poll_next_unpin(cx)
    });
    assert_eq!(soon(message).await.unwrap().unwrap(), text("at last"));
    assert!(polls >= 10_000 / 128, "the budget of a task is 128: {polls}");
}

// Life signs.

#[tokio::test(start_paused = true)]
async fn pings_are_answered_while_somebody_reads() {
    let (mut ours, mut peer) = wired(KIB).await;
    peer.send(Message::Ping("are you there?".into())).await.unwrap();
    let pong = tokio::select! {
        biased;
        item = ours.next() => panic!("a ping is no item: {item:?}"),
        pong = soon(peer.next()) => pong.unwrap().unwrap(),
    };
    assert_eq!(pong, Message::Pong("are you there?".into()));
}

#[tokio::test(start_paused = true)]
async fn while_nobody_reads_no_ping_is_answered() {
    let (ours, mut peer) = wired(KIB).await;
    peer.send(Message::Ping(Bytes::new())).await.unwrap();
    let mut pings = 0;
    let unanswered = async {
        while soon(peer.next()).await.unwrap().unwrap().is_ping() {
            pings += 1;
        }
    };
    timeout(HOUR, unanswered).await.unwrap_err();
    assert_eq!(pings, 180, "ours go out all the same");
    drop(ours);
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_noticed_to_the_millisecond() {
    let (mut ours, mut peer) = wired(KIB).await;
    let start = Instant::now();
    let silent = soon(ours.next()).await.unwrap().unwrap_err();
    assert!(matches!(silent, SocketError::Silent(d) if d == secs(50)), "{silent}");
    assert_eq!(start.elapsed(), secs(50));
    assert!(soon(ours.next()).await.is_none());
    // After two pings, the wire was let go.
    assert!(soon(peer.next()).await.unwrap().unwrap().is_ping());
    assert!(soon(peer.next()).await.unwrap().unwrap().is_ping());
    assert!(soon(peer.next()).await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn any_word_is_a_sign_of_life() {
    let (mut ours, mut peer) = wired(KIB).await;
    let start = Instant::now();
    sleep(secs(40)).await;
    peer.send(text("I am busy")).await.unwrap();
    assert_eq!(soon(ours.next()).await.unwrap().unwrap(), text("I am busy"));
    soon(ours.next()).await.unwrap().unwrap_err();
    assert_eq!(start.elapsed(), secs(90));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_is_kept_though_it_says_nothing() {
    let (mut ours, peer) = wired(KIB).await;
    let quiet = async {
        let quiet = timeout(HOUR, ours.next()).await.is_err();
        drop(ours);
        quiet
    };
    let (quiet, heard) = soon(join(quiet, listen(peer))).await;
    assert!(quiet);
    assert_eq!(count(&heard, Message::is_ping), 180);
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_comes_late_finds_the_pongs() {
    let (mut ours, mut peer) = wired(KIB).await;
    let answering = tokio::spawn(async move {
        while soon(peer.next()).await.unwrap().unwrap().is_ping() {}
        peer
    });
    sleep(HOUR).await;
    ours.outbox().send(text("still there?")).await.unwrap();
    // The peer stops answering when it hears that; 50 s count from now.
    let (start, silent) =
        (Instant::now(), soon(ours.next()).await.unwrap().unwrap_err());
    assert!(matches!(silent, SocketError::Silent(_)), "{silent}");
    assert_eq!(start.elapsed(), secs(50));
    drop(answering);
}

#[tokio::test(start_paused = true)]
async fn silence_is_the_longest_that_a_frame_may_take() {
    let (ours, theirs) = duplex(KIB);
    let mut ours = connect(ours, LIMITS).await;
    // 60 bytes, one in a second.
    let bytes = [&b"\x82\x3a"[..], &[7; 58]].concat();
    let dripping = tokio::spawn(async move {
        let mut wire = theirs;
        for byte in bytes {
            sleep(Duration::from_millis(995)).await;
            wire.write_all(&[byte]).await.unwrap();
        }
    });
    let start = Instant::now();
    let silent = soon(ours.next()).await.unwrap().unwrap_err();
    assert!(matches!(silent, SocketError::Silent(_)), "{silent}");
    assert_eq!(start.elapsed(), secs(50));
    drop(dripping);
}

#[tokio::test(start_paused = true)]
async fn a_message_in_parts_takes_longer_only_with_pongs_between_them() {
    let parts = [&b"\x01\x01a"[..], b"\x00\x01b", b"\x80\x01c"];
    for (between, expected) in [(&b"\x8a\x00"[..], Some(text("abc"))), (b"", None)] {
        let (mut ours, mut peer) = wired(KIB).await;
        let theirs = async {
            for part in parts {
                sleep(secs(30)).await;
                peer.get_mut().write_all(&[part, between].concat()).await.unwrap();
            }
        };
        let talk = async {
            tokio::select! {
                next = soon(ours.next()) => next.unwrap(),
                () = async { theirs.await; pending().await } => {
                    unreachable!()
                }
            }
        };
        assert_eq!(talk.await.ok(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_silence_shorter_than_a_ping_takes_the_quiet_for_dead() {
    let (mut ours, peer) =
        wired_with(KIB, Limits { silence: secs(20), ..LIMITS }).await;
    let peer = AbortOnDropHandle::new(tokio::spawn(listen(peer)));
    let start = Instant::now();
    let silent = soon(ours.next()).await.unwrap().unwrap_err();
    assert!(matches!(silent, SocketError::Silent(_)), "{silent}");
    assert_eq!(start.elapsed(), secs(20));
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn a_silence_of_ping_and_twice_write_keeps_a_peer_that_reads_slowly() {
    let (ping, write) = (secs(20), secs(60));
    let limits = Limits { write, ping, ..LIMITS };
    let cases = [
        (ping + write, false),
        (ping + write + secs(56), false),
        (ping + 2 * write, true),
    ];
    for (silence, kept) in cases {
        let (ours, mut theirs) = duplex(1);
        let mut ours = connect(ours, Limits { silence, ..limits }).await;
        let outbox = ours.outbox();
        let peer = AbortOnDropHandle::new(tokio::spawn(async move {
            sleep(secs(19)).await;
            outbox.send(of_size(KIB)).await.unwrap();
            // All but the last of 1,032 bytes: the wire takes that, and a ping waits.
            sleep(secs(59)).await;
            theirs.read_exact(&mut [0; 1_031]).await.unwrap();
            sleep(secs(59)).await;
            theirs.read_exact(&mut [0; 1 + 6]).await.unwrap();
            theirs.write_all(b"\x8a\x00\x81\x00").await.unwrap();
            theirs
        }));
        let start = Instant::now();
        let next = soon(ours.next()).await.unwrap();
        let at = if kept { secs(19 + 59 + 59) } else { silence };
        assert_eq!((next.is_ok(), start.elapsed()), (kept, at), "{next:?}");
        drop(peer);
    }
}

#[tokio::test(start_paused = true)]
async fn silence_counts_from_when_a_message_is_read() {
    let (mut ours, mut peer) = wired(KIB).await;
    let start = Instant::now();
    peer.send(text("one")).await.unwrap();
    peer.send(text("two")).await.unwrap();
    for word in ["one", "two"] {
        sleep(secs(40)).await;
        assert_eq!(soon(ours.next()).await.unwrap().unwrap(), text(word));
    }
    soon(ours.next()).await.unwrap().unwrap_err();
    assert_eq!(start.elapsed(), secs(40 + 40 + 50), "it had died at the start");
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_zero_lets_only_what_is_empty_through() {
    let frames = [&b"\x81\x01a"[..], b"\x89\x01p", b"\x88\x02\x03\xe8"];
    for (frame, size) in frames.into_iter().zip([1, 1, 2]) {
        let (mut ours, mut peer) =
            wired_with(KIB, Limits { message: 0, ..LIMITS }).await;
        peer.send(Message::Ping(Bytes::new())).await.unwrap();
        peer.send(text("")).await.unwrap();
        peer.get_mut().write_all(frame).await.unwrap();
        assert_eq!(soon(ours.next()).await.unwrap().unwrap(), text(""));
        let error = soon(ours.next()).await.unwrap().unwrap_err();
        let SocketError::Failed(Error::Capacity(CapacityError::MessageTooLong {
            size: refused,
            ..
        })) = error
        else {
            panic!("{error:?}")
        };
        assert_eq!(refused, size);
    }
}

#[tokio::test(start_paused = true)]
async fn the_longest_duration_is_never() {
    let never = Duration::MAX;
    let limits = Limits { ping: never, silence: never, write: never, ..LIMITS };
    let (mut ours, mut peer) = wired_with(KIB, limits).await;
    peer.send(text("one")).await.unwrap();
    assert_eq!(soon(ours.next()).await.unwrap().unwrap(), text("one"));
    ours.outbox().send(text("two")).await.unwrap();
    assert_eq!(soon(peer.next()).await.unwrap().unwrap(), text("two"));
    timeout(HOUR, join(ours.next(), peer.next())).await.unwrap_err();
    timeout(HOUR, ours.close(never)).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_period_of_zero_is_a_millisecond() {
    let (ours, theirs) = duplex(64 * KIB);
    let ours = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
    let limits = Limits { ping: Duration::ZERO, ..LIMITS };
    let ours = Connection::new(ours, limits);
    let mut theirs = peer(theirs, Role::Server).await;
    let start = Instant::now();
    for _ in 0..3 {
        assert!(soon(theirs.next()).await.unwrap().unwrap().is_ping());
    }
    assert_eq!(start.elapsed(), Duration::from_millis(3));
    drop(ours);
}

#[tokio::test(start_paused = true)]
async fn a_ping_goes_out_before_what_is_queued() {
    let (ours, mut peer) = wired(64).await;
    let outbox = ours.outbox();
    let busy = AbortOnDropHandle::new(tokio::spawn(async move {
        while outbox.send(of_size(KIB)).await.is_ok() {}
    }));
    let mut heard = Vec::new();
    while heard.len() < 12 {
        sleep(Duration::from_millis(2_100)).await;
        heard.push(soon(peer.next()).await.unwrap().unwrap());
    }
    // At 20 s the tenth message is being written.
    assert_eq!(heard.iter().position(Message::is_ping), Some(10));
    drop(busy);
}

#[tokio::test(start_paused = true)]
async fn pings_that_a_write_delayed_are_not_made_up_for() {
    let (ours, theirs) = duplex(64);
    let ours = connect(ours, Limits { ping: secs(1), ..LIMITS }).await;
    let mut theirs = peer(theirs, Role::Server).await;
    ours.outbox().send(of_size(KIB)).await.unwrap();
    let start = Instant::now();
    sleep(Duration::from_millis(4_500)).await;
    assert!(soon(theirs.next()).await.unwrap().unwrap().is_binary());
    for at in [4_500, 5_500, 6_500] {
        assert!(soon(theirs.next()).await.unwrap().unwrap().is_ping());
        assert_eq!(start.elapsed(), Duration::from_millis(at));
    }
}

#[tokio::test(start_paused = true)]
async fn pings_that_take_long_to_write_leave_room_for_messages() {
    let (ours, mut theirs) = duplex(1);
    let ours = connect(ours, Limits { ping: secs(2), ..LIMITS }).await;
    sleep(Duration::from_millis(2_500)).await;
    // A ping is on its way. It has six bytes, and takes three seconds.
    ours.outbox().send(text("a")).await.unwrap();
    let mut came = Vec::new();
    for _ in 0..13 {
        sleep(Duration::from_millis(600)).await;
        came.push(theirs.read_u8().await.unwrap());
    }
    assert_eq!((came[0], came[6]), (0x89, 0x81), "a ping, and the text");
}

// Writing.

#[tokio::test(start_paused = true)]
async fn what_is_queued_goes_out_in_order() {
    let (mut ours, peer) = wired(64).await;
    let outbox = ours.outbox();
    let send = async {
        for n in 0..100 {
            outbox.send(text(&n.to_string())).await.unwrap();
        }
        outbox.send(Message::Close(None)).await.unwrap();
    };
    let (heard, end, ()) = soon(join3(listen(peer), ours.next(), send)).await;
    assert!(end.is_none());
    let expected = (0..100).map(|n| text(&n.to_string()));
    assert_eq!(heard, expected.chain([Message::Close(None)]).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn behind_a_peer_that_does_not_read_the_outbox_fills_and_send_waits() {
    let (ours, _peer) = wired(64).await;
    let (outbox, mut taken) = (ours.outbox(), 0);
    let place = Duration::from_millis(1);
    while taken < 100 && timeout(place, outbox.send(of_size(KIB))).await.is_ok() {
        taken += 1;
    }
    assert_eq!(taken, LIMITS.outbox.get() + 1, "and the one that is being written");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_is_given_up_to_the_millisecond() {
    let (mut ours, _peer) = wired(64).await;
    let outbox = ours.outbox();
    outbox.send(of_size(KIB)).await.unwrap();
    let start = Instant::now();
    let stuck = soon(ours.next()).await.unwrap().unwrap_err();
    assert!(matches!(stuck, SocketError::Stuck(d) if d == secs(5)), "{stuck}");
    assert_eq!(start.elapsed(), secs(5));
    assert!(soon(outbox.send(text("too late"))).await.is_err());
    assert!(soon(ours.next()).await.is_none());
    assert_eq!(tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_a_place_that_is_dropped_loses_no_message() {
    let (mut ours, peer) = wired(64).await;
    let outbox = ours.outbox();
    fill(&ours).await;
    let last = text("kept");
    timeout(secs(1), outbox.reserve()).await.unwrap_err();
    let peer = tokio::spawn(listen(peer));
    soon(outbox.reserve()).await.unwrap().send(last);
    soon(outbox.send(Message::Close(None))).await.unwrap();
    assert!(soon(ours.next()).await.is_none());
    let heard = soon(peer).await.unwrap();
    assert_eq!((count(&heard, Message::is_binary), &heard[5]), (5, &text("kept")));
}

#[tokio::test(start_paused = true)]
async fn reading_goes_on_while_a_write_waits() {
    let (mut ours, mut peer) = wired(64).await;
    ours.outbox().send(of_size(KIB)).await.unwrap();
    sleep(secs(1)).await;
    for n in 0..100 {
        soon(peer.send(text(&n.to_string()))).await.unwrap();
        assert_eq!(soon(ours.next()).await.unwrap().unwrap(), text(&n.to_string()));
    }
}

#[tokio::test(start_paused = true)]
async fn pongs_that_wait_do_not_take_the_place_of_a_message() {
    let (mut ours, mut peer) = wired(256).await;
    for _ in 0..100 {
        soon(peer.send(Message::Ping(vec![0; 125].into()))).await.unwrap();
        assert!(after_polls(1, ours.next()).await.is_none());
        yield_now().await;
    }
    ours.outbox().send(of_size(KIB)).await.unwrap();
    ours.outbox().send(Message::Close(None)).await.unwrap();
    let (end, heard) = soon(join(ours.next(), listen(peer))).await;
    assert!(end.is_none());
    assert_eq!(count(&heard, Message::is_binary), 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_too_large_to_write_ends_the_connection() {
    let (mut ours, mut peer) = wired(64 * KIB).await;
    // A frame of this size has a header of eight bytes.
    ours.outbox().send(of_size(5 * KIB - 8)).await.unwrap();
    assert_eq!(soon(peer.next()).await.unwrap().unwrap().len(), 5 * KIB - 8);
    ours.outbox().send(of_size(5 * KIB - 7)).await.unwrap();
    let error = soon(ours.next()).await.unwrap().unwrap_err();
    let full = matches!(error, SocketError::Failed(Error::WriteBufferFull(_)));
    assert!(full, "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_is_slow_holds_the_peer_back() {
    let (mut ours, mut peer) = wired(8 * KIB).await;
    let mut sent = 0;
    while sent < 100 && timeout(secs(1), peer.send(of_size(KIB))).await.is_ok() {
        sent += 1;
    }
    assert_eq!(sent, 7, "the wire holds no more");
    assert_eq!(soon(ours.next()).await.unwrap().unwrap().len(), KIB);
    soon(peer.flush()).await.unwrap();
    for _ in 0..7 {
        assert_eq!(soon(ours.next()).await.unwrap().unwrap().len(), KIB);
    }
}

#[tokio::test(start_paused = true)]
async fn two_that_talk_at_once_get_through() {
    let (left, right) = duplex(64);
    let mut ends = Vec::new();
    for (wire, role) in [(left, Role::Client), (right, Role::Server)] {
        let mut connection = connect_as(role, wire, LIMITS).await;
        let outbox = connection.outbox();
        ends.push(tokio::spawn(async move {
            let send = async {
                for _ in 0..100 {
                    outbox.send(of_size(KIB)).await.unwrap();
                }
            };
            let (count, ()) = tokio::join!((&mut connection).take(100).count(), send);
            count
        }));
    }
    for end in ends {
        assert_eq!(soon(end).await.unwrap(), 100);
    }
}

/// Answers each message with two. Waits for its outbox, and reads nothing then.
async fn answer_twice(mut connection: Connection<DuplexStream>) -> SocketError {
    let outbox = connection.outbox();
    outbox.send(of_size(KIB)).await.unwrap();
    loop {
        if let Err(error) = soon(connection.next()).await.unwrap() {
            return error;
        }
        for _ in 0..2 {
            let _ = soon(outbox.send(of_size(KIB))).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_whose_readers_wait_for_their_outbox_stand_still_until_write() {
    let (left, right) = duplex(64);
    let mut ends = Vec::new();
    let start = Instant::now();
    for (wire, role) in [(left, Role::Client), (right, Role::Server)] {
        ends.push(answer_twice(connect_as(role, wire, LIMITS).await));
    }
    let (error, ..) = soon(select_all(ends.into_iter().map(Box::pin))).await;
    assert!(matches!(error, SocketError::Stuck(_)), "{error}");
    assert_eq!(start.elapsed(), secs(5));
}

// A flood: it never waits, and ends by itself.

const FLOOD: usize = 3_000_000;
/// A close frame; after it the wire has ended.
const GOODBYE: &[u8] = b"\x88\x00";

/// Floods the outbox until it fails; says whether the flood has ended before.
async fn flood(outbox: mpsc::Sender<Message>) -> bool {
    for _ in 0..FLOOD {
        if outbox.send(text("flood")).await.is_err() {
            return false;
        }
    }
    true
}

/// A peer that reads all, and says goodbye after three pings.
fn three_pings() -> impl AsyncRead + AsyncWrite + Send + Unpin {
    let pings = Arc::new(AtomicUsize::new(0));
    let pinged = pings.clone();
    let write = move |frame: &[u8]| {
        if frame[0] == 0x89 {
            pinged.fetch_add(1, Ordering::SeqCst);
        }
        Poll::Ready(Ok(()))
    };
    let mut goodbye = vec![GOODBYE];
    let read = move |cx: &mut Context<'_>| {
        if pings.load(Ordering::SeqCst) < 3 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(goodbye.pop().unwrap_or_default()))
    };
    Wire::new(read, write)
}

#[tokio::test]
async fn a_flood_of_messages_keeps_no_ping_back_and_no_goodbye_and_hides_no_silence() {
    let limits = Limits { ping: Duration::from_millis(1), ..LIMITS };
    let mut ours = connect(three_pings(), limits).await;
    let flooding = tokio::spawn(flood(ours.outbox()));
    assert!(in_time(ours.next()).await.is_none(), "the goodbye after three pings");
    assert!(!in_time(flooding).await.unwrap(), "they came after the flood");

    let wire = Wire::new(|_| Poll::Pending, |_| Poll::Ready(Ok(())));
    let limits = Limits { silence: Duration::from_millis(20), ..LIMITS };
    let mut ours = connect(wire, limits).await;
    let flooding = tokio::spawn(flood(ours.outbox()));
    let silent = in_time(ours.next()).await.unwrap().unwrap_err();
    assert!(matches!(silent, SocketError::Silent(_)), "{silent}");
    assert!(!in_time(flooding).await.unwrap(), "it was noticed after the flood");

    let (ours, peer) = wired(KIB).await;
    let flooding = tokio::spawn(flood(ours.outbox()));
    let (closed, _) = in_time(join(ours.close(secs(60)), listen(peer))).await;
    closed.unwrap();
    assert!(!in_time(flooding).await.unwrap(), "it was said after the flood");
}

/// A peer that sends `frame` again and again, until it has read a text and a ping, or the flood has ended. It
/// notes the text as 1 and the ping as 2.
fn flooding(
    frame: &'static [u8],
    read: Arc<AtomicUsize>,
) -> impl AsyncRead + AsyncWrite + Send + Unpin {
    let all = read.clone();
    let write = move |frame: &[u8]| {
        match frame[0] {
            0x81 => read.fetch_or(1, Ordering::SeqCst),
            0x89 => read.fetch_or(2, Ordering::SeqCst),
            _ => 0,
        };
        Poll::Ready(Ok(()))
    };
    let (mut came, mut goodbye) = (0, vec![GOODBYE]);
    let read = move |_: &mut Context<'_>| {
        came += 1;
        let over = came >= FLOOD || all.load(Ordering::SeqCst) == 3;
        Poll::Ready(Ok(if over { goodbye.pop().unwrap_or_default() } else { frame }))
    };
    Wire::new(read, write)
}

#[tokio::test]
async fn a_flood_of_what_comes_keeps_nothing_back_that_goes_out() {
    let limits = Limits { ping: Duration::from_millis(1), ..LIMITS };
    for frame in [&b"\x8a\x00"[..], b"\x89\x00", b"\x81\x01a"] {
        let went = Arc::new(AtomicUsize::new(0));
        let mut ours = connect(flooding(frame, went.clone()), limits).await;
        ours.outbox().send(text("out")).await.unwrap();
        while let Some(message) = in_time(ours.next()).await {
            assert_eq!(message.unwrap(), text("a"));
        }
        assert_eq!(went.load(Ordering::SeqCst), 3, "a text and a ping");
    }
}

// The end.

#[tokio::test(start_paused = true)]
async fn it_can_be_spawned() {
    let (mut ours, peer) = wired(KIB).await;
    let listening = tokio::spawn(listen(peer));
    let reading = tokio::spawn(async move {
        let _ = timeout(secs(1), ours.next()).await;
        ours.close(secs(2)).await
    });
    soon(reading).await.unwrap().unwrap();
    assert_eq!(soon(listening).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn close_writes_what_is_queued_and_waits_for_the_answer() {
    let (ours, peer) = wired(64).await;
    for word in ["one", "two", "three"] {
        ours.outbox().send(text(word)).await.unwrap();
    }
    let (closed, heard) = soon(join(ours.close(secs(2)), listen(peer))).await;
    closed.unwrap();
    let (code, reason) = (CloseCode::Normal, Utf8Bytes::default());
    let goodbye = Message::Close(Some(CloseFrame { code, reason }));
    assert_eq!(heard, [text("one"), text("two"), text("three"), goodbye]);
    assert_eq!(tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn close_gives_up_at_its_limit() {
    let (ours, _peer) = wired(64 * KIB).await;
    let start = Instant::now();
    let gave_up = soon(ours.close(secs(2))).await.unwrap_err();
    assert!(matches!(gave_up, SocketError::CloseTimeout(d) if d == secs(2)));
    assert_eq!(start.elapsed(), secs(2));
    yield_now().await;
    assert_eq!(tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_close_counts_while_the_outbox_is_full() {
    let (ours, _peer) = wired(64).await;
    fill(&ours).await;
    let start = Instant::now();
    let gave_up = soon(ours.close(secs(2))).await.unwrap_err();
    assert!(matches!(gave_up, SocketError::CloseTimeout(_)));
    assert_eq!(start.elapsed(), secs(2));
}

#[tokio::test(start_paused = true)]
async fn close_reads_so_that_a_peer_who_writes_gets_through() {
    let (ours, mut peer) = wired(64).await;
    fill(&ours).await;
    let theirs = async {
        for _ in 0..100 {
            peer.send(of_size(KIB)).await.unwrap();
        }
        listen(peer).await
    };
    let (closed, heard) = soon(join(ours.close(secs(2)), theirs)).await;
    closed.unwrap();
    assert_eq!(count(&heard, Message::is_binary), 5);
}

#[tokio::test(start_paused = true)]
async fn close_tells_that_the_peer_was_lost() {
    let (ours, peer) = wired(KIB).await;
    drop(peer);
    let lost = soon(ours.close(secs(2))).await.unwrap_err();
    assert!(matches!(lost, SocketError::Failed(_)), "{lost:?}");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_connection_says_no_goodbye_and_loses_what_is_queued() {
    let (ours, mut peer) = wired(KIB).await;
    for _ in 0..4 {
        ours.outbox().try_send(text("lost")).unwrap();
    }
    drop(ours);
    assert!(is_reset(soon(peer.next()).await.as_ref()));
    assert_eq!(tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_half_written_is_cut_by_a_drop() {
    let (ours, mut peer) = wired(64).await;
    ours.outbox().send(of_size(KIB)).await.unwrap();
    yield_now().await;
    drop(ours);
    assert!(
        is_reset(soon(peer.next()).await.as_ref()),
        "64 bytes of it are there, and no item"
    );
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_close_leaves_no_task() {
    let mut peers = Vec::new();
    let make = || {
        let (ours, theirs) = duplex(KIB);
        async move {
            let peer = peer(theirs, Role::Server).await;
            let listening = AbortOnDropHandle::new(tokio::spawn(async move {
                yield_now().await;
                listen(peer).await
            }));
            let closed = connect(ours, LIMITS).await.close(secs(2)).await;
            drop(listening);
            closed
        }
    };
    let points = at_every_await(make, |_, end| peers.push(end.map(|e| e.is_ok())));
    let points = soon(points).await;
    yield_now().await;
    assert_eq!(tasks(), 0);
    assert!(points >= 2, "{points}");
    assert_eq!(peers.pop(), Some(Some(true)));
    assert!(peers.iter().all(Option::is_none));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_close_is_a_dropped_connection() {
    let (ours, mut peer) = wired(KIB).await;
    assert!(after_polls(1, ours.close(secs(2))).await.is_none());
    assert!(is_reset(soon(peer.next()).await.as_ref()));
}

#[tokio::test(start_paused = true)]
async fn behind_a_close_nothing_is_written_and_nothing_more_is_taken() {
    let (ours, theirs) = duplex(4);
    let mut ours = connect(ours, LIMITS).await;
    let outbox = ours.outbox();
    outbox.try_send(Message::Close(None)).unwrap();
    outbox.try_send(text("behind it")).unwrap();
    yield_now().await;
    assert_eq!(tasks(), 1, "of six bytes, two wait to be written");
    assert!(soon(outbox.send(text("too late"))).await.is_err());
    let listening = listen(peer(theirs, Role::Server).await);
    let (end, heard) = soon(join(ours.next(), listening)).await;
    assert!(end.is_none());
    assert_eq!(heard, [Message::Close(None)]);
}

#[tokio::test(start_paused = true)]
async fn after_a_close_no_ping_goes_out_so_silence_ends_a_longer_close() {
    let (ours, mut theirs) = duplex(KIB);
    let ours = connect(ours, LIMITS).await;
    let start = Instant::now();
    let silent = soon(ours.close(secs(60))).await.unwrap_err();
    assert!(matches!(silent, SocketError::Silent(_)), "{silent}");
    assert_eq!(start.elapsed(), secs(50));
    let mut bytes = Vec::new();
    theirs.read_to_end(&mut bytes).await.unwrap();
    assert_eq!((bytes[0], bytes.len()), (0x88, 8), "a close frame, and no ping");
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_our_own_close_is_a_goodbye_whatever_its_code() {
    for code in [CloseCode::Policy, CloseCode::Error, CloseCode::Library(4_000)] {
        let (mut ours, peer) = wired(KIB).await;
        let frame = CloseFrame { code, reason: "too many".into() };
        let close = Message::Close(Some(frame));
        ours.outbox().send(close.clone()).await.unwrap();
        // tungstenite answers with the same code and words.
        let (end, heard) = soon(join(ours.next(), listen(peer))).await;
        assert!(end.is_none(), "{end:?}");
        assert_eq!(heard, [close]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_with_another_code_is_an_error() {
    let (mut ours, mut peer) = wired(KIB).await;
    let (code, reason) = (CloseCode::Policy, "too many".into());
    let close = Message::Close(Some(CloseFrame { code, reason }));
    ours.outbox().send(close).await.unwrap();
    yield_now().await;
    // Ours is written, and not yet read, when it closes for a reason of its own.
    let (code, reason) = (CloseCode::Error, "overloaded".into());
    peer.close(Some(CloseFrame { code, reason })).await.unwrap();
    let (end, _) = soon(join(ours.next(), listen(peer))).await;
    let told = end.unwrap().unwrap_err().to_string();
    assert_eq!(told, "the peer closed with 1011: overloaded");
}

#[tokio::test]
async fn an_outbox_has_the_room_that_it_was_given_as_far_as_a_channel_can() {
    for (room, expected) in [(1, 1), (7, 7), (usize::MAX, Semaphore::MAX_PERMITS)] {
        // Nor does the limit of a message overflow.
        let outbox = room.try_into().unwrap();
        let limits = Limits { outbox, message: room, ..LIMITS };
        let (ours, _peer) = wired_with(KIB, limits).await;
        assert_eq!(ours.outbox().max_capacity(), expected);
    }
}

/// What an error says, and then each cause beneath it.
fn chain(error: &dyn std::error::Error) -> Vec<String> {
    let below = std::iter::successors(error.source(), |error| (*error).source());
    std::iter::once(error.to_string()).chain(below.map(ToString::to_string)).collect()
}

#[test]
fn no_error_repeats_its_cause_and_none_loses_it() {
    let second = secs(1);
    let (code, reason) = (CloseCode::Error, "overloaded".into());
    let cases = [
        (SocketError::Silent(second), "nothing was heard from the peer for 1s"),
        (SocketError::Stuck(second), "the peer let no message through for 1s"),
        (
            SocketError::CloseTimeout(second),
            "the closing handshake was not over within 1s",
        ),
        (SocketError::Closed { code, reason }, "the peer closed with 1011: overloaded"),
    ];
    for (error, says) in cases {
        assert_eq!(chain(&error), [says]);
    }
    let failed = SocketError::Failed(Error::Capacity(CapacityError::TooManyHeaders));
    assert_eq!(chain(&failed)[0], "the connection failed");
    assert!(failed.source().unwrap().is::<Error>());
}

// Which address.

/// What is said at an address, and after how many milliseconds: that it has connected, or failed.
#[derive(Clone, Copy)]
enum Answer {
    Yes(u64),
    No(u64),
    Never,
}
use Answer::{Never, No, Yes};

/// Asks the addresses with a head start of so many milliseconds. Gives the number of the one that won, or of
/// the one that failed last; when that was, in milliseconds; and when each was asked.
async fn race(
    head_start: u64,
    all: &[Answer],
) -> (Result<usize, String>, u64, Vec<u64>) {
    let (start, alive) = (Instant::now(), Alive::default());
    let now = || u64::try_from(start.elapsed().as_millis()).unwrap();
    let mut asked = Vec::new();
    let connect = |(number, answer): (usize, &Answer)| {
        asked.push(now());
        let (guard, answer) = (alive.guard(), *answer);
        async move {
            let _guard = guard;
            match answer {
                Yes(after) => {
                    sleep(Duration::from_millis(after)).await;
                    Ok(number)
                }
                No(after) => {
                    sleep(Duration::from_millis(after)).await;
                    Err(io::Error::other(number.to_string()))
                }
                Never => pending().await,
            }
        }
    };
    let head_start = Duration::from_millis(head_start);
    let first = first_to_connect(all.iter().enumerate(), head_start, connect);
    let first = soon(first).await.map_err(|error| error.to_string());
    assert_eq!(alive.count(), 0, "the others are dropped");
    (first, now(), asked)
}

#[tokio::test(start_paused = true)]
async fn each_address_has_its_head_start_and_the_first_to_answer_wins() {
    assert_eq!(race(250, &[Yes(249), Never]).await, (Ok(0), 249, vec![0]));
    assert_eq!(race(250, &[Never, Yes(9)]).await, (Ok(1), 259, vec![0, 250]));
    assert_eq!(race(250, &[Yes(300), Yes(100)]).await, (Ok(0), 300, vec![0, 250]));
    assert_eq!(race(250, &[Yes(400), Yes(100)]).await, (Ok(1), 350, vec![0, 250]));
    assert_eq!(race(9, &[Never, Never, Yes(1)]).await, (Ok(2), 19, vec![0, 9, 18]));
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_the_next_is_asked_at_once_and_the_last_failure_is_told() {
    assert_eq!(race(250, &[No(9), No(0), Yes(1)]).await, (Ok(2), 10, vec![0, 9, 9]));
    let late = race(250, &[No(300), Never, Yes(1)]).await;
    assert_eq!(late, (Ok(2), 301, vec![0, 250, 300]));
    let late = race(250, &[No(300), No(100), No(0)]).await;
    assert_eq!(late, (Err("1".into()), 350, vec![0, 250, 300]));
    let late = race(250, &[No(700), No(100)]).await;
    assert_eq!(late, (Err("0".into()), 700, vec![0, 250]));
    assert_eq!(
        race(250, &[]).await,
        (Err("the name has no address".into()), 0, vec![])
    );
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_the_race_of_addresses_leaves_nobody_asked() {
    let alive = Alive::default();
    let make = || {
        let alive = alive.clone();
        let connect = move |after| {
            let guard = alive.guard();
            async move {
                sleep(Duration::from_millis(after)).await;
                drop(guard);
                io::Result::Ok(())
            }
        };
        first_to_connect([600, 500], Duration::from_millis(250), connect)
    };
    let points = at_every_await(make, |_, _| assert_eq!(alive.count(), 0));
    assert!(points.await >= 2);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_not_found_in_time_is_given_up_after_the_silence() {
    let never = |_| pending::<io::Result<[SocketAddr; 0]>>();
    let start = Instant::now();
    let silent = soon(dial_with(never, "ws://peer.test/", LIMITS)).await.err().unwrap();
    assert!(matches!(silent, SocketError::Silent(d) if d == secs(50)), "{silent}");
    assert_eq!(start.elapsed(), secs(50));
}

/// The error of a dial whose resolver says that there is no such name; and the name that it was asked for.
async fn asked_for(url: &str) -> (Error, Option<String>) {
    let mut asked = None;
    let resolve = |name| {
        asked = Some(name);
        ready(Err::<[SocketAddr; 0], _>(io::Error::other("no such name")))
    };
    match dial_with(resolve, url, LIMITS).await.err() {
        Some(SocketError::Failed(error)) => (error, asked),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_name_and_port_of_a_url_are_looked_up_unless_it_is_no_plain_websocket() {
    let cases = [
        ("ws://peer.test/prices", "peer.test:80"),
        ("ws://peer.test:8080/", "peer.test:8080"),
        ("ws://user@[::1]:81", "[::1]:81"),
    ];
    for (url, expected) in cases {
        let (error, asked) = asked_for(url).await;
        assert_eq!(asked.as_deref(), Some(expected));
        assert!(matches!(&error, Error::Io(e) if e.to_string() == "no such name"));
    }
    let cases = [
        ("wss://peer.test/", UrlError::TlsFeatureNotEnabled),
        ("http://peer.test/", UrlError::UnsupportedUrlScheme),
        ("/prices", UrlError::NoHostName),
    ];
    for (url, expected) in cases {
        let (error, asked) = asked_for(url).await;
        assert!(matches!(&error, Error::Url(e) if *e == expected), "{error}");
        assert_eq!(asked, None);
    }
}

// Real sockets.

#[tokio::test]
async fn over_tcp_everything_comes_back_in_order() {
    timeout(secs(60), there_and_back()).await.expect("it waits for ever");
}

async fn there_and_back() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (wire, _) = listener.accept().await.unwrap();
        let mut echo = accept(wire, LIMITS).await.unwrap();
        let outbox = echo.outbox();
        while let Some(message) = echo.try_next().await? {
            outbox.send(message).await.unwrap();
        }
        Ok::<_, SocketError>(())
    });
    let mut client = dial(&url, LIMITS).await.unwrap();
    let outbox = client.outbox();
    let send = async {
        for n in 0..1_000 {
            outbox.send(text(&n.to_string())).await.unwrap();
        }
    };
    let echoed = (&mut client).take(1_000).try_collect::<Vec<_>>();
    let (echoed, ()) = tokio::join!(echoed, send);
    let expected: Vec<_> = (0..1_000).map(|n| text(&n.to_string())).collect();
    assert_eq!(echoed.unwrap(), expected);
    client.close(secs(60)).await.unwrap();
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_dropped_dial_closes_the_socket() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let dialing = tokio::spawn(async move { dial(&url, LIMITS).await.map(drop) });
    let closed = async {
        let (mut wire, _) = listener.accept().await.unwrap();
        wire.read_exact(&mut [0; 3]).await.unwrap();
        dialing.abort();
        wire.read_to_end(&mut Vec::new()).await.unwrap();
    };
    in_time(closed).await;
}

#[tokio::test]
async fn a_dropped_accept_closes_the_socket() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (wire, _) = listener.accept().await.unwrap();
    assert!(after_polls(1, accept(wire, LIMITS)).await.is_none());
    let closed = timeout(secs(60), client.read(&mut [0; 1])).await;
    assert_eq!(closed.expect("it waits for ever").unwrap(), 0);
}

#[tokio::test]
async fn a_handshake_without_an_answer_is_given_up_after_the_silence() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let server = async {
        let (mut wire, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(wire.read_u8().await.unwrap());
        }
        // Nothing moves on the wire from here on, but the clock.
        pause();
        (wire, request)
    };
    let start = Instant::now();
    let (silent, (_wire, request)) = soon(join(dial(&url, LIMITS), server)).await;
    let silent = silent.err().unwrap();
    assert!(request.starts_with(b"GET / HTTP/1.1\r\n"));
    assert!(matches!(silent, SocketError::Silent(d) if d == secs(50)), "{silent}");
    assert!(start.elapsed() >= secs(50));
}

#[tokio::test]
async fn a_client_that_asks_for_nothing_is_given_up_after_the_silence() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (wire, _) = listener.accept().await.unwrap();
    pause();
    let start = Instant::now();
    let silent = soon(accept(wire, LIMITS)).await.err().unwrap();
    assert!(matches!(silent, SocketError::Silent(d) if d == secs(50)), "{silent}");
    assert!(start.elapsed() >= secs(50));
}

#[tokio::test]
async fn on_tcp_the_kernel_takes_small_messages_for_a_peer_that_reads_nothing() {
    for (ours, _deaf) in dialed_and_accepted(LIMITS).await {
        for _ in 0..100 {
            in_time(ours.outbox().send(text("a price"))).await.unwrap();
        }
        // All are written: the outbox is empty again.
        in_time(ours.outbox().reserve_many(4)).await.map(drop).unwrap();
    }
}

/// Nobody listens there, and nobody else can.
fn refusing() -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    socket
}

/// Dials a name that has the address of `first`, and then one where somebody answers. How long it took.
async fn dialed_behind(first: SocketAddr) -> Duration {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let second = listener.local_addr().unwrap();
    let resolve = |_| ready(Ok([first, second]));
    let server = async {
        let (wire, _) = listener.accept().await.unwrap();
        accept_async(wire).await.unwrap()
    };
    let start = Instant::now();
    let both = join(dial_with(resolve, "ws://peer.test/", LIMITS), server);
    let (dialed, _peer) = in_time(both).await;
    dialed.map(drop).unwrap();
    start.elapsed()
}

#[tokio::test]
async fn an_address_that_refuses_leaves_the_name_its_others() {
    let refusing = refusing();
    dialed_behind(refusing.local_addr().unwrap()).await;
}

/// Linux answers no more when as many are queued as `listen` said, and one.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_address_that_does_not_answer_leaves_the_name_its_others() {
    let deaf = refusing().listen(0).unwrap();
    let deaf_at = deaf.local_addr().unwrap();
    let _queued = TcpStream::connect(deaf_at).await.unwrap();
    let took = dialed_behind(deaf_at).await;
    assert!(took >= Duration::from_millis(250), "its head start: {took:?}");
}

#[tokio::test]
async fn dial_looks_a_name_up_and_asks_for_what_the_url_names() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("ws://localhost:{port}/prices?of=gold");
    let server = async {
        let (mut wire, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(wire.read_u8().await.unwrap());
        }
        String::from_utf8(request).unwrap()
    };
    let both = timeout(secs(60), join(dial(&url, LIMITS), server));
    let (dialed, request) = both.await.expect("it waits for ever");
    assert!(request.starts_with("GET /prices?of=gold HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("\r\nHost: localhost:{port}\r\n")), "{request}");
    assert!(dialed.is_err(), "nobody answered");
}

type OverTcp = (Connection<TcpStream>, WebSocketStream<TcpStream>);

/// What `dial` gives, and what `accept` gives, each with a bare socket as its peer.
async fn dialed_and_accepted(limits: Limits) -> [OverTcp; 2] {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let url = format!("ws://{address}/");
    let dialed = async {
        let server = async { accept_async(listener.accept().await.unwrap().0).await };
        let (ours, peer) = join(dial(&url, limits), server).await;
        (ours.unwrap(), peer.unwrap())
    };
    let dialed = in_time(dialed).await;
    let accepted = async {
        let client = TcpStream::connect(address).await.unwrap();
        let server = accept(listener.accept().await.unwrap().0, limits);
        let (ours, peer) = join(server, client_async(&url, client)).await;
        (ours.unwrap(), peer.unwrap().0)
    };
    [dialed, in_time(accepted).await]
}

#[tokio::test]
async fn dialed_or_accepted_a_connection_takes_and_keeps_no_more_than_its_limits() {
    for (mut ours, mut peer) in dialed_and_accepted(LIMITS).await {
        assert_eq!(ours.outbox().max_capacity(), 4);
        peer.send(of_size(KIB + 1)).await.unwrap();
        let error = in_time(ours.next()).await.unwrap().unwrap_err();
        assert_eq!(too_long(&error), Some(KIB + 1), "{error}");
    }
    for (mut ours, _peer) in dialed_and_accepted(LIMITS).await {
        ours.outbox().send(of_size(5 * KIB)).await.unwrap();
        let error = in_time(ours.next()).await.unwrap().unwrap_err();
        let full = matches!(error, SocketError::Failed(Error::WriteBufferFull(_)));
        assert!(full, "{error:?}");
    }
}

#[tokio::test]
async fn dialed_or_accepted_a_connection_pings_and_gives_up_when_its_limits_say_so() {
    let mib = KIB * KIB;
    let (write, ping, silence) = (secs(7), secs(10), secs(45));
    let limits = Limits { message: mib, write, ping, silence, ..LIMITS };
    // A ping of a client has a mask, of four bytes.
    for ((mut ours, mut peer), size) in
        dialed_and_accepted(limits).await.into_iter().zip([6, 2])
    {
        // Nothing comes any more, and the kernel has room for what goes out.
        pause();
        let silent = soon(ours.next()).await.unwrap().unwrap_err();
        resume();
        assert!(matches!(silent, SocketError::Silent(d) if d == silence), "{silent}");
        let mut pings = Vec::new();
        in_time(peer.get_mut().read_to_end(&mut pings)).await.unwrap();
        assert_eq!((pings[0], pings.len()), (0x89, 4 * size));
    }
    for (mut ours, _peer) in dialed_and_accepted(limits).await {
        pause();
        let (outbox, large) = (ours.outbox(), of_size(mib));
        let fill = async move {
            // More than the kernel takes.
            for _ in 0..1_000 {
                let _ = outbox.send(large.clone()).await;
            }
        };
        let (end, ()) = soon(join(ours.next(), fill)).await;
        resume();
        let stuck = end.unwrap().unwrap_err();
        assert!(matches!(stuck, SocketError::Stuck(d) if d == write), "{stuck}");
    }
}

//! What tungstenite and tokio-tungstenite do by themselves, what the naive versions cost, peers
//! that break the rules, real sockets, and wires made by hand.

use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{TryRecvError, channel};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::Duration;

use backend::cancel::after_polls;
use futures::future::{join, poll_fn};
use futures::{SinkExt, StreamExt, TryStreamExt};
use stream_processing::websocket::{
    Connection, Limits, SocketError, accept, dial, naive,
};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::{coop, yield_now};
use tokio::time::{Instant, pause, sleep, timeout};
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, accept_async, client_async};

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
    let config = Some(limits.config());
    let socket = WebSocketStream::from_raw_socket(wire, Role::Client, config).await;
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

type Bytewise = Poll<std::io::Result<&'static [u8]>>;

impl<R, W> Wire<R, W>
where
    R: FnMut(&mut Context<'_>) -> Bytewise,
    W: FnMut() -> Poll<std::io::Result<()>>,
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
    ) -> Poll<std::io::Result<()>> {
        into.put_slice(ready!((self.0)(cx))?);
        Poll::Ready(Ok(()))
    }
}

impl<R, W> AsyncWrite for Wire<R, W>
where
    R: Unpin,
    W: FnMut() -> Poll<std::io::Result<()>> + Unpin,
{
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        (self.1)().map_ok(|()| bytes.len())
    }

    fn poll_flush(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn broken() -> Poll<std::io::Result<()>> {
    Poll::Ready(Err(std::io::ErrorKind::BrokenPipe.into()))
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
            ready!(coop::poll_proceed(cx)).made_progress();
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
            let budget = ready!(coop::poll_proceed(cx));
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
        let mut ours = connect(Wire::new(read, || Poll::Ready(Ok(()))), LIMITS).await;
        sleep(secs(51)).await;
        assert_eq!(next_after(spent, &mut ours).await, Some(text("a")));
    }
}

/// Its clones are counted.
struct Ear;

impl Wake for Ear {
    fn wake(self: Arc<Self>) {}
}

#[tokio::test(start_paused = true)]
async fn a_write_on_another_thread_hides_no_pong_from_a_late_reader() {
    let (released, through) = channel::<()>();
    let (writing, began) = channel::<()>();
    let (armed, mut pongs) = (Arc::new(AtomicBool::new(false)), vec![b"\x8a\x00"]);
    let (arm, ear) = (armed.clone(), Arc::new(Ear));
    let waker = Waker::from(ear.clone());
    let asleep = Arc::strong_count(&ear);
    let read = move |_: &mut Context<'_>| {
        pongs.pop().map_or(Poll::Pending, |pong| Poll::Ready(Ok(&pong[..])))
    };
    let write = move || {
        if armed.load(Ordering::Relaxed) {
            writing.send(()).unwrap();
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
    let mut ours = connect(Wire::new(read, write), LIMITS).await;
    let outbox = ours.outbox();
    sleep(secs(51)).await;
    arm.store(true, Ordering::Relaxed);
    let runtime = Handle::current();
    let reader = std::thread::spawn(move || {
        let _runtime = runtime.enter();
        began.recv().unwrap();
        let next = ours.poll_next_unpin(&mut Context::from_waker(&waker));
        drop(released);
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
    let wire = Wire::new(|_| Poll::Ready(Ok(&b"\x81\x01a"[..])), || Poll::Pending);
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
    let wire = Wire::new(|_| Poll::Pending, || panic!("as the test wants"));
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
    timeout(secs(60), closed).await.expect("it waits for ever");
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
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let server = async {
        let (wire, _) = listener.accept().await.unwrap();
        accept_async(wire).await.unwrap()
    };
    let all = async {
        let (ours, _deaf) = join(dial(&url, LIMITS), server).await;
        let ours = ours.unwrap();
        for _ in 0..100 {
            ours.outbox().send(text("a price")).await.unwrap();
        }
        // All are written: the outbox is empty again.
        let _places = ours.outbox().reserve_many(4).await.map(drop).unwrap();
    };
    timeout(secs(60), all).await.expect("it waits for ever");
}

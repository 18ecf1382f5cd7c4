//! A WebSocket: what comes in is a stream, what goes out is a task.

use std::future::Future;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::poll_fn;
use futures::stream::{Stream, TryStreamExt};
use futures::{FutureExt, SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::coop;
use tokio::time::{Instant, Sleep, interval_at, sleep, timeout};
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, accept_async_with_config,
    connect_async_with_config,
};
use tokio_util::task::AbortOnDropHandle;

// ANCHOR: limits
/// What a connection may cost, and how long it may be silent.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest message of the peer, in bytes; ours may have almost 4 KiB more. Its
    /// pings and close frames count, too: with less than 125, some are refused.
    pub message: usize,
    /// Messages that wait to be written; a `send` that finds no room waits.
    pub outbox: NonZeroUsize,
    /// How long the peer may take to let one message through. On TCP that is the
    /// kernel's word: this counts only while its buffers are full.
    pub write: Duration,
    /// A ping goes out so long after the last; less than a millisecond counts as one.
    pub ping: Duration,
    /// How long the peer may say nothing at all, from when its last word was read. More
    /// than `ping + 2 * write` and a round trip, or a peer that only reads slowly is
    /// taken for dead: a ping waits for the message under way, and for its own turn. A
    /// message counts when it is whole: this is also the longest that it may take,
    /// unless there are pongs between its parts.
    pub silence: Duration,
}

impl Limits {
    /// For the handshake: `connect_async_with_config`, `accept_async_with_config`.
    pub fn config(&self) -> WebSocketConfig {
        WebSocketConfig::default()
            .max_message_size(Some(self.message))
            .max_frame_size(Some(self.message))
            // Allocated for each connection, before anything is read.
            .read_buffer_size(4 * 1024)
            // Each message is flushed anyway.
            .write_buffer_size(0)
            // One message, and pongs that a peer asks for and does not read.
            .max_write_buffer_size(self.message.saturating_add(4 * 1024))
    }
}
// ANCHOR_END: limits

// ANCHOR: socket_error
/// Why a connection ended without a goodbye.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Not even a pong came, or no answer to the handshake.
    #[error("nothing was heard from the peer for {0:?}")]
    Silent(Duration),
    /// The peer does not read.
    #[error("the peer let no message through for {0:?}")]
    Stuck(Duration),
    /// The peer did not answer our close frame, or did not close the connection.
    #[error("the closing handshake was not over within {0:?}")]
    CloseTimeout(Duration),
    /// The peer closed for another reason than that it had finished.
    #[error("the peer closed with {code}: {reason}")]
    Closed {
        /// The peer's code: neither 1000 (normal) nor 1001 (away), nor the answer to
        /// ours. One that must not be sent is given as 1002, with tungstenite's words.
        code: CloseCode,
        /// The peer's words.
        reason: Utf8Bytes,
    },
    /// The connection broke, or one of the two sides broke the protocol or a limit.
    #[error("the connection failed")]
    Failed(#[from] Error),
}
// ANCHOR_END: socket_error

// ANCHOR: connection
/// A WebSocket connection: the stream of the peer's text and binary messages, and an
/// outbox for ours. It ends with `None` when the peer says goodbye, otherwise with one
/// error.
///
/// Pings are answered, and close frames, only while the stream is polled.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the connection aborts the writer, and
/// drops what is queued; the peer sees no close frame. To finish, [`close`] it.
///
/// [`close`]: Connection::close
#[must_use = "nothing is read, and no ping answered, unless polled"]
pub struct Connection<S> {
    writer: AbortOnDropHandle<Result<(), SocketError>>,
    /// `None`: it is over, and the socket is let go.
    socket: Option<Shared<S>>,
    outbox: mpsc::Sender<Message>,
    hang_up: mpsc::Sender<CloseFrame>,
    writing: bool,
    /// The code that we closed with. The peer answers with the same.
    said: Arc<OnceLock<CloseCode>>,
    /// The peer has closed.
    goodbye: bool,
    /// Ends the stream when all that has come is read: a bad goodbye, a broken write.
    reason: Option<SocketError>,
    /// Ends the stream once the writer has told the peer: what went wrong.
    verdict: Option<SocketError>,
    deadline: Pin<Box<Sleep>>,
    silence: Duration,
}

/// For a poll at a time, as in `tokio::io::split`; never locked across an await.
type Shared<S> = Arc<Mutex<WebSocketStream<S>>>;
// ANCHOR_END: connection

fn lock<S>(socket: &Shared<S>) -> MutexGuard<'_, WebSocketStream<S>> {
    // A panic of the writer comes out of the stream.
    socket.lock().unwrap_or_else(PoisonError::into_inner)
}

// ANCHOR: new
impl<S> Connection<S>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    /// Takes over a socket whose handshake was made with [`Limits::config`].
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn new(socket: WebSocketStream<S>, limits: Limits) -> Self {
        let socket = Arc::new(Mutex::new(socket));
        let (outbox, queued) = mpsc::channel(limits.outbox.get());
        let (hang_up, reasons) = mpsc::channel(1);
        let said = Arc::new(OnceLock::new());
        let writing = write(socket.clone(), queued, reasons, said.clone(), limits);
        let writer = tokio::spawn(writing);
        Self {
            writer: AbortOnDropHandle::new(writer),
            socket: Some(socket),
            outbox,
            hang_up,
            writing: true,
            said,
            goodbye: false,
            reason: None,
            verdict: None,
            deadline: Box::pin(sleep(limits.silence)),
            silence: limits.silence.min(NEVER),
        }
    }

    /// Where messages are queued for the peer. `send` waits while it is full, and fails
    /// when the connection is over; `reserve` first, and a dropped wait loses nothing.
    /// A `Message::Close` is the last message that is written: from when the writer has
    /// taken it, `send` fails, and what was queued behind it is let go.
    pub fn outbox(&self) -> mpsc::Sender<Message> {
        self.outbox.clone()
    }
}
// ANCHOR_END: new

// ANCHOR: dial
/// Connects to a `ws://` address.
///
/// # Errors
/// [`SocketError::Silent`] when the handshake is not over after `limits.silence`.
///
/// # Cancel safety
/// Dropping it closes the socket. While a name is looked up there is none: the lookup
/// goes on, on a thread of Tokio's for what blocks.
pub async fn dial(
    url: &str,
    limits: Limits,
) -> Result<Connection<MaybeTlsStream<TcpStream>>, SocketError> {
    // The last one: without Nagle's algorithm, a small message does not wait.
    let handshake = connect_async_with_config(url, Some(limits.config()), true);
    match timeout(limits.silence, handshake).await {
        Ok(shaken) => Ok(Connection::new(shaken?.0, limits)),
        Err(_) => Err(SocketError::Silent(limits.silence)),
    }
}

/// The same for a server, with what its listener gave. For each client in a task of its
/// own: one that says nothing must not keep the next one out.
///
/// # Errors
/// As [`dial`].
///
/// # Cancel safety
/// Dropping it closes the socket.
pub async fn accept(
    wire: TcpStream,
    limits: Limits,
) -> Result<Connection<TcpStream>, SocketError> {
    wire.set_nodelay(true).map_err(Error::from)?;
    let handshake = accept_async_with_config(wire, Some(limits.config()));
    match timeout(limits.silence, handshake).await {
        Ok(shaken) => Ok(Connection::new(shaken?, limits)),
        Err(_) => Err(SocketError::Silent(limits.silence)),
    }
}
// ANCHOR_END: dial

/// `Duration::MAX` is for limits, not for sums; Tokio's `sleep` takes 30 years for it.
const NEVER: Duration = Duration::from_hours(24 * 365 * 30);

// ANCHOR: writer
/// The only one who writes messages. Nobody drops it but to end the connection.
async fn write<S>(
    socket: Shared<S>,
    mut queued: mpsc::Receiver<Message>,
    mut reasons: mpsc::Receiver<CloseFrame>,
    said: Arc<OnceLock<CloseCode>>,
    limits: Limits,
) -> Result<(), SocketError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let every = limits.ping.clamp(Duration::from_millis(1), NEVER);
    let mut pings = interval_at(Instant::now() + every, every);
    loop {
        let message = tokio::select! {
            biased;
            Some(frame) = reasons.recv() => Message::Close(Some(frame)),
            _ = pings.tick() => Message::Ping(Bytes::new()),
            Some(message) = queued.recv() => message,
        };
        let (ping, last) = (message.is_ping(), message.is_close());
        if let Message::Close(frame) = &message {
            // Nothing is written after it, so nothing more is taken.
            queued.close();
            frame.iter().for_each(|frame| _ = said.set(frame.code));
        }
        match timeout(limits.write, deliver(&socket, message)).await {
            Ok(written) => written?,
            Err(_) => return Err(SocketError::Stuck(limits.write)),
        }
        if last {
            return Ok(());
        }
        if ping {
            // However long it took, what is queued comes before the next.
            pings.reset();
        }
    }
}
// ANCHOR_END: writer

// ANCHOR: deliver
/// Pongs that wait for the peer would take the place of the message, so they go first.
/// None comes in between: the reader does not have the lock.
async fn deliver<S>(socket: &Shared<S>, message: Message) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut message = Some(message);
    poll_fn(|cx| {
        let mut socket = lock(socket);
        ready!(socket.poll_flush_unpin(cx))?;
        let Some(message) = message.take() else { return Poll::Ready(Ok(())) };
        socket.start_send_unpin(message)?;
        socket.poll_flush_unpin(cx)
    })
    .await
}
// ANCHOR_END: deliver

// ANCHOR: incoming
impl<S> Stream for Connection<S>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Item = Result<Message, SocketError>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Self::Item>> {
        let mut late = false;
        loop {
            let written = self.poll_writer(cx);
            if self.verdict.is_some() {
                ready!(written);
                return self.end();
            }
            let Some(socket) = &self.socket else { return Poll::Ready(None) };
            // A flood of pings gives no item; it must not keep the thread.
            let budget = ready!(coop::poll_proceed(cx));
            // The socket, the clock, the socket: who comes late finds the pongs.
            let next = lock(socket).poll_next_unpin(cx);
            match next {
                Poll::Ready(Some(Ok(message))) => {
                    budget.made_progress();
                    if let Some(data) = self.hear(message) {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
                Poll::Ready(Some(Err(error))) => self.fail(error),
                Poll::Ready(None) => return self.end(),
                Poll::Pending if late => return self.poll_silent(cx),
                Poll::Pending => {
                    ready!(self.poll_quiet(cx));
                    late = true;
                }
            }
        }
    }
}
// ANCHOR_END: incoming

impl<S> Connection<S>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    // ANCHOR: hear
    /// Whatever it is, the peer is alive. Text and binary messages are for the caller.
    fn hear(&mut self, message: Message) -> Option<Message> {
        let deadline = Instant::now() + self.silence;
        self.deadline.as_mut().reset(deadline);
        match message {
            // The next poll of the socket sends the answer to a ping.
            Message::Ping(_) | Message::Pong(_) => None,
            Message::Close(frame) => {
                self.closed(frame);
                None
            }
            data => Some(data),
        }
    }
    // ANCHOR_END: hear

    /// Ready when there is no more to wait for: the time is up, or a write broke.
    fn poll_quiet(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Without budget left, the socket has not looked.
        drop(ready!(coop::poll_proceed(cx)));
        if self.reason.is_some() && !self.goodbye {
            return Poll::Ready(());
        }
        self.deadline.as_mut().poll(cx)
    }

    fn poll_writer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.writing {
            let ended = ready!(self.writer.poll_unpin(cx));
            self.writing = false;
            let ended = ended.unwrap_or_else(|failed| match failed.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(_) => Ok(()),
            });
            match ended {
                // After the goodbye nothing can be written, and that is no failure.
                _ if self.goodbye || self.verdict.is_some() => {}
                // The peer may have said why before it hung up.
                Err(SocketError::Failed(Error::Io(lost))) => {
                    self.reason = Some(Error::Io(lost).into());
                }
                ended => self.verdict = ended.err(),
            }
        }
        Poll::Ready(())
    }

    /// The goodbye is answered by the next poll of the socket.
    fn closed(&mut self, frame: Option<CloseFrame>) {
        let bad = frame.filter(|CloseFrame { code, .. }| {
            let fine = matches!(code, CloseCode::Normal | CloseCode::Away);
            !fine && self.said.get() != Some(code)
        });
        self.goodbye = true;
        self.reason =
            bad.map(|CloseFrame { code, reason }| SocketError::Closed { code, reason });
    }

    /// Tells a peer who broke the protocol or a limit why we hang up.
    fn fail(&mut self, error: Error) {
        let code = fault(&error);
        if self.goodbye && code.is_none() {
            // It did not wait for the answer. The socket has ended, too.
            return;
        }
        self.verdict = Some(SocketError::Failed(error));
        let told = code.map(|code| {
            let reason = Utf8Bytes::default();
            self.hang_up.try_send(CloseFrame { code, reason })
        });
        self.writing &= matches!(told, Some(Ok(())));
    }

    /// A peer who has said goodbye owes us nothing but the end of the connection.
    fn poll_silent(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Message, SocketError>>> {
        ready!(self.poll_quiet(cx));
        if !self.goodbye && self.reason.is_none() {
            self.verdict = Some(SocketError::Silent(self.silence));
        }
        self.end()
    }

    /// Lets go of the socket, aborts the writer, and gives the last item.
    fn end(&mut self) -> Poll<Option<Result<Message, SocketError>>> {
        self.socket = None;
        self.writing = false;
        self.writer.abort();
        Poll::Ready(self.verdict.take().or(self.reason.take()).map(Err))
    }
}

/// The close code for what the peer did wrong; `None`: the connection is gone.
fn fault(error: &Error) -> Option<CloseCode> {
    match error {
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some(CloseCode::Protocol),
        Error::Capacity(CapacityError::MessageTooLong { .. }) => Some(CloseCode::Size),
        Error::Utf8(_) => Some(CloseCode::Invalid),
        _ => None,
    }
}

// ANCHOR: close
impl<S> Connection<S>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    /// Writes what is queued and a close frame, then reads until the peer has closed as
    /// well; messages that still come are thrown away.
    ///
    /// # Errors
    /// What the stream ends with, or [`SocketError::CloseTimeout`] after `limit`. After
    /// the close frame no ping goes out: let `limit` be less than `silence`.
    ///
    /// # Cancel safety
    /// Dropping it is dropping the connection.
    pub async fn close(mut self, limit: Duration) -> Result<(), SocketError> {
        let outbox = self.outbox();
        let (code, reason) = (CloseCode::Normal, Utf8Bytes::default());
        let goodbye = Message::Close(Some(CloseFrame { code, reason }));
        let handshake = async {
            // Both at once: a peer who waits for us to read makes no room to write.
            let (_, read) = tokio::join!(
                outbox.send(goodbye),
                (&mut self).try_for_each(|_| async { Ok(()) }),
            );
            read
        };
        let handshake = timeout(limit, handshake).await;
        handshake.unwrap_or(Err(SocketError::CloseTimeout(limit)))
    }
}
// ANCHOR_END: close

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;
    use futures::stream::SplitSink;

    // ANCHOR: raced_send
    /// Wrong: when a message comes in first, the send is dropped. What it held may be
    /// on its way, or lost.
    ///
    /// # Errors
    /// What the socket says.
    pub async fn exchange<S>(
        socket: WebSocketStream<S>,
        outgoing: Vec<Message>,
    ) -> Result<Vec<Message>, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (mut sink, mut stream) = socket.split();
        let mut received = Vec::new();
        for message in outgoing {
            tokio::select! {
                sent = sink.send(message) => sent?,
                Some(message) = stream.next() => received.push(message?),
            }
        }
        sink.close().await?;
        Ok(received)
    }
    // ANCHOR_END: raced_send

    // ANCHOR: deaf_while_writing
    /// Wrong: while it writes, it does not read. Two of them can wait for each other.
    ///
    /// # Errors
    /// What the socket says.
    pub async fn talk<S>(
        mut socket: WebSocketStream<S>,
        mut queued: mpsc::Receiver<Message>,
        mut heard: impl FnMut(Message),
    ) -> Result<(), Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            tokio::select! {
                Some(message) = queued.recv() => socket.send(message).await?,
                Some(message) = socket.next() => heard(message?),
                else => return Ok(()),
            }
        }
    }
    // ANCHOR_END: deaf_while_writing

    // ANCHOR: endless_queue
    /// Wrong: what a slow peer does not read piles up here.
    pub fn outbox<S>(
        mut sink: SplitSink<WebSocketStream<S>, Message>,
    ) -> mpsc::UnboundedSender<Message>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (outbox, mut queued) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(message) = queued.recv().await {
                if sink.send(message).await.is_err() {
                    return;
                }
            }
        });
        outbox
    }
    // ANCHOR_END: endless_queue

    // ANCHOR: hasty_goodbye
    /// Wrong: it hangs up on the goodbye, before the answer is sent.
    ///
    /// # Errors
    /// What the socket says.
    pub async fn listen<S>(mut socket: WebSocketStream<S>) -> Result<usize, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut count = 0;
        while let Some(message) = socket.next().await {
            if message?.is_close() {
                break;
            }
            count += 1;
        }
        Ok(count)
    }
    // ANCHOR_END: hasty_goodbye
}

#[cfg(test)]
mod tests {
    use super::*;
    use backend::cancel::{after_polls, at_every_await};
    use futures::future::{join, join3, select_all};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::net::TcpListener;
    use tokio::runtime::Handle;
    use tokio::task::yield_now;
    use tokio_tungstenite::tungstenite::protocol::Role;

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

    /// One message is being written, four wait for it, and no other has room.
    async fn fill(ours: &Ours) {
        ours.outbox().try_send(of_size(KIB)).unwrap();
        yield_now().await;
        for _ in 0..4 {
            ours.outbox().try_send(of_size(KIB)).unwrap();
        }
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
        assert!(
            soon(peer.next()).await.unwrap().unwrap().is_close(),
            "it was answered"
        );
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
        for (code, told) in [(CloseCode::Normal, None), (CloseCode::Error, overloaded)]
        {
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
        for (between, expected) in [(&b"\x8a\x00"[..], Some(text("abc"))), (b"", None)]
        {
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
                    () = async { theirs.await; std::future::pending().await } => {
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
        let limits = Limits { ping, write, ..LIMITS };
        let cases = [
            (ping + write, false),
            (ping + 2 * write - secs(4), false),
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
        let config = Some(LIMITS.config());
        let ours = WebSocketStream::from_raw_socket(ours, Role::Client, config).await;
        let ours = Connection::new(ours, Limits { ping: secs(1), ..LIMITS });
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
            let config = Some(LIMITS.config());
            let socket = WebSocketStream::from_raw_socket(wire, role, config).await;
            let mut connection = Connection::new(socket, LIMITS);
            let outbox = connection.outbox();
            ends.push(tokio::spawn(async move {
                let send = async {
                    for _ in 0..100 {
                        outbox.send(of_size(KIB)).await.unwrap();
                    }
                };
                let (count, ()) =
                    tokio::join!((&mut connection).take(100).count(), send);
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
            let config = Some(LIMITS.config());
            let socket = WebSocketStream::from_raw_socket(wire, role, config).await;
            ends.push(answer_twice(Connection::new(socket, LIMITS)));
        }
        let (error, ..) = soon(select_all(ends.into_iter().map(Box::pin))).await;
        assert!(matches!(error, SocketError::Stuck(_)), "{error}");
        assert_eq!(start.elapsed(), secs(5));
    }

    // The end.

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
    async fn close_tells_that_the_peer_was_lost() {
        let (ours, peer) = wired(KIB).await;
        drop(peer);
        let lost = soon(ours.close(secs(2))).await.unwrap_err();
        assert!(matches!(lost, SocketError::Failed(_)), "{lost:?}");
    }

    fn is_reset(end: Option<&Result<Message, Error>>) -> bool {
        matches!(
            end,
            Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)))
        )
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
                let config = Some(LIMITS.config());
                let ours =
                    WebSocketStream::from_raw_socket(ours, Role::Client, config).await;
                let closed = Connection::new(ours, LIMITS).close(secs(2)).await;
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

    #[tokio::test]
    async fn on_both_sides_a_small_message_does_not_wait() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let server = async {
            let (wire, _) = listener.accept().await.unwrap();
            accept(wire, LIMITS).await.unwrap()
        };
        let both = timeout(secs(60), join(dial(&url, LIMITS), server));
        let (client, server) = both.await.expect("it waits for ever");
        let client = client.unwrap().socket.take().unwrap();
        let client = lock(&client);
        let MaybeTlsStream::Plain(wire) = client.get_ref() else {
            panic!("it is no TLS")
        };
        assert!(wire.nodelay().unwrap());
        assert!(lock(server.socket.as_ref().unwrap()).get_ref().nodelay().unwrap());
    }

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
}

//! A WebSocket: what comes in is a stream, what goes out is a task.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::poll_fn;
use futures::stream::{FuturesUnordered, Stream, TryStreamExt};
use futures::{FutureExt, SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::coop;
use tokio::time::{Instant, Sleep, interval_at, sleep, timeout};
use tokio_tungstenite::tungstenite::client::{IntoClientRequest, uri_mode};
use tokio_tungstenite::tungstenite::error::{
    CapacityError, Error, ProtocolError, UrlError,
};
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::stream::Mode;
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};
use tokio_tungstenite::{
    WebSocketStream, accept_async_with_config, client_async_with_config,
};
use tokio_util::task::AbortOnDropHandle;

// ANCHOR: limits
/// What a connection may cost, and how long it may be silent.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest message of the peer, in bytes; ours may have almost 4 KiB more. Its
    /// pings and close frames count, too: with less than 125, some are refused.
    pub message: usize,
    /// Messages that wait to be written; a `send` that finds no room waits. More than
    /// [`Semaphore::MAX_PERMITS`] counts as that.
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
    /// Our close frame, and its code. The peer answers with the same.
    said: Arc<OnceLock<Option<CloseCode>>>,
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
        // A channel for more than that panics.
        let room = limits.outbox.get().min(Semaphore::MAX_PERMITS);
        let (outbox, queued) = mpsc::channel(room);
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

// ANCHOR: first_to_connect
/// Connects to the first of `addresses` that answers. They are asked in their order:
/// the next one when another has failed, or when `head_start` has passed without an
/// answer. Those before it go on meanwhile; when one has connected, all others are
/// dropped.
///
/// # Errors
/// What was said last, when all have failed; or that there is no address.
///
/// # Cancel safety
/// Dropping it drops all that are being asked.
pub async fn first_to_connect<A, F, Fut, C>(
    addresses: A,
    head_start: Duration,
    mut connect: F,
) -> io::Result<C>
where
    A: IntoIterator,
    F: FnMut(A::Item) -> Fut,
    Fut: Future<Output = io::Result<C>>,
{
    let mut addresses = addresses.into_iter();
    let mut asked = FuturesUnordered::new();
    let nobody = "the name has no address";
    let mut failed = io::Error::new(io::ErrorKind::NotFound, nobody);
    loop {
        let next = addresses.next();
        // After the last one, there is none to start.
        let patience = if next.is_some() { head_start } else { Duration::MAX };
        asked.extend(next.map(&mut connect));
        match timeout(patience, asked.next()).await {
            Ok(Some(Ok(connected))) => return Ok(connected),
            Ok(Some(Err(error))) => failed = error, // the next one at once
            Ok(None) => return Err(failed),
            Err(_) => {} // it is slow: the next one beside it
        }
    }
}
// ANCHOR_END: first_to_connect

// ANCHOR: dial
/// Connects to a `ws://` address. If its name has several addresses, one that does not
/// answer does not use up the time of the others: see [`first_to_connect`].
///
/// # Errors
/// [`SocketError::Silent`] when the handshake is not over after `limits.silence`;
/// [`SocketError::Failed`] when `url` is no `ws://` URL, its name is not found, or the
/// connection or the handshake fails.
///
/// # Cancel safety
/// Dropping it closes the socket. While a name is looked up there is none: the lookup
/// goes on, on a thread of Tokio's for what blocks.
pub async fn dial(
    url: &str,
    limits: Limits,
) -> Result<Connection<TcpStream>, SocketError> {
    dial_with(lookup_host, url, limits).await
}
// ANCHOR_END: dial

// ANCHOR: dial_with
/// RFC 8305 (*Happy Eyeballs*) recommends this much.
const HEAD_START: Duration = Duration::from_millis(250);

/// [`dial`] with a resolver of your own. It gets `name:port`.
///
/// # Errors
/// As [`dial`].
///
/// # Cancel safety
/// Dropping it drops the lookup, and closes the socket.
pub async fn dial_with<F, Fut, A>(
    resolve: F,
    url: &str,
    limits: Limits,
) -> Result<Connection<TcpStream>, SocketError>
where
    F: FnOnce(String) -> Fut,
    Fut: Future<Output = io::Result<A>>,
    A: IntoIterator<Item = SocketAddr>,
{
    let handshake = async {
        let request = url.into_client_request()?;
        let name = plain_name(request.uri())?;
        let addresses = resolve(name).await?;
        let wire = first_to_connect(addresses, HEAD_START, TcpStream::connect).await?;
        // Without Nagle's algorithm, a small message does not wait.
        wire.set_nodelay(true)?;
        client_async_with_config(request, wire, Some(limits.config())).await
    };
    match timeout(limits.silence, handshake).await {
        Ok(shaken) => Ok(Connection::new(shaken?.0, limits)),
        Err(_) => Err(SocketError::Silent(limits.silence)),
    }
}
// ANCHOR_END: dial_with

/// `name:port`, unless it takes TLS to talk to it.
fn plain_name(uri: &Uri) -> Result<String, Error> {
    if matches!(uri_mode(uri)?, Mode::Tls) {
        return Err(UrlError::TlsFeatureNotEnabled.into());
    }
    let host = uri.host().ok_or(UrlError::NoHostName)?;
    Ok(format!("{host}:{}", uri.port_u16().unwrap_or(80)))
}

// ANCHOR: accept
/// [`dial`] for a server, with what its listener gave. For each client in a task of its
/// own: one that says nothing must not keep the next one out.
///
/// # Errors
/// [`SocketError::Silent`] when the handshake is not over after `limits.silence`;
/// [`SocketError::Failed`] when it fails.
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
// ANCHOR_END: accept

/// `Duration::MAX` is for limits, not for sums; Tokio's `sleep` takes 30 years for it.
const NEVER: Duration = Duration::from_hours(24 * 365 * 30);

// ANCHOR: writer
/// The only one who writes messages. Nobody drops it but to end the connection.
async fn write<S>(
    socket: Shared<S>,
    mut queued: mpsc::Receiver<Message>,
    mut reasons: mpsc::Receiver<CloseFrame>,
    said: Arc<OnceLock<Option<CloseCode>>>,
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
            let _ = said.set(frame.as_ref().map(|frame| frame.code));
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
            !fine && self.said.get() != Some(&Some(*code))
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
mod tests;

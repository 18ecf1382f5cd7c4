//! A server that stops: it answers each request that it has begun, and drops what has not ended in time.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

// ANCHOR: accept
/// Where connections come from: a `TcpListener`, or a list in a test.
pub trait Accept: Send {
    /// A connection to one client.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Waits for the next connection.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Cancel safety
    /// If you drop this future, no connection is lost.
    fn accept(&mut self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Accept for TcpListener {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<TcpStream> {
        let (stream, _address) = TcpListener::accept(self).await?;
        Ok(stream)
    }
}
// ANCHOR_END: accept

// ANCHOR: report
/// What a server did until it ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// Requests that were answered: the whole reply was written.
    pub answered: usize,
    /// Connections that were still open at the end of the grace time, and were dropped.
    pub aborted: usize,
}
// ANCHOR_END: report

// ANCHOR: counts
/// The same, while tasks still count.
#[derive(Debug, Default)]
struct Counts {
    answered: AtomicUsize,
    aborted: AtomicUsize,
}

impl Counts {
    fn report(&self) -> Report {
        let answered = self.answered.load(Ordering::Relaxed);
        let aborted = self.aborted.load(Ordering::Relaxed);
        Report { answered, aborted }
    }
}
// ANCHOR_END: counts

/// Answers each line by a line, until `stop` is cancelled. Then it lets each connection
/// finish the requests that it has begun, for `grace` at most, and drops what is left.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, all connections are dropped too, also in the middle of a reply.
// ANCHOR: serve
pub async fn serve<L, H, Fut>(
    listener: L,
    answer: H,
    stop: CancellationToken,
    grace: Duration,
) -> Report
where
    L: Accept,
    H: Fn(String) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = String> + Send + 'static,
{
    let (connections, kill) = (TaskTracker::new(), CancellationToken::new());
    let counts = Arc::new(Counts::default());
    let killed_with_this = kill.clone().drop_guard();

    let start = |stream| {
        let (answer, counts) = (answer.clone(), Arc::clone(&counts));
        let (stop, kill) = (stop.clone(), kill.clone());
        connections.spawn(async move {
            let talk = converse(stream, &answer, &stop, &counts.answered);
            if kill.run_until_cancelled(talk).await.is_none() {
                counts.aborted.fetch_add(1, Ordering::Relaxed);
            }
        });
    };
    // ANCHOR: steps
    // 1. No new connections: the listener is dropped here.
    stop.run_until_cancelled(accept_all(listener, start)).await;
    // 2. Each connection sees `stop` too. Give them time to finish.
    connections.close();
    let _in_time = timeout(grace, connections.wait()).await;
    // 3. Drop the connections that are left.
    drop(killed_with_this);
    connections.wait().await;
    // ANCHOR_END: steps
    counts.report()
}
// ANCHOR_END: serve

// ANCHOR: converse
/// Answers one line after another, until the client closes or `stop` is cancelled.
async fn converse<S, H, Fut>(
    stream: S,
    answer: &H,
    stop: &CancellationToken,
    answered: &AtomicUsize,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Fn(String) -> Fut,
    Fut: Future<Output = String>,
{
    let mut stream = BufReader::new(stream);
    // ANCHOR: select_the_read
    loop {
        // No request has begun, so the connection may end here.
        let bytes = select! {
            biased; // a request that is here already goes first
            bytes = stream.fill_buf() => bytes?,
            () = stop.cancelled() => break,
        };
        if bytes.is_empty() {
            break; // the client has closed
        }
        // The request has begun: no `select!` until the reply is written.
        let Some(request) = read_line(&mut stream).await? else { break };
        let reply = answer(request).await + "\n";
        stream.write_all(reply.as_bytes()).await?;
        answered.fetch_add(1, Ordering::Relaxed);
        // What the buffer holds has been read from the client: answer that too.
        if stop.is_cancelled() && stream.buffer().is_empty() {
            break;
        }
    }
    // ANCHOR_END: select_the_read
    stream.shutdown().await
}
// ANCHOR_END: converse

// ANCHOR: read_line
/// The longest request, with its end of line, in bytes.
const LONGEST: u64 = 8 * 1024;

/// Reads a line without its end; `None` if the client closes in the middle of it.
///
/// # Errors
/// The line is longer than [`LONGEST`] or no UTF-8, or the connection is broken.
async fn read_line(
    stream: &mut (impl AsyncBufReadExt + Unpin),
) -> io::Result<Option<String>> {
    let mut line = String::new();
    let length = stream.take(LONGEST).read_line(&mut line).await?;
    if line.ends_with('\n') {
        return Ok(Some(line.trim_end().to_owned()));
    }
    if length as u64 == LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the line is too long"));
    }
    Ok(None)
}
// ANCHOR_END: read_line

// ANCHOR: accept_all
/// How long `accept` is not called after an error that is not about one client.
const PAUSE: Duration = Duration::from_secs(1);

/// Starts each connection that comes. This does not end.
///
/// # Cancel safety
/// If you drop this, `listener` is dropped too. Each connection that it has accepted
/// was passed to `start`.
pub async fn accept_all<L: Accept>(
    mut listener: L,
    start: impl Fn(L::Stream),
) -> Infallible {
    // ANCHOR: pause
    loop {
        match listener.accept().await {
            Ok(stream) => start(stream),
            Err(error) if is_about_one_client(&error) => {}
            Err(error) => {
                eprintln!("accept: {error}"); // at work: into the log
                sleep(PAUSE).await; // the next call would fail at once
            }
        }
    }
    // ANCHOR_END: pause
}

/// The client went away before it was accepted, so the next one may be fine.
fn is_about_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
// ANCHOR_END: accept_all

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: one loop takes a request *or* the stop, and what waits is dropped. Gives how
    /// many were answered.
    pub async fn one_loop<H, Fut>(
        mut requests: tokio::sync::mpsc::Receiver<String>,
        answer: H,
        stop: CancellationToken,
    ) -> usize
    where
        H: Fn(String) -> Fut,
        Fut: Future<Output = String>,
    {
        let mut answered = 0;
        // ANCHOR: one_loop
        loop {
            select! {
                Some(request) = requests.recv() => {
                    answer(request).await;
                    answered += 1;
                }
                () = stop.cancelled() => break,
            }
        }
        // ANCHOR_END: one_loop
        answered
    }

    /// Wrong: the stop ends a request at any of its awaits, and cuts its reply.
    ///
    /// # Errors
    /// The connection is broken.
    pub async fn converse<S, H, Fut>(
        stream: S,
        answer: &H,
        stop: &CancellationToken,
    ) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
        H: Fn(String) -> Fut,
        Fut: Future<Output = String>,
    {
        let mut stream = BufReader::new(stream);
        // ANCHOR: select_all
        loop {
            let exchange = async {
                let Some(request) = read_line(&mut stream).await? else {
                    return Ok(false); // the client has closed
                };
                let reply = answer(request).await + "\n";
                stream.write_all(reply.as_bytes()).await?;
                io::Result::Ok(true)
            };
            let go_on = select! {
                go_on = exchange => go_on?,
                () = stop.cancelled() => break,
            };
            if !go_on {
                break;
            }
        }
        // ANCHOR_END: select_all
        stream.shutdown().await
    }

    /// Wrong: while no file can be opened, `accept` fails at once, again and again.
    pub async fn accept_all<L: Accept>(
        mut listener: L,
        start: impl Fn(L::Stream),
    ) -> Infallible {
        // ANCHOR: no_pause
        loop {
            match listener.accept().await {
                Ok(stream) => start(stream),
                Err(error) => {
                    eprintln!("accept: {error}"); // at work: into the log
                }
            }
        }
        // ANCHOR_END: no_pause
    }
}

#[cfg(test)]
mod tests;

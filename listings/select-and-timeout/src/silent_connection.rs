//! A connection whose peer may be gone without a word: a limit for each wait, and a ping.

use std::io;
use std::time::Duration;

use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, Lines,
};
use tokio::time::{Instant, timeout, timeout_at};

// ANCHOR: limits
/// How long a connection waits for its peer.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// After so long without a line, a ping goes out.
    pub quiet: Duration,
    /// After so long without a line after the ping, the peer is lost.
    pub answer: Duration,
    /// After so long in which a line was not written, the peer is lost.
    pub write: Duration,
}

/// Why a connection is of no use any more.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// No line came after a ping.
    #[error("the peer did not answer a ping")]
    Silent,
    /// A line was not written within the limit.
    #[error("the peer does not take what is sent")]
    TakesNothing,
    /// An earlier line or ping has failed, or was dropped.
    #[error("an earlier line was sent only in part")]
    HalfSent,
    /// Reading or writing has failed.
    #[error("the connection is broken")]
    Io(#[from] io::Error),
}
// ANCHOR_END: limits

// ANCHOR: connection
/// Lines of text from a peer and to it, with a limit for each wait.
#[derive(Debug)]
pub struct Connection<S> {
    lines: Lines<BufReader<S>>,
    limits: Limits,
    due: Instant, // when the next line must have come
    asked: bool,  // whether a ping has gone out since the last line
    half_sent: bool,
}
// ANCHOR_END: connection

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// The quiet begins now.
    ///
    /// # Panics
    /// `limits.quiet` is so long that no `Instant` can hold its end.
    pub fn new(peer: S, limits: Limits) -> Self {
        let due = Instant::now() + limits.quiet;
        let lines = BufReader::new(peer).lines();
        Self { lines, limits, due, asked: false, half_sent: false }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// The next line that is no answer to a ping, or `None` if the peer has closed.
    ///
    /// # Errors
    /// The peer is lost. Drop the connection.
    ///
    /// # Panics
    /// `quiet` or `answer` is so long that no `Instant` can hold its end; or outside a
    /// Tokio runtime.
    ///
    /// # Cancel safety
    /// If you drop this while it reads, nothing is lost, and the limits run on. If you drop
    /// it while it sends a ping of which a part is gone, each later call that sends fails.
    // ANCHOR: next
    pub async fn next(&mut self) -> Result<Option<String>, Lost> {
        loop {
            // ANCHOR: remembers
            let line = timeout_at(self.due, self.lines.next_line()).await;
            // ANCHOR_END: remembers
            match line {
                Ok(Ok(Some(line))) => {
                    self.asked = false;
                    self.due = Instant::now() + self.limits.quiet;
                    if line != "PONG" {
                        return Ok(Some(line));
                    }
                }
                Ok(end) => return Ok(end?), // the peer has closed, or an error
                Err(_late) if self.asked => return Err(Lost::Silent),
                Err(_late) => {
                    self.send("PING").await?;
                    self.asked = true;
                    self.due = Instant::now() + self.limits.answer;
                }
            }
        }
    }
    // ANCHOR_END: next

    /// Sends one line.
    ///
    /// # Errors
    /// The peer is lost. Drop the connection.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    ///
    /// # Cancel safety
    /// If you drop this after its first poll, each later call that sends fails, because the
    /// peer may have a part of the line.
    // ANCHOR: send
    pub async fn send(&mut self, line: &str) -> Result<(), Lost> {
        if self.half_sent {
            return Err(Lost::HalfSent);
        }
        self.half_sent = true; // and so it stays if this is dropped, or fails
        let text = format!("{line}\n");
        let peer = self.lines.get_mut();
        let write = async {
            peer.write_all(text.as_bytes()).await?;
            peer.flush().await
        };
        match timeout(self.limits.write, write).await {
            Ok(written) => written?,
            Err(_late) => return Err(Lost::TakesNothing),
        }
        self.half_sent = false;
        Ok(())
    }
    // ANCHOR_END: send
}

/// Answers each line, until the peer closes.
///
/// # Errors
/// The peer is lost. Drop the connection.
///
/// # Panics
/// As [`Connection::next`].
///
/// # Cancel safety
/// If you drop this, a line may be without its answer, or with a part of it.
pub async fn answer_all<S: AsyncRead + AsyncWrite + Unpin>(
    connection: &mut Connection<S>,
    mut answer: impl FnMut(&str) -> String,
) -> Result<(), Lost> {
    // ANCHOR: with_limits
    while let Some(line) = connection.next().await? {
        let text = answer(&line);
        connection.send(&text).await?;
    }
    // ANCHOR_END: with_limits
    Ok(())
}

/// Writes `bytes`. The peer may take as long as it needs, if it takes some of them in each
/// `limit`.
///
/// # Errors
/// The peer is lost. Drop the connection.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, a part of `bytes` may have been written. Nobody knows how many.
pub async fn write_in_pieces<W>(
    writer: &mut W,
    mut bytes: &[u8],
    limit: Duration,
) -> Result<(), Lost>
where
    W: AsyncWrite + Unpin,
{
    // ANCHOR: each_piece
    while !bytes.is_empty() {
        match timeout(limit, writer.write(bytes)).await {
            Ok(Ok(0)) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
            Ok(written) => bytes = &bytes[written?..],
            Err(_late) => return Err(Lost::TakesNothing),
        }
    }
    // ANCHOR_END: each_piece
    match timeout(limit, writer.flush()).await {
        Ok(flushed) => Ok(flushed?),
        Err(_late) => Err(Lost::TakesNothing),
    }
}

/// How it goes wrong.
pub mod naive {
    use super::*;

    /// Wrong: both awaits wait for ever.
    ///
    /// # Errors
    /// The connection is broken.
    pub async fn answer_all<S: AsyncRead + AsyncWrite + Unpin>(
        peer: S,
        mut answer: impl FnMut(&str) -> String,
    ) -> io::Result<()> {
        let mut lines = BufReader::new(peer).lines();
        // ANCHOR: no_limits
        while let Some(line) = lines.next_line().await? {
            let text = answer(&line);
            lines.get_mut().write_all(text.as_bytes()).await?;
        }
        // ANCHOR_END: no_limits
        Ok(())
    }

    /// Wrong: a drop of this future forgets how long the peer has been quiet.
    ///
    /// # Errors
    /// The peer is lost.
    pub async fn next<S: AsyncRead + AsyncWrite + Unpin>(
        lines: &mut Lines<BufReader<S>>,
        limits: Limits,
    ) -> Result<Option<String>, Lost> {
        // ANCHOR: forgets
        let line = timeout(limits.quiet, lines.next_line()).await;
        // ANCHOR_END: forgets
        match line {
            Ok(line) => Ok(line?),
            Err(_late) => Err(Lost::Silent),
        }
    }

    /// Wrong: a peer that is slow and well is lost.
    ///
    /// # Errors
    /// The peer is lost.
    pub async fn write_at_once<W: AsyncWrite + Unpin>(
        writer: &mut W,
        bytes: &[u8],
        limit: Duration,
    ) -> Result<(), Lost> {
        // ANCHOR: one_limit
        match timeout(limit, writer.write_all(bytes)).await {
            Ok(written) => written?,
            Err(_late) => return Err(Lost::TakesNothing),
        }
        // ANCHOR_END: one_limit
        Ok(())
    }
}

#[cfg(test)]
mod tests;

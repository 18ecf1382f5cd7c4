//! A log that is larger than memory.

use std::borrow::Cow;
use std::fs::File;
use std::future::Future; // only edition 2021 needs this line
use std::io::{self, BufRead, Read};
use std::mem;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};

use futures::stream::{self, Stream, StreamExt};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::task::spawn_blocking;

/// Why a log was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// It cannot be opened.
    #[error("cannot open {}", path.display())]
    Open {
        /// The log.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It cannot be read any further.
    #[error("cannot read line {number}")]
    Read {
        /// From 1.
        number: u64,
        /// What the system said.
        source: io::Error,
    },
    /// A line is longer than the caller wants to hold.
    #[error("line {number} has more than {limit} bytes")]
    TooLong {
        /// From 1.
        number: u64,
        /// The longest line that is taken, in bytes, without its line feed.
        limit: NonZeroUsize,
    },
    /// The runtime shut down, or nobody wanted the result any more.
    #[error("stopped before the end")]
    Stopped,
}

// ANCHOR: one_buffer
/// One line, in the buffer that the next one will be read into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// From 1.
    pub number: u64,
    /// Without the line end, `\n` or `\r\n`.
    pub bytes: &'a [u8],
}

impl<'a> Line<'a> {
    /// The line as text; what is not UTF-8 is replaced by `\u{FFFD}`.
    pub fn text(self) -> Cow<'a, str> {
        match str::from_utf8(self.bytes) {
            Ok(text) => Cow::Borrowed(text), // checked faster than by the next line
            Err(_) => String::from_utf8_lossy(self.bytes),
        }
    }
}

/// Reads a log line by line into one buffer.
#[derive(Debug)]
pub struct LogLines<R> {
    reader: R,
    limit: NonZeroUsize,
    /// What has been read of a line; a `next` that is dropped leaves it here.
    line: Vec<u8>,
    /// `line` was handed out or refused, and will be cleared.
    done: bool,
    /// `line` was refused, and its end has not been found.
    too_long: bool,
    number: u64,
    /// Where `line` begins, in bytes from the beginning of the reader.
    begins: u64,
    position: u64,
}
// ANCHOR_END: one_buffer

// ANCHOR: next
impl<R: AsyncBufRead + Unpin> LogLines<R> {
    /// The next line, or `None` at the end.
    ///
    /// # Errors
    /// A line is too long: the next call goes on after it. Or the reader fails: the
    /// next call tries the same line again.
    ///
    /// # Cancel safety
    /// Dropped, it loses nothing: what has come of the line is kept for the next call.
    pub async fn next(&mut self) -> Result<Option<Line<'_>>, LogError> {
        while self.too_long {
            self.clear();
            self.read_on().await?;
            self.too_long = cut_off(&self.line, self.limit);
        }
        if mem::take(&mut self.done) {
            self.clear();
        }
        self.read_on().await?;
        if self.line.is_empty() {
            return Ok(None);
        }
        (self.number, self.done) = (self.number + 1, true);
        if cut_off(&self.line, self.limit) {
            self.too_long = true;
            return Err(LogError::TooLong { number: self.number, limit: self.limit });
        }
        self.position = self.begins + self.line.len() as u64;
        Ok(Some(Line { number: self.number, bytes: without_end(&self.line) }))
    }

    /// Reads to the end of the line, and no more than one byte beyond its limit.
    async fn read_on(&mut self) -> Result<(), LogError> {
        let room = most_bytes(self.limit) - self.line.len() as u64;
        let mut rest = (&mut self.reader).take(room);
        let read = rest.read_until(b'\n', &mut self.line).await;
        let number = self.number + u64::from(!self.too_long);
        read.map(drop).map_err(|source| LogError::Read { number, source })
    }
}
// ANCHOR_END: next

impl<R> LogLines<R> {
    /// Reads from `reader`; no line may have more than `limit` bytes without its line
    /// feed. At most twice that is held.
    pub const fn new(reader: R, limit: NonZeroUsize) -> Self {
        Self {
            reader,
            limit,
            line: Vec::new(),
            done: false,
            too_long: false,
            number: 0,
            begins: 0,
            position: 0,
        }
    }

    /// Where the last line ended that was handed out, in bytes from the beginning of the
    /// reader: a later run begins there.
    pub const fn position(&self) -> u64 {
        self.position
    }

    fn clear(&mut self) {
        self.begins += self.line.len() as u64;
        self.line.clear();
    }
}

/// With the line feed.
fn most_bytes(limit: NonZeroUsize) -> u64 {
    (limit.get() as u64).saturating_add(1)
}

fn cut_off(line: &[u8], limit: NonZeroUsize) -> bool {
    line.len() as u64 == most_bytes(limit) && !line.ends_with(b"\n")
}

fn without_end(line: &[u8]) -> &[u8] {
    match line.strip_suffix(b"\n") {
        Some(line) => line.strip_suffix(b"\r").unwrap_or(line),
        None => line,
    }
}

// ANCHOR: fold
/// Opens a log, to be read `buffer` bytes at a time, with lines of at most `limit`.
///
/// # Errors
/// It cannot be opened.
///
/// # Panics
/// With a `buffer` beyond `isize::MAX`.
///
/// # Cancel safety
/// Dropped, it leaves no file open.
pub async fn open(
    path: &Path,
    buffer: NonZeroUsize,
    limit: NonZeroUsize,
) -> Result<LogLines<BufReader<tokio::fs::File>>, LogError> {
    let opened = tokio::fs::File::open(path).await;
    let file =
        opened.map_err(|source| LogError::Open { path: path.to_owned(), source })?;
    Ok(LogLines::new(BufReader::with_capacity(buffer.get(), file), limit))
}

impl<R: AsyncBufRead + Unpin> LogLines<R> {
    /// Folds all lines into one value.
    ///
    /// # Errors
    /// The first line that is too long or cannot be read.
    ///
    /// # Cancel safety
    /// Dropping the future drops the value, the reader, and what it has read ahead.
    pub async fn fold<A, F>(mut self, start: A, mut step: F) -> Result<A, LogError>
    where
        F: FnMut(A, Line<'_>) -> A,
    {
        let mut all = start;
        while let Some(line) = self.next().await? {
            all = step(all, line);
        }
        Ok(all)
    }
}
// ANCHOR_END: fold

// ANCHOR: texts
/// The lines as a stream, each in a `String` of its own. After a line that is too long
/// it goes on; after a failed read it ends.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream drops the reader, and what it
/// has read ahead.
pub fn texts<R>(lines: LogLines<R>) -> impl Stream<Item = Result<String, LogError>>
where
    R: AsyncBufRead + Unpin,
{
    let mut lines = Some(lines); // `None`: it has ended
    stream::poll_fn(move |cx| {
        let Some(reader) = &mut lines else { return Poll::Ready(None) };
        // A `next` of its own at each poll: one that is dropped loses nothing.
        let line = ready!(pin!(reader.next()).poll(cx)).transpose();
        let text = line.map(|line| line.map(|line| line.text().into_owned()));
        if !matches!(text, Some(Ok(_) | Err(LogError::TooLong { .. }))) {
            lines = None;
        }
        Poll::Ready(text)
    })
}
// ANCHOR_END: texts

// ANCHOR: on_a_thread
/// Folds all lines of the log at `path` on one blocking thread.
///
/// # Errors
/// The file cannot be opened, a line is too long or cannot be read, or the runtime shut
/// down.
///
/// # Panics
/// When `step` does, or with a `buffer` beyond `isize::MAX`.
///
/// # Cancel safety
/// Dropped, it stops the thread before the next line.
pub async fn fold_on_a_thread<A, F>(
    path: impl Into<PathBuf>,
    buffer: NonZeroUsize,
    limit: NonZeroUsize,
    start: A,
    mut step: F,
) -> Result<A, LogError>
where
    A: Send + 'static,
    F: FnMut(A, Line<'_>) -> A + Send + 'static,
{
    let path = path.into();
    // A thread cannot be dropped: it looks whether this future still exists.
    let caller = Arc::new(());
    let waits = Arc::downgrade(&caller);
    let thread = spawn_blocking(move || {
        let file =
            File::open(&path).map_err(|source| LogError::Open { path, source })?;
        let reader = io::BufReader::with_capacity(buffer.get(), file);
        let wanted = || waits.strong_count() > 0;
        fold_now(reader, limit, start, |all, line| wanted().then(|| step(all, line)))
    });
    let end = thread.await;
    drop(caller);
    end.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => Err(LogError::Stopped),
    })
}
// ANCHOR_END: on_a_thread

// ANCHOR: blocking
/// Folds all lines, or until `step` gives `None`, for code that may block.
///
/// # Errors
/// A line is too long or cannot be read, or `step` stopped it.
pub fn fold_now<R, A, F>(
    mut reader: R,
    limit: NonZeroUsize,
    start: A,
    mut step: F,
) -> Result<A, LogError>
where
    R: BufRead,
    F: FnMut(A, Line<'_>) -> Option<A>,
{
    let (mut all, mut line) = (start, Vec::new());
    for number in 1.. {
        line.clear();
        let mut rest = reader.by_ref().take(most_bytes(limit));
        let read = rest.read_until(b'\n', &mut line);
        if read.map_err(|source| LogError::Read { number, source })? == 0 {
            break;
        }
        if cut_off(&line, limit) {
            return Err(LogError::TooLong { number, limit });
        }
        let line = Line { number, bytes: without_end(&line) };
        all = step(all, line).ok_or(LogError::Stopped)?;
    }
    Ok(all)
}
// ANCHOR_END: blocking

/// What most code starts with, kept to be measured against.
#[expect(clippy::missing_errors_doc, reason = "what goes wrong is on the page")]
pub mod naive {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;
    use tokio_stream::wrappers::LinesStream;

    // ANCHOR: collected
    /// Wrong: holds the whole log before the first line is looked at.
    pub async fn collect_first<A, F>(path: &Path, start: A, step: F) -> io::Result<A>
    where
        F: FnMut(A, String) -> A,
    {
        let file = tokio::fs::File::open(path).await?;
        let lines = LinesStream::new(BufReader::new(file).lines());
        let lines: Vec<_> = lines.collect().await;
        let lines: Vec<_> = lines.into_iter().collect::<io::Result<_>>()?;
        Ok(lines.into_iter().fold(start, step))
    }
    // ANCHOR_END: collected

    // ANCHOR: line_lost
    /// Wrong: at the limit, what has come of the line is lost. `line` is empty, too.
    pub async fn next_within<R>(
        limit: Duration,
        reader: &mut R,
        line: &mut String,
    ) -> Option<io::Result<usize>>
    where
        R: AsyncBufRead + Unpin,
    {
        timeout(limit, reader.read_line(line)).await.ok()
    }
    // ANCHOR_END: line_lost

    // ANCHOR: cannot_be_dropped
    /// Wrong: dropped, it goes on to the end of the log, for nobody.
    pub async fn fold_to_the_end<R, A, F>(
        reader: R,
        limit: NonZeroUsize,
        start: A,
        mut step: F,
    ) -> Result<A, LogError>
    where
        R: BufRead + Send + 'static,
        A: Send + 'static,
        F: FnMut(A, Line<'_>) -> A + Send + 'static,
    {
        let all =
            move || fold_now(reader, limit, start, |all, line| Some(step(all, line)));
        spawn_blocking(all).await.map_err(|_| LogError::Stopped)?
    }
    // ANCHOR_END: cannot_be_dropped
}

#[cfg(test)]
mod tests;

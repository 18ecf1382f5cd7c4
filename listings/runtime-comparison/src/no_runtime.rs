//! What a library does without a runtime: time, tasks and sockets come from its caller.

use std::future::Future; // only edition 2021 needs this line
use std::io;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::time::Duration;

use futures::future::{BoxFuture, Either, FutureExt, RemoteHandle, select};
use futures::stream::{Stream, StreamExt};
use futures::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

// ANCHOR: too_late
/// The work had not ended at its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it took too long")]
pub struct TooLate;
// ANCHOR_END: too_late

/// What `work` gives, unless the future of `sleep(limit)` is ready before.
///
/// # Errors
/// It is ready before.
///
/// # Cancel safety
/// If you drop this, `work` and the sleep are dropped. At the limit too.
// ANCHOR: within
pub async fn within<F: Future, S: Future>(
    work: F,
    limit: Duration,
    sleep: impl FnOnce(Duration) -> S,
) -> Result<F::Output, TooLate> {
    match select(pin!(work), pin!(sleep(limit))).await {
        Either::Left((output, _sleep)) => Ok(output),
        Either::Right((_time, _work)) => Err(TooLate),
    }
}
// ANCHOR_END: within

/// Calls `process` for each item, and waits for at most `limit` of its futures at once.
/// Gives their outputs in the order of the items.
///
/// # Cancel safety
/// If you drop a future of `next()`, nothing is lost. If you drop the stream, all futures
/// in it are dropped.
// ANCHOR: process_items
pub fn process_items<T: Stream, F: Future>(
    items: T,
    limit: NonZeroUsize,
    process: impl FnMut(T::Item) -> F,
) -> impl Stream<Item = F::Output> {
    items.map(process).buffered(limit.get())
}
// ANCHOR_END: process_items

/// Starts `work` as a task by `spawn`. A drop of the handle cancels the task, and its
/// `forget()` lets the task go on. A panic goes on in whoever awaits the handle.
// ANCHOR: start
pub fn start<F>(
    work: F,
    spawn: impl FnOnce(BoxFuture<'static, ()>),
) -> RemoteHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let (task, handle) = work.remote_handle();
    spawn(task.boxed());
    handle
}
// ANCHOR_END: start

/// Why there is no line.
// ANCHOR: line_error
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// The connection has failed.
    #[error("the connection has failed")]
    Io(#[from] io::Error),
    /// Its end did not come within the limit.
    #[error("the line is longer than {0} bytes")]
    TooLong(u64),
}
// ANCHOR_END: line_error

/// Reads a line of at most `most` bytes, without its end. `None`: no line is left.
///
/// # Errors
/// The line is longer, or the connection has failed.
///
/// # Cancel safety
/// If you drop this, the part of the line that was read is lost.
// ANCHOR: read_line
pub async fn read_line<R>(
    reader: &mut R,
    most: u64,
) -> Result<Option<Vec<u8>>, LineError>
where
    R: AsyncBufRead + Unpin, // of the crate futures
{
    let mut line = Vec::new();
    let mut limited = reader.take(most.saturating_add(1)); // one more, for its end
    if limited.read_until(b'\n', &mut line).await? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    if line.len() as u64 > most {
        return Err(LineError::TooLong(most));
    }
    Ok(Some(line))
}
// ANCHOR_END: read_line

/// What a library does that only Tokio can run. Kept to be measured against.
pub mod naive {
    use futures::future::join_all;
    use tokio::time::timeout;

    use super::*;

    /// Wrong for a library: outside of Tokio, it panics.
    ///
    /// # Errors
    /// `work` has not ended at the limit.
    ///
    /// # Panics
    /// Outside of Tokio.
    // ANCHOR: of_tokio
    pub async fn within<F: Future>(
        work: F,
        limit: Duration,
    ) -> Result<F::Output, TooLate> {
        // ANCHOR: of_tokio_line
        timeout(limit, work).await.map_err(|_| TooLate)
        // ANCHOR_END: of_tokio_line
    }
    // ANCHOR_END: of_tokio

    /// Wrong: all items at once, however many there are.
    // ANCHOR: all_at_once
    pub async fn process_items<T, F: Future>(
        items: impl IntoIterator<Item = T>,
        process: impl FnMut(T) -> F,
    ) -> Vec<F::Output> {
        join_all(items.into_iter().map(process)).await
    }
    // ANCHOR_END: all_at_once
}

#[cfg(test)]
mod tests;

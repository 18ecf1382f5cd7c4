//! Generators, of which stable Rust has none.

use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;

use async_stream::{stream, try_stream};
use futures::future::{FutureExt, lazy};
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use thiserror::Error;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinError;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::AbortOnDropHandle;

// ANCHOR: try_stream
/// All rows of a list that comes in pages, up to the first empty page, or the first
/// error. A page is fetched when its first row is asked for.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream drops the fetch where it
/// waits, and the rows that were not asked for.
pub fn rows<T, E, F, Fut>(mut fetch: F) -> impl Stream<Item = Result<T, E>>
where
    F: FnMut(u32) -> Fut,
    Fut: Future<Output = Result<Vec<T>, E>>,
{
    try_stream! {
        for page in 0.. {
            let rows = fetch(page).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                yield row;
            }
        }
    }
}
// ANCHOR_END: try_stream

// ANCHOR: try_unfold
/// As [`rows`], without a macro: pages first, then the rows in them.
///
/// # Cancel safety
/// As [`rows`].
pub fn rows_unfolded<T, E, F, Fut>(fetch: F) -> impl Stream<Item = Result<T, E>>
where
    F: FnMut(u32) -> Fut,
    Fut: Future<Output = Result<Vec<T>, E>>,
{
    stream::try_unfold((0, fetch), |(page, mut fetch)| async move {
        let rows = fetch(page).await?;
        Ok((!rows.is_empty()).then_some((rows, (page + 1, fetch))))
    })
    .map_ok(|rows| stream::iter(rows).map(Ok))
    .try_flatten()
}
// ANCHOR_END: try_unfold

// ANCHOR: on_a_task
/// Runs `produce` on a task of its own, from the first poll on; what it sends are the
/// items. It is ahead by at most `capacity` items and the one that it is sending.
///
/// An error or a panic of `produce` is the last item, after those it has sent. The end
/// comes when it has returned and no clone of its sender is left.
///
/// # Panics
/// When it is first polled: outside a Tokio runtime, or with a `capacity` of more than
/// [`Semaphore::MAX_PERMITS`](tokio::sync::Semaphore::MAX_PERMITS).
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream drops the items not read, and
/// aborts the task: when the runtime next runs it, or where it next has to wait, it is
/// dropped. A `produce` that never waits runs to its end.
pub fn generate<T, E, F, Fut>(
    capacity: NonZeroUsize,
    produce: F,
) -> impl Stream<Item = Result<T, Stopped<E>>>
where
    F: FnOnce(mpsc::Sender<T>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<(), E>> + Send,
    T: Send + 'static,
    E: Send + 'static,
{
    let started = lazy(move |_| {
        let (tx, items) = mpsc::channel(capacity.get());
        let task = tokio::spawn(async move { produce(tx).await });
        let task = AbortOnDropHandle::new(task); // in the stream, from now on
        let end = task.map(|end| match end {
            Ok(end) => end.err().map(Stopped::Failed),
            Err(error) => Some(Stopped::Died(error)),
        });
        let end = stream::once(end).filter_map(|error| async move { error.map(Err) });
        ReceiverStream::new(items).map(Ok).chain(end)
    });
    started.flatten_stream()
}
// ANCHOR_END: on_a_task

// ANCHOR: why_it_stopped
/// Why there are no more items, where that is not simply the end.
#[derive(Debug, Error)]
pub enum Stopped<E> {
    /// The producer returned an error.
    #[error("the producer failed")]
    Failed(#[source] E),
    /// The producer panicked, or its runtime was shut down.
    #[error("the producer did not come to its end")]
    Died(#[source] JoinError),
}
// ANCHOR_END: why_it_stopped

// ANCHOR: rows_on_a_task
/// As [`rows`], fetched ahead: a page and its rows while the reader is busy.
///
/// # Panics
/// As [`generate`].
///
/// # Cancel safety
/// As [`generate`]: a fetch is dropped where it waits.
pub fn rows_ahead<T, E, F, Fut>(
    capacity: NonZeroUsize,
    mut fetch: F,
) -> impl Stream<Item = Result<T, Stopped<E>>>
where
    F: FnMut(u32) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Vec<T>, E>> + Send,
    T: Send + 'static,
    E: Send + 'static,
{
    generate(capacity, move |tx| async move {
        for page in 0.. {
            let rows = fetch(page).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                if tx.send(row).await.is_err() {
                    return Ok(()); // nobody reads any more: not an error
                }
            }
        }
        Ok(())
    })
}
// ANCHOR_END: rows_on_a_task

// ANCHOR: copied_first
/// The rows of a table that others use, too: copied, and then handed out.
///
/// # Cancel safety
/// As [`rows`]; the lock is free before the first row comes out.
pub fn table<T: Clone>(table: Arc<Mutex<Vec<T>>>) -> impl Stream<Item = T> {
    stream! {
        let rows = table.lock().await.clone();
        for row in rows {
            yield row;
        }
    }
}
// ANCHOR_END: copied_first

// ANCHOR: until_closed
/// Passes `source` on until it ends or nobody reads any more, then returns: for a task
/// that is not aborted, because it has something to finish.
///
/// # Cancel safety
/// Dropping the future drops `source`, and an item that it waits to send.
pub async fn forward<S: Stream>(source: S, tx: mpsc::Sender<S::Item>) {
    let mut source = pin!(source);
    loop {
        let item = if let Some(item) = source.next().now_or_never() {
            item // it was there
        } else {
            tokio::select! {
                () = tx.closed() => return, // however quiet the source is
                item = source.next() => item,
            }
        };
        let Some(item) = item else { return };
        if tx.send(item).await.is_err() {
            return;
        }
    }
}
// ANCHOR_END: until_closed

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    // ANCHOR: nobody_holds_the_task
    /// Wrong: nobody holds the task, and nobody asks how it ended.
    pub fn generate<T, F, Fut>(
        capacity: NonZeroUsize,
        produce: F,
    ) -> impl Stream<Item = T>
    where
        F: FnOnce(mpsc::Sender<T>) -> Fut,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let (tx, items) = mpsc::channel(capacity.get());
        tokio::spawn(produce(tx));
        ReceiverStream::new(items)
    }
    // ANCHOR_END: nobody_holds_the_task

    // ANCHOR: locked_over_a_yield
    /// Wrong: while the reader works on a row, the table stays locked.
    pub fn table<T: Clone>(table: Arc<Mutex<Vec<T>>>) -> impl Stream<Item = T> {
        stream! {
            let rows = table.lock().await;
            for row in rows.iter() {
                yield row.clone();
            }
        }
    }
    // ANCHOR_END: locked_over_a_yield
}

#[cfg(test)]
mod tests;

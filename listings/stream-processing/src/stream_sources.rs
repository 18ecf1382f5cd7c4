//! Where streams come from.

use std::future::Future;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::pin::pin;

use futures::stream::{self, Stream, StreamExt};
use tokio::select;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::AbortOnDropHandle;

// ANCHOR: one_request_each
/// One page of a list, and where the next page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, C> {
    /// What is on it.
    pub items: Vec<T>,
    /// What to ask for next; `None`: this is the last page.
    pub next: Option<C>,
}

/// The pages from `first` on: one request each, made when the page is asked for. An
/// error is the last item.
///
/// # Cancel safety
/// A dropped `next()` keeps its request; the next call goes on with it. Dropping the
/// stream drops the request, and no other is made.
pub fn pages<C, T, E, F, Fut>(
    first: C,
    mut fetch: F,
) -> impl Stream<Item = Result<Vec<T>, E>>
where
    F: FnMut(C) -> Fut,
    Fut: Future<Output = Result<Page<T, C>, E>>,
{
    stream::try_unfold(Some(first), move |cursor| {
        let request = cursor.map(&mut fetch);
        async move {
            let Some(request) = request else { return Ok(None) };
            let page = request.await?;
            Ok(Some((page.items, page.next)))
        }
    })
}
// ANCHOR_END: one_request_each

// ANCHOR: small_sources
/// The value now, and then its changes.
pub fn now_and_then<T>(
    now: impl Future<Output = T>,
    changes: impl Stream<Item = T>,
) -> impl Stream<Item = T> {
    stream::once(now).chain(changes)
}

/// The commands that arrive. Without a receiver: none, and no end either, so that a
/// loop over several streams needs no special case.
pub fn commands<T>(
    receiver: Option<mpsc::Receiver<T>>,
) -> impl Stream<Item = T> + Unpin {
    match receiver {
        Some(receiver) => ReceiverStream::new(receiver).left_stream(),
        None => stream::pending().right_stream(),
    }
}

/// What `receiver` gets, from its poll method: `ReceiverStream`, written by hand.
pub fn received<T>(mut receiver: mpsc::Receiver<T>) -> impl Stream<Item = T> + Unpin {
    stream::poll_fn(move |cx| receiver.poll_recv(cx))
}
// ANCHOR_END: small_sources

// ANCHOR: producer
/// Why a producer stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The source has ended.
    AtTheEnd,
    /// The receiver is closed or gone.
    NobodyListens,
}

/// Sends what `source` yields until it ends or nobody listens, which it notices while
/// the source is quiet, too. It keeps a place in the channel while it waits, so that
/// producers who share a channel need at least a place each.
///
/// # Cancel safety
/// No item is ever in its hand: dropped, what is not in the channel is still in
/// `source`. Pass `&mut source` to go on with it.
pub async fn feed<S: Stream>(source: S, listener: mpsc::Sender<S::Item>) -> Stopped {
    let mut source = pin!(source);
    loop {
        let Ok(place) = listener.reserve().await else {
            return Stopped::NobodyListens;
        };
        select! {
            biased;
            () = listener.closed() => return Stopped::NobodyListens,
            item = source.next() => match item {
                Some(item) => place.send(item),
                None => return Stopped::AtTheEnd,
            }
        }
    }
}
// ANCHOR_END: producer

// ANCHOR: owned_task
/// The items of `source`, drawn by a task, at most `ahead` of them before they are
/// asked for. A panic in `source` goes on in the reader, after the items before it.
///
/// # Panics
/// When it is called outside a Tokio runtime, or `ahead` is more than
/// [`Semaphore::MAX_PERMITS`](tokio::sync::Semaphore::MAX_PERMITS). The reader panics
/// if the runtime is shut down before `source` has ended: that is not its end.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream aborts the task: where it next
/// has to wait it is dropped, and with it the source and what had been drawn.
pub fn drawn_ahead<S>(source: S, ahead: NonZeroUsize) -> impl Stream<Item = S::Item>
where
    S: Stream<Item: Send + 'static> + Send + 'static,
{
    let (listener, items) = mpsc::channel(ahead.get());
    let task = AbortOnDropHandle::new(tokio::spawn(feed(source, listener)));
    // In the stream from the start: the task lives no longer than the stream.
    let end = stream::once(task).filter_map(|ended| async move {
        match ended.map_err(JoinError::try_into_panic) {
            Ok(_) => None, // the source has ended
            Err(Ok(panic)) => resume_unwind(panic),
            Err(Err(cut)) => panic!("the source was cut off: {cut}"),
        }
    });
    ReceiverStream::new(items).chain(end)
}
// ANCHOR_END: owned_task

// ANCHOR: last_sender
/// What all `sources` yield, each on a task of its own, as it comes; ends when the last
/// of them has.
///
/// # Panics
/// When a source does, after the others have ended; when the runtime is shut down
/// before that; and outside a Tokio runtime.
///
/// # Cancel safety
/// Dropping the future aborts the tasks and drops what was collected.
pub async fn gather<S>(sources: Vec<S>) -> Vec<S::Item>
where
    S: Stream<Item: Send + 'static> + Send + 'static,
{
    let places = sources.len().max(1); // each `feed` keeps one while it waits
    let (listener, items) = mpsc::channel(places);
    let feeds = sources.into_iter().map(|source| feed(source, listener.clone()));
    let feeds: JoinSet<_> = feeds.collect(); // spawns them
    drop(listener); // while it is alive, the stream does not end
    let items = ReceiverStream::new(items).collect().await;
    feeds.join_all().await;
    items
}
// ANCHOR_END: last_sender

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: when the stream is dropped, the task panics, and nobody is told.
    ///
    /// # Panics
    /// In the task, at the first item that nobody receives; and outside a runtime.
    pub fn from_task<I>(items: I) -> ReceiverStream<I::Item>
    where
        I: IntoIterator<IntoIter: Send, Item: Send> + Send + 'static,
    {
        let (listener, receiver) = mpsc::channel(8);
        // ANCHOR: unwrapped_send
        tokio::spawn(async move {
            for item in items {
                listener.send(item).await.unwrap(); // the reader may be gone
            }
        });
        // ANCHOR_END: unwrapped_send
        ReceiverStream::new(receiver)
    }

    // ANCHOR: leaked_sender
    /// Wrong: `listener` itself is still there, so the stream never ends.
    pub async fn gather<S>(sources: Vec<S>) -> Vec<S::Item>
    where
        S: Stream<Item: Send + 'static> + Send + 'static,
    {
        let (listener, items) = mpsc::channel(sources.len().max(1));
        let feeds = sources.into_iter().map(|source| feed(source, listener.clone()));
        let feeds: JoinSet<_> = feeds.collect();
        let items = ReceiverStream::new(items).collect().await;
        feeds.join_all().await;
        items
    }
    // ANCHOR_END: leaked_sender

    // ANCHOR: asked_again
    /// Wrong: each turn of the loop asks both, the one that has ended as well.
    pub async fn both<T>(
        left: impl Stream<Item = T>,
        right: impl Stream<Item = T>,
    ) -> Vec<T> {
        let (mut left, mut right) = (pin!(left), pin!(right));
        let mut items = Vec::new();
        loop {
            select! {
                Some(item) = left.next() => items.push(item),
                Some(item) = right.next() => items.push(item),
                else => return items,
            }
        }
    }
    // ANCHOR_END: asked_again
}

#[cfg(test)]
mod tests;

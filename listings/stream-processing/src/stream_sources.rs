//! Where streams come from.

use std::future::Future;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::pin::pin;

use futures::FutureExt;
use futures::stream::{self, Stream, StreamExt};
use tokio::select;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::AbortOnDropHandle;

// ANCHOR: one_request_each
/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, C> {
    /// What is on the page.
    pub items: Vec<T>,
    /// What to ask for next. `None`: this is the last page.
    pub next: Option<C>,
}

/// The pages from `first` on: one request for each page, made when somebody asks for
/// the page. An error is the last item.
///
/// # Cancel safety
/// If you drop a `next()`, the stream keeps the request, and the following `next()`
/// goes on with it. If you drop the stream, you drop the request; no other is made.
pub fn pages<C, T, E, F, Fut>(
    first: C,
    mut fetch: F,
) -> impl Stream<Item = Result<Vec<T>, E>>
where
    F: FnMut(C) -> Fut,
    Fut: Future<Output = Result<Page<T, C>, E>>,
{
    stream::try_unfold(Some(first), move |next| {
        let request = next.map(&mut fetch);
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

/// The commands that arrive. Without a receiver: no command and no end, so that a loop
/// over several streams needs no special case.
pub fn commands<T>(
    receiver: Option<mpsc::Receiver<T>>,
) -> impl Stream<Item = T> + Unpin {
    match receiver {
        Some(receiver) => ReceiverStream::new(receiver).left_stream(),
        None => stream::pending().right_stream(),
    }
}

/// What `receiver` gets. `ReceiverStream` does the same.
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
    /// The receiver is closed or dropped.
    NobodyListens,
}

/// Sends the items of `source` until it ends, or until nobody listens any more. While
/// it waits for an item, it keeps a place in the channel: producers that share a
/// channel need a place each.
///
/// # Cancel safety
/// If you drop the future, no item is lost: what is not in the channel is still in
/// `source`. Pass `&mut source` to go on with it.
pub async fn feed<S: Stream>(source: S, sender: mpsc::Sender<S::Item>) -> Stopped {
    let mut source = pin!(source); // keeps it in one place, as `next` needs
    loop {
        // First a free place in the channel, and then an item.
        let Ok(place) = sender.reserve().await else {
            return Stopped::NobodyListens;
        };
        let item = if let Some(item) = source.next().now_or_never() {
            item // it was there
        } else {
            select! {
                biased; // looks at `closed` first
                () = sender.closed() => return Stopped::NobodyListens,
                item = source.next() => item,
            }
        };
        match item {
            Some(item) => place.send(item),
            None => return Stopped::AtTheEnd,
        }
    }
}
// ANCHOR_END: producer

// ANCHOR: owned_task
/// The items of `source`, fetched by a task, at most `ahead` of them before somebody
/// asks for them. If `source` panics, the reader panics after the items before that.
///
/// # Panics
/// When it is called outside a Tokio runtime, or if `ahead` is more than
/// [`Semaphore::MAX_PERMITS`](tokio::sync::Semaphore::MAX_PERMITS). The reader panics
/// if the runtime is shut down before `source` has ended, because that is not its end.
///
/// # Cancel safety
/// If you drop a `next()`, you lose nothing. If you drop the stream, the task is
/// aborted at the next await that waits. You lose `source` and what was fetched ahead.
pub fn prefetch<S>(source: S, ahead: NonZeroUsize) -> impl Stream<Item = S::Item>
where
    S: Stream<Item: Send + 'static> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(ahead.get());
    // Aborts the task when this handle is dropped, and the stream owns the handle.
    let task = AbortOnDropHandle::new(tokio::spawn(feed(source, sender)));
    // Has no items. It waits for the end of the task, and looks how it ended.
    let owner = stream::once(task).filter_map(|ended| async move {
        match ended {
            Ok(_) => None, // the source has ended
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            Err(error) => panic!("the source was cut off: {error}"), // a shutdown
        }
    });
    ReceiverStream::new(receiver).chain(owner)
}
// ANCHOR_END: owned_task

// ANCHOR: gather
/// What all `sources` yield, each on a task of its own, as it comes. Ends when the last
/// source has ended.
///
/// # Panics
/// When a source panics, after the others have ended. When the runtime is shut down
/// before that, and outside a Tokio runtime.
///
/// # Cancel safety
/// Dropping the future aborts the tasks, and drops what was collected.
pub async fn gather<S>(sources: Vec<S>) -> Vec<S::Item>
where
    S: Stream<Item: Send + 'static> + Send + 'static,
{
    let places = sources.len().max(1); // each `feed` keeps one while it waits
    let (sender, receiver) = mpsc::channel(places);
    let feeds = sources.into_iter().map(|source| feed(source, sender.clone()));
    let feeds: JoinSet<_> = feeds.collect(); // spawns them
    drop(sender); // while it is alive, the stream does not end
    let items = ReceiverStream::new(receiver).collect().await;
    feeds.join_all().await;
    items
}
// ANCHOR_END: gather

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: when the stream is dropped, the task panics, and the program goes on.
    ///
    /// # Panics
    /// In the task, at the first row that nobody receives; and outside a runtime.
    pub fn from_task<I>(rows: I) -> ReceiverStream<I::Item>
    where
        I: IntoIterator<IntoIter: Send, Item: Send> + Send + 'static,
    {
        let (sender, receiver) = mpsc::channel(8);
        // ANCHOR: unwrapped_send
        tokio::spawn(async move {
            for row in rows {
                sender.send(row).await.unwrap();
            }
        });
        // ANCHOR_END: unwrapped_send
        ReceiverStream::new(receiver)
    }

    /// Wrong: `sender` itself is alive until the end, so the stream does not end.
    pub async fn orders() -> Vec<&'static str> {
        // ANCHOR: leaked_sender
        let (sender, receiver) = mpsc::channel(2);
        for shop in ["north", "south"] {
            let sender = sender.clone();
            tokio::spawn(async move { sender.send(shop).await });
        }
        let orders: Vec<_> = ReceiverStream::new(receiver).collect().await;
        // ANCHOR_END: leaked_sender
        orders
    }

    /// Wrong: while `feed` waits for `quiet`, it keeps the only place.
    pub fn quiet_and_busy<T: Send + 'static>(
        quiet: impl Stream<Item = T> + Send + 'static,
        busy: impl Stream<Item = T> + Send + 'static,
    ) -> ReceiverStream<T> {
        // ANCHOR: one_place
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(feed(quiet, sender.clone()));
        tokio::spawn(feed(busy, sender));
        // ANCHOR_END: one_place
        ReceiverStream::new(receiver)
    }

    /// Wrong: each turn of the loop polls both, also the one that has ended.
    pub async fn both<T>(
        left: impl Stream<Item = T>,
        right: impl Stream<Item = T>,
    ) -> Vec<T> {
        let mut items = Vec::new();
        // ANCHOR: asked_again
        let (mut left, mut right) = (pin!(left), pin!(right));
        loop {
            select! {
                Some(item) = left.next() => items.push(item),
                Some(item) = right.next() => items.push(item),
                else => return items,
            }
        }
        // ANCHOR_END: asked_again
    }
}

#[cfg(test)]
mod tests;

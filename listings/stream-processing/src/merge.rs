//! Several streams as one.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::{Poll, ready};

use futures::stream::{self, AbortHandle, SelectAll, abortable};
use stream_processing::map_filter_then::cooperative;
use tokio::task::coop;
use tokio_stream::{Stream, StreamExt};

// ANCHOR: while_open
/// Items of both streams, as they come, in turn if both are ready. Ends with `main`,
/// even if `side` goes on, and drops both streams then.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream drops both sources, with what
/// they hold.
pub fn while_open<S, T>(main: S, side: T) -> impl Stream<Item = S::Item>
where
    S: Stream,
    T: Stream<Item = S::Item>,
{
    let main = main.map(Some).chain(tokio_stream::once(None));
    let merged = cooperative(main.merge(side.map(Some)));
    merged.map_while(|item| item).fuse()
}
// ANCHOR_END: while_open

// ANCHOR: reader_and_ticks
/// What a loop over messages and ticks hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<M> {
    /// A whole message.
    Message(M),
    /// A tick of the timer.
    Tick,
}

/// Reads message after message, with ticks between them; ends when `read` says `None`.
/// `read` gets the reader and gives it back, and need not be cancel safe.
///
/// # Cancel safety
/// A dropped `next()` leaves the read where it is. Dropping the stream drops the read,
/// with the part of a message that it has.
pub fn messages_and_ticks<R, M, F, Fut, T>(
    reader: R,
    read: F,
    ticks: T,
) -> impl Stream<Item = Event<M>>
where
    F: FnMut(R) -> Fut,
    Fut: Future<Output = Option<(M, R)>>,
    T: Stream,
{
    let messages = stream::unfold(reader, read).map(Event::Message);
    while_open(messages, ticks.map(|_| Event::Tick))
}
// ANCHOR_END: reader_and_ticks

// ANCHOR: urgent_first
/// Items of both streams, urgent ones first. After `in_a_row` urgent items in a row, it
/// asks `normal` first, until `normal` gives an item. Ends when both have ended.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream drops both sources.
pub fn urgent_first<U, N>(
    urgent: U,
    normal: N,
    in_a_row: NonZeroUsize,
) -> impl Stream<Item = U::Item>
where
    U: Stream,
    N: Stream<Item = U::Item>,
{
    let mut urgent = Box::pin(urgent.fuse());
    let mut normal = Box::pin(normal.fuse());
    let mut passed = 0_usize; // urgent items, not polls
    cooperative(stream::poll_fn(move |cx| {
        ready!(coop::poll_proceed(cx).map(drop)); // only a look: `drop` gives it back
        if passed >= in_a_row.get() {
            let owed = normal.as_mut().poll_next(cx);
            if let Poll::Ready(Some(_)) = owed {
                passed = 0;
                return owed;
            }
        }
        let first = urgent.as_mut().poll_next(cx);
        if let Poll::Ready(Some(_)) = first {
            passed = passed.saturating_add(1);
            return first;
        }
        let second = normal.as_mut().poll_next(cx);
        match second {
            Poll::Ready(Some(_)) => passed = 0,
            Poll::Ready(None) => return first, // ended, or waits
            Poll::Pending => {}
        }
        second
    }))
}
// ANCHOR_END: urgent_first

// ANCHOR: change
/// A change to what is merged. One is made before each item, if one is ready, and all
/// that are ready while no source has an item.
#[derive(Debug)]
pub enum Change<K, S> {
    /// From now on this source, too, and no longer one with the same key.
    Add(K, S),
    /// No longer the source with this key. It gives no more items, and is dropped in
    /// its turn: after one item of each other source, at the latest.
    Remove(K),
}
// ANCHOR_END: change

// ANCHOR: keyed
/// Items of all sources that `changes` brings, each with its key; `None` when a source
/// ends by itself. Ends when `changes` and every source have.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream drops all sources.
pub fn keyed<K, S, C>(changes: C) -> impl Stream<Item = (K, Option<S::Item>)>
where
    K: Clone + Eq + Hash + Unpin,
    S: Stream + Unpin,
    C: Stream<Item = Change<K, S>>,
{
    let mut changes = Box::pin(cooperative(changes).fuse());
    let (mut sources, mut handles) = (SelectAll::new(), HashMap::new());
    cooperative(stream::poll_fn(move |cx| {
        loop {
            let change = changes.as_mut().poll_next(cx);
            let no_more = matches!(change, Poll::Ready(None));
            let made = matches!(change, Poll::Ready(Some(_)));
            let old = match change {
                Poll::Ready(Some(Change::Add(key, source))) => {
                    let (source, handle) = abortable(with_key(key.clone(), source));
                    sources.push(source);
                    handles.insert(key, handle)
                }
                Poll::Ready(Some(Change::Remove(key))) => handles.remove(&key),
                _ => None,
            };
            old.inspect(AbortHandle::abort); // wakes it: in its turn it is dropped
            match Pin::new(&mut sources).poll_next(cx) {
                Poll::Ready(Some((key, None))) => {
                    handles.remove(&key);
                    return Poll::Ready(Some((key, None)));
                }
                Poll::Pending | Poll::Ready(None) if made => {} // and the next change
                Poll::Ready(None) if !no_more => return Poll::Pending, // no source yet
                item => return item,
            }
        }
    }))
}
// ANCHOR_END: keyed

// ANCHOR: with_key
/// The items of a source, and `None` at its end, each with the key.
fn with_key<K, S>(key: K, source: S) -> impl Stream<Item = (K, Option<S::Item>)> + Unpin
where
    K: Clone + Unpin,
    S: Stream + Unpin,
{
    let items = source.map(Some).chain(tokio_stream::once(None));
    items.map(move |item| (key.clone(), item))
}
// ANCHOR_END: with_key

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;
    use futures::stream::{PollNext, select_with_strategy};
    use tokio::select;

    // ANCHOR: select_loop
    /// Wrong: each tick drops the read, with what it has of a message.
    pub async fn select_loop<R, M, F, T>(
        reader: &mut R,
        read: F,
        mut ticks: T,
        mut hear: impl FnMut(Event<M>),
    ) where
        F: AsyncFn(&mut R) -> Option<M>,
        T: Stream + Unpin,
    {
        loop {
            // ANCHOR: read_each_round
            select! {
                message = read(reader) => match message {
                    Some(message) => hear(Event::Message(message)),
                    None => break,
                },
                Some(_) = ticks.next() => hear(Event::Tick),
            }
            // ANCHOR_END: read_each_round
        }
    }
    // ANCHOR_END: select_loop

    // ANCHOR: always_left
    /// Wrong while the left side can always be ready: the right side starves.
    pub fn always_left<U, N>(urgent: U, normal: N) -> impl Stream<Item = U::Item>
    where
        U: Stream,
        N: Stream<Item = U::Item>,
    {
        // ANCHOR: unbounded
        select_with_strategy(urgent, normal, |(): &mut ()| PollNext::Left)
        // ANCHOR_END: unbounded
    }
    // ANCHOR_END: always_left

    // ANCHOR: asked_in_a_row
    /// Wrong: the closure is called at each poll, so one that finds nothing counts too.
    pub fn asked_in_a_row<U, N>(
        urgent: U,
        normal: N,
        in_a_row: NonZeroUsize,
    ) -> impl Stream<Item = U::Item>
    where
        U: Stream,
        N: Stream<Item = U::Item>,
    {
        // ANCHOR: counts_polls
        select_with_strategy(urgent, normal, move |asked: &mut usize| {
            if *asked < in_a_row.get() {
                *asked += 1;
                PollNext::Left
            } else {
                *asked = 0;
                PollNext::Right
            }
        })
        // ANCHOR_END: counts_polls
    }
    // ANCHOR_END: asked_in_a_row

    // ANCHOR: chained
    /// Wrong as soon as it has to be fair: the last one gets half of all turns.
    pub fn chained<A, B, C>(a: A, b: B, c: C) -> impl Stream<Item = A::Item>
    where
        A: Stream,
        B: Stream<Item = A::Item>,
        C: Stream<Item = A::Item>,
    {
        // ANCHOR: in_a_chain
        a.merge(b).merge(c)
        // ANCHOR_END: in_a_chain
    }
    // ANCHOR_END: chained
}

#[cfg(test)]
mod tests;

//! Several streams as one.

use std::future::Future;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::{Poll, ready};

use futures::stream;
use stream_processing::map_filter_then::cooperative;
use tokio::task::coop;
use tokio_stream::{Stream, StreamExt, StreamMap, StreamNotifyClose};

// ANCHOR: while_open
/// Items of both streams, as they come, in turn if both are ready; ends with `main`,
/// however long `side` goes on, and then lets go of both.
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
    /// It is time for what is done now and then.
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
/// Items of both, urgent ones first; when `in_a_row` of them have passed since the last
/// other one, the other side is asked first. Ends when both have ended.
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
        ready!(coop::poll_proceed(cx).map(drop)); // without budget, no side can answer
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

// ANCHOR: keyed
/// A change to what is merged.
#[derive(Debug)]
pub enum Change<K, S> {
    /// From now on this source, too. One with the same key is dropped.
    Add(K, S),
    /// No longer the source with this key: it is dropped.
    Remove(K),
}

/// Items of all sources that `changes` brings, each with its key; `None` when a source
/// ends by itself. Ends when `changes` and every source have. One change is made before
/// each item, if one is ready, and all that are ready while no source has an item.
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
    let mut sources = StreamMap::new();
    cooperative(stream::poll_fn(move |cx| {
        loop {
            let change = changes.as_mut().poll_next(cx);
            let no_more = matches!(change, Poll::Ready(None));
            let made = apply(change, &mut sources);
            match Pin::new(&mut sources).poll_next(cx) {
                Poll::Ready(Some(item)) => return Poll::Ready(Some(item)),
                _ if made => {} // and now the next change
                Poll::Ready(None) if !no_more => return Poll::Pending, // no source yet
                item => return item,
            }
        }
    }))
}
// ANCHOR_END: keyed

/// Makes a change, if there is one.
fn apply<K, S>(
    change: Poll<Option<Change<K, S>>>,
    sources: &mut StreamMap<K, StreamNotifyClose<S>>,
) -> bool
where
    K: Eq + Hash,
    S: Stream,
{
    let Poll::Ready(Some(change)) = change else { return false };
    match change {
        Change::Add(key, source) => {
            drop(sources.insert(key, StreamNotifyClose::new(source)));
        }
        Change::Remove(key) => drop(sources.remove(&key)),
    }
    true
}

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
            select! {
                message = read(reader) => match message {
                    Some(message) => hear(Event::Message(message)),
                    None => break,
                },
                Some(_) = ticks.next() => hear(Event::Tick),
            }
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
        select_with_strategy(urgent, normal, |(): &mut ()| PollNext::Left)
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
        select_with_strategy(urgent, normal, move |asked: &mut usize| {
            if *asked < in_a_row.get() {
                *asked += 1;
                PollNext::Left
            } else {
                *asked = 0;
                PollNext::Right
            }
        })
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
        a.merge(b).merge(c)
    }
    // ANCHOR_END: chained
}

#[cfg(test)]
mod tests;

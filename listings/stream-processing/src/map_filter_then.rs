//! Map, filter, then: change each item, leave some out, wait for each.

use std::future::{Future, ready};
use std::num::NonZeroUsize;
use std::task;

use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use tokio::task::coop;

// ANCHOR: one_by_one
/// The answers to `ask`, one question after another, in the order of the items.
///
/// # Cancel safety
/// A dropped `next()` keeps the question; the next call goes on with it. Dropping the
/// stream drops the one question that is open, and no other is asked.
pub fn one_by_one<S, F, Fut>(items: S, ask: F) -> impl Stream<Item = Fut::Output>
where
    S: Stream,
    F: FnMut(S::Item) -> Fut,
    Fut: Future,
{
    items.then(ask)
}

/// The same answers in the same order, with at most `limit` questions open at a time.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream drops the open questions, and
/// answers that wait for their turn.
pub fn a_few_at_once<S, F, Fut>(
    items: S,
    limit: NonZeroUsize,
    ask: F,
) -> impl Stream<Item = Fut::Output>
where
    S: Stream,
    F: FnMut(S::Item) -> Fut,
    Fut: Future,
{
    items.map(ask).buffered(limit.get())
}
// ANCHOR_END: one_by_one

// ANCHOR: answer_before
/// Asks about each item with the answer to the one before it, and about the first item
/// with `first`; gives each answer.
///
/// # Cancel safety
/// As [`one_by_one`].
pub fn with_the_answer_before<S, A, F, Fut>(
    items: S,
    first: A,
    ask: F,
) -> impl Stream<Item = A>
where
    S: Stream,
    A: Clone,
    F: FnMut(A, S::Item) -> Fut,
    Fut: Future<Output = A>,
{
    let start = (Box::pin(items), first, ask);
    stream::unfold(start, |(mut items, before, mut ask)| async move {
        let item = items.next().await?;
        let answer = ask(before, item).await;
        Some((answer.clone(), (items, answer, ask)))
    })
    .fuse()
}
// ANCHOR_END: answer_before

// ANCHOR: cooperative
/// The same items. Each spends one of the 128 units of Tokio's budget, so that others
/// have a turn, however many items are left out further down.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream drops `items`.
pub fn cooperative<S: Stream>(items: S) -> impl Stream<Item = S::Item> {
    let mut items = Box::pin(items);
    stream::poll_fn(move |cx| {
        let unit = task::ready!(coop::poll_proceed(cx)); // Pending: others have a turn
        let item = items.as_mut().poll_next(cx);
        if item.is_ready() {
            unit.made_progress(); // or else the unit is given back
        }
        item
    })
}
// ANCHOR_END: cooperative

// ANCHOR: allowed
/// The items for which `keep` says yes, in their order, with at most `limit` of them
/// asked about at a time. Others have a turn, however many it leaves out.
///
/// # Cancel safety
/// As [`a_few_at_once`]: the items that are asked about go with the stream.
pub fn allowed<S, F, Fut>(
    items: S,
    limit: NonZeroUsize,
    mut keep: F,
) -> impl Stream<Item = S::Item>
where
    S: Stream,
    F: FnMut(&S::Item) -> Fut,
    Fut: Future<Output = bool>,
{
    let asked = a_few_at_once(items, limit, move |item| {
        let keep = keep(&item);
        async move { keep.await.then_some(item) }
    });
    cooperative(asked).filter_map(ready)
}
// ANCHOR_END: allowed

// ANCHOR: errors_pass
/// Looks up each number that is above zero, one after another. An error in `numbers`
/// passes by untouched, an error of the look-up takes the place of its item, and
/// neither ends the stream. Others have a turn, however many numbers it leaves out.
///
/// # Cancel safety
/// As [`one_by_one`].
pub fn looked_up<S, T, E, F, Fut>(
    numbers: S,
    look_up: F,
) -> impl Stream<Item = Result<T, E>>
where
    S: Stream<Item = Result<i64, E>>,
    F: FnMut(i64) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    cooperative(numbers).try_filter(|number| ready(*number > 0)).and_then(look_up)
}
// ANCHOR_END: errors_pass

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    // ANCHOR: only_futures
    /// Wrong: a list of futures, none of which has begun.
    pub async fn answers<S, F, Fut>(items: S, ask: F) -> Vec<Fut>
    where
        S: Stream,
        F: FnMut(S::Item) -> Fut,
        Fut: Future,
    {
        items.map(ask).collect().await
    }
    // ANCHOR_END: only_futures

    // ANCHOR: one_question_at_a_time
    /// Wrong where questions take time: the next is asked when this one is answered.
    pub fn allowed<S, F, Fut>(items: S, keep: F) -> impl Stream<Item = S::Item>
    where
        S: Stream,
        F: FnMut(&S::Item) -> Fut,
        Fut: Future<Output = bool>,
    {
        items.filter(keep)
    }
    // ANCHOR_END: one_question_at_a_time
}

#[cfg(test)]
mod tests;

//! Fold a stream to one value; take a part of it.

use std::error::Error as StdError;
use std::future::{Future, ready};
use std::pin::pin;

use async_stream::stream;
use futures::stream::{Stream, StreamExt, TryStreamExt};
use stream_processing::map_filter_then::cooperative;
use thiserror::Error;
use tokio::task::coop;

// ANCHOR: reduced
/// Combines all items to one, from the first on; `None` when there is none.
///
/// # Cancel safety
/// Dropping the future drops the stream, and what was combined so far.
pub async fn reduce<S, F>(items: S, mut combine: F) -> Option<S::Item>
where
    S: Stream,
    F: FnMut(S::Item, S::Item) -> S::Item,
{
    let mut items = pin!(cooperative(items)); // however many: others have a turn
    // ANCHOR: one_by_one
    let first = items.next().await?;
    Some(items.fold(first, |so_far, item| ready(combine(so_far, item))).await)
    // ANCHOR_END: one_by_one
}
// ANCHOR_END: reduced

// ANCHOR: total_error
/// Why there is no total.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TotalError<E: StdError + 'static> {
    /// The stream failed.
    #[error("the amounts broke off")]
    Source(#[source] E),
    /// The sum does not fit in 64 bits.
    #[error("the total is too large")]
    TooLarge,
}
// ANCHOR_END: total_error

// ANCHOR: total
/// Adds up the amounts. After the first error it polls no further.
///
/// # Errors
/// With the error of the stream, or when the total is too large. The sum so far is
/// gone then.
///
/// # Cancel safety
/// Dropping the future drops the stream, and the sum so far.
pub async fn total<S, E>(amounts: S) -> Result<u64, TotalError<E>>
where
    S: Stream<Item = Result<u64, E>>,
    E: StdError + 'static,
{
    let amounts = cooperative(amounts).map_err(TotalError::Source);
    // ANCHOR: stops
    let add =
        |sum: u64, amount| ready(sum.checked_add(amount).ok_or(TotalError::TooLarge));
    amounts.try_fold(0, add).await
    // ANCHOR_END: stops
}
// ANCHOR_END: total

// ANCHOR: part
/// Leaves out the first `skip` items and gives the next `take`. Polls for no more than
/// both together; with `take` 0, for none. Others have a turn, however many it skips.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. A dropped stream forgets how far it has skipped.
pub fn part<S: Stream>(
    items: S,
    skip: usize,
    take: usize,
) -> impl Stream<Item = S::Item> {
    cooperative(items).skip(skip).take(take)
}
// ANCHOR_END: part

// ANCHOR: runs
/// Combines neighbours with the same key: one result, with its key, for each run. The
/// item that ends a run begins the next one.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream drops the run that is not
/// over, and the item that began the next.
pub fn reduce_runs<S, K, F, C>(
    items: S,
    mut key: F,
    mut combine: C,
) -> impl Stream<Item = (K, S::Item)>
where
    S: Stream,
    K: PartialEq,
    F: FnMut(&S::Item) -> K,
    C: FnMut(S::Item, S::Item) -> S::Item,
{
    stream! {
        let mut items = pin!(cooperative(items).peekable());
        // ANCHOR: peeked
        while let Some(mut run) = items.next().await {
            let same = key(&run);
            while items.as_mut().peek().await.is_some_and(|next| key(next) == same) {
                let Some(item) = items.next().await else { break };
                run = combine(run, item);
            }
            yield (same, run);
        }
        // ANCHOR_END: peeked
    }
}
// ANCHOR_END: runs

// ANCHOR: kept_state
/// Adds each item to `state`, which is the caller's, until `items` ends.
///
/// # Cancel safety
/// Cancel safe if `items.next()` is, because an item is taken and added in one poll. If
/// the future is dropped, `state` has all items that it took. Call it again to go on.
pub async fn fold_into<S, T, F>(items: &mut S, state: &mut T, mut add: F)
where
    S: Stream + Unpin,
    F: FnMut(&mut T, S::Item),
{
    // Spends Tokio's budget, so that others have a turn, and with them a `stop`.
    while let Some(item) = coop::cooperative(items.next()).await {
        add(state, item);
    }
}
// ANCHOR_END: kept_state

// ANCHOR: until_told
/// Adds each item to `state`, until `stop` is ready. Returns the output of `stop`; the
/// other items are still in `items` then. Returns `None` if the stream ended first.
///
/// # Cancel safety
/// As [`fold_into`]. If the future is dropped, `stop` is dropped too.
pub async fn fold_until<S, T, F, C>(
    items: &mut S,
    stop: C,
    state: &mut T,
    add: F,
) -> Option<C::Output>
where
    S: Stream + Unpin,
    F: FnMut(&mut T, S::Item),
    C: Future,
{
    let stop = pin!(stop);
    let mut taken = items.take_until(stop);
    fold_into(&mut taken, state, add).await;
    taken.take_result()
}
// ANCHOR_END: until_told

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: after the fifteenth item it still waits for a sixteenth.
    pub async fn eleventh_to_fifteenth<S: Stream>(items: S) -> Vec<S::Item> {
        // ANCHOR: never_done
        let numbered = items.enumerate();
        let wanted = numbered.filter(|(n, _)| ready((10..15).contains(n)));
        wanted.map(|(_, item)| item).collect().await
        // ANCHOR_END: never_done
    }

    /// Wrong: the item that ends a run is lost, so it is in no sum.
    pub async fn sum_runs<S, K>(mut items: S) -> Vec<(K, u64)>
    where
        S: Stream<Item = (K, u64)> + Unpin,
        K: PartialEq + Copy,
    {
        let mut sums = Vec::new();
        // ANCHOR: first_of_the_next
        while let Some((same, first)) = items.next().await {
            let run = items.by_ref().take_while(|(key, _)| ready(*key == same));
            let sum = run.fold(first, |sum, (_, n)| ready(sum + n)).await;
            sums.push((same, sum));
        }
        // ANCHOR_END: first_of_the_next
        sums
    }

    /// Wrong: when `report` is due, the fold is dropped, and its sum with it.
    pub async fn sum_and_report<S, R, Fut>(mut numbers: S, mut report: R) -> u64
    where
        S: Stream<Item = u64> + Unpin,
        R: FnMut() -> Fut,
        Fut: Future<Output = ()>,
    {
        // ANCHOR: fold_in_a_loop
        loop {
            tokio::select! {
                sum = numbers.by_ref().fold(0, |sum, n| ready(sum + n)) => return sum,
                () = report() => {}
            }
        }
        // ANCHOR_END: fold_in_a_loop
    }

    /// Wrong: after the first error it reads the stream to its end.
    ///
    /// # Errors
    /// With the first error of the stream.
    pub async fn total<S, E>(amounts: S) -> Result<u64, E>
    where
        S: Stream<Item = Result<u64, E>>,
    {
        // ANCHOR: reads_on
        let add = |sum: Result<u64, E>, amount: Result<u64, E>| {
            ready(sum.and_then(|sum| Ok(sum + amount?)))
        };
        amounts.fold(Ok(0), add).await
        // ANCHOR_END: reads_on
    }

    /// Wrong: all items are kept, for one that is wanted.
    pub async fn reduce<S, F>(items: S, combine: F) -> Option<S::Item>
    where
        S: Stream,
        F: FnMut(S::Item, S::Item) -> S::Item,
    {
        // ANCHOR: all_in_memory
        let all: Vec<_> = items.collect().await;
        all.into_iter().reduce(combine)
        // ANCHOR_END: all_in_memory
    }
}

#[cfg(test)]
mod tests;

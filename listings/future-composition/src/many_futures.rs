//! Many futures, results as they come.

use std::collections::HashMap;
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::pin;

use futures::stream::{self, FuturesUnordered, Stream, StreamExt};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout_at};

// ANCHOR: labelled_answers
/// Runs `work` on every id on the caller's task, at most `limit` at a time; each answer
/// comes with its id, as soon as it is ready.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream drops what is in flight, where
/// it waits; the other ids are never begun.
pub fn as_they_come<I, F, Fut>(
    ids: I,
    limit: NonZeroUsize,
    mut work: F,
) -> impl Stream<Item = (I::Item, Fut::Output)>
where
    I: IntoIterator,
    I::Item: Clone,
    F: FnMut(I::Item) -> Fut,
    Fut: Future,
{
    // ANCHOR: with_its_id
    let waiting = ids.into_iter().map(move |id| {
        let answer = work(id.clone());
        async move { (id, answer.await) }
    });
    // ANCHOR_END: with_its_id
    let start = (waiting, FuturesUnordered::new());
    stream::unfold(start, move |(mut waiting, mut in_flight)| async move {
        let free = limit.get() - in_flight.len();
        in_flight.extend(waiting.by_ref().take(free)); // fill up to the limit
        let answer = in_flight.next().await?;
        Some((answer, (waiting, in_flight)))
    })
    .fuse()
}
// ANCHOR_END: labelled_answers

// ANCHOR: labelled_tasks
/// Runs `work` on every id on a task of its own, at most `limit` tasks at a time; one
/// that has finished counts until it is handed out. A panic is an `Err`, with its id.
///
/// # Panics
/// When it is polled outside a Tokio runtime.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream aborts the tasks: each is
/// dropped at its next await that has to wait, and one that has none runs to its end.
/// Answers that nobody took are lost.
pub fn on_tasks<I, F, Fut>(
    ids: I,
    limit: NonZeroUsize,
    mut work: F,
) -> impl Stream<Item = (I::Item, Result<Fut::Output, JoinError>)>
where
    I: IntoIterator,
    I::Item: Clone,
    F: FnMut(I::Item) -> Fut,
    Fut: Future<Output: Send + 'static> + Send + 'static,
{
    let waiting = ids.into_iter().map(move |id| (id.clone(), work(id)));
    let start = (waiting, JoinSet::new(), HashMap::new());
    stream::unfold(start, move |(mut waiting, mut tasks, mut ids)| async move {
        let free = limit.get() - tasks.len();
        for (id, answer) in waiting.by_ref().take(free) {
            let task = tasks.spawn(answer);
            ids.insert(task.id(), id); // the id of the task leads to yours
        }
        let (task, answer) = match tasks.join_next_with_id().await? {
            Ok((task, answer)) => (task, Ok(answer)),
            Err(error) => (error.id(), Err(error)),
        };
        let id = ids.remove(&task)?;
        Some(((id, answer), (waiting, tasks, ids)))
    })
    .fuse()
}
// ANCHOR_END: labelled_tasks

// ANCHOR: deadline_over_many
/// Collects the answers that come before `deadline`, then drops the rest. It looks at
/// the clock only while no answer is ready. So it keeps what is ready, and it never
/// ends if an answer is always ready.
///
/// # Cancel safety
/// Dropping the future drops `answers` and what was collected.
pub async fn before<S: Stream>(deadline: Instant, answers: S) -> Vec<S::Item> {
    let mut answers = pin!(answers);
    // ANCHOR: one_by_one
    let mut kept = Vec::new();
    while let Ok(Some(answer)) = timeout_at(deadline, answers.next()).await {
        kept.push(answer);
    }
    // ANCHOR_END: one_by_one
    kept
}
// ANCHOR_END: deadline_over_many

// ANCHOR: stored_inside
/// Fetches and stores each id as one piece of work, at most `limit` at a time.
///
/// # Cancel safety
/// Dropping the future drops every piece where it waits, between fetch and store as
/// well.
pub async fn fetch_and_store<I, F, Fut, S, Stored>(
    ids: I,
    limit: NonZeroUsize,
    mut fetch: F,
    store: S,
) where
    I: IntoIterator,
    F: FnMut(I::Item) -> Fut,
    Fut: Future,
    S: FnOnce(Fut::Output) -> Stored + Clone,
    Stored: Future<Output = ()>,
{
    // ANCHOR: inside
    let each = stream::iter(ids).for_each_concurrent(limit.get(), |id| {
        let (fetched, store) = (fetch(id), store.clone());
        async move { store(fetched.await).await }
    });
    each.await;
    // ANCHOR_END: inside
}
// ANCHOR_END: stored_inside

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;
    use futures::future::join_all;
    use std::time::Duration;
    use tokio::time::timeout;

    /// Wrong: all of them at once, and nothing says which answer is whose.
    pub async fn fetch_all<I, F, Fut>(ids: I, fetch: F) -> Vec<Fut::Output>
    where
        I: IntoIterator,
        F: FnMut(I::Item) -> Fut,
        Fut: Future,
    {
        // ANCHOR: unlabelled
        let in_flight: FuturesUnordered<_> = ids.into_iter().map(fetch).collect();
        in_flight.collect().await
        // ANCHOR_END: unlabelled
    }

    /// Wrong: at the limit, what is finished is dropped with what is not.
    pub async fn all_within<I, F, Fut>(
        limit: Duration,
        ids: I,
        fetch: F,
    ) -> Option<Vec<Fut::Output>>
    where
        I: IntoIterator,
        F: FnMut(I::Item) -> Fut,
        Fut: Future,
    {
        // ANCHOR: all_or_nothing
        timeout(limit, join_all(ids.into_iter().map(fetch))).await.ok()
        // ANCHOR_END: all_or_nothing
    }

    /// Wrong: while `store` runs, nobody polls the fetches in the buffer.
    pub async fn store_in_the_loop<I, F, Fut, S, Stored>(
        ids: I,
        limit: NonZeroUsize,
        fetch: F,
        mut store: S,
    ) where
        I: IntoIterator,
        F: FnMut(I::Item) -> Fut,
        Fut: Future,
        S: FnMut(Fut::Output) -> Stored,
        Stored: Future<Output = ()>,
    {
        // ANCHOR: stored_in_the_loop
        let mut fetched = pin!(stream::iter(ids).map(fetch).buffered(limit.get()));
        while let Some(page) = fetched.next().await {
            store(page).await;
        }
        // ANCHOR_END: stored_in_the_loop
    }
}

#[cfg(test)]
mod tests;

//! Many requests, a few at a time.

use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;

use futures::stream::{self, Stream, StreamExt};
use reqwest::Client;
use tokio::sync::{AcquireError, Semaphore};
use tokio::task::JoinSet;

// ANCHOR: sliding_window
/// Runs `work` on every item, at most `limit` at a time; answers come when they are
/// ready.
///
/// # Cancel safety
/// Dropping the stream drops the work in flight at once, where it waits; the other
/// items are never started.
pub fn few_at_a_time<I, F, Fut>(
    items: I,
    limit: NonZeroUsize,
    work: F,
) -> impl Stream<Item = Fut::Output>
where
    I: IntoIterator,
    F: FnMut(I::Item) -> Fut,
    Fut: Future,
{
    stream::iter(items).map(work).buffer_unordered(limit.get())
}
// ANCHOR_END: sliding_window

// ANCHOR: whole_pages
/// Fetches every page with one client, at most `limit` at a time; each address comes
/// back with its page or its own error, whatever becomes of the others.
///
/// A page that never ends keeps its place, so give the client a timeout: it has none by
/// itself.
///
/// # Cancel safety
/// Dropping the stream closes the connections of the requests in flight.
pub fn fetch_pages<I>(
    client: Client,
    urls: I,
    limit: NonZeroUsize,
) -> impl Stream<Item = (String, reqwest::Result<String>)>
where
    I: IntoIterator<Item = String>,
{
    few_at_a_time(urls, limit, move |url| {
        let client = client.clone(); // a handle: the connections are shared
        async move {
            let page = whole_page(&client, &url).await;
            (url, page)
        }
    })
}

async fn whole_page(client: &Client, url: &str) -> reqwest::Result<String> {
    // ANCHOR: body_inside
    client.get(url).send().await?.error_for_status()?.text().await
    // ANCHOR_END: body_inside
}
// ANCHOR_END: whole_pages

// ANCHOR: input_order
/// Like [`few_at_a_time`], in the order of the items. Keeps all answers until the last
/// one.
///
/// # Cancel safety
/// Dropping the future drops the work in flight, and the answers that were there.
pub async fn in_input_order<I, F, Fut>(
    items: I,
    limit: NonZeroUsize,
    mut work: F,
) -> Vec<Fut::Output>
where
    I: IntoIterator,
    F: FnMut(I::Item) -> Fut,
    Fut: Future,
{
    let numbered = items.into_iter().enumerate();
    let answers = few_at_a_time(numbered, limit, move |(index, item)| {
        let answer = work(item);
        async move { (index, answer.await) }
    });
    let mut answers: Vec<_> = answers.collect().await;
    answers.sort_unstable_by_key(|(index, _)| *index);
    answers.into_iter().map(|(_, answer)| answer).collect()
}
// ANCHOR_END: input_order

// ANCHOR: limit_per_host
/// Like [`few_at_a_time`], over the pages of several hosts: at most `per_host` on each
/// of them, and `limit` in all. A page is taken from its host, and `work` called, only
/// when one of the `limit` places is free for it.
///
/// # Cancel safety
/// As [`few_at_a_time`].
pub fn few_per_host<H, I, F, Fut>(
    hosts: H,
    per_host: NonZeroUsize,
    limit: NonZeroUsize,
    work: F,
) -> impl Stream<Item = Fut::Output>
where
    H: IntoIterator<Item = I>,
    I: IntoIterator,
    F: Fn(I::Item) -> Fut + Clone,
    Fut: Future,
{
    let places = Arc::new(Semaphore::new(limit.get().min(Semaphore::MAX_PERMITS)));
    stream::select_all(hosts.into_iter().map(move |pages| {
        let (places, work) = (Arc::clone(&places), work.clone());
        let start = (pages.into_iter(), places);
        let admitted = stream::unfold(start, |(mut pages, places)| async move {
            let place = Arc::clone(&places).acquire_owned().await.ok()?; // never closed
            let page = pages.next()?;
            Some(((page, place), (pages, places)))
        });
        let begun = admitted.map(move |(page, place)| {
            let answer = work(page);
            async move {
                let _place = place; // until the answer is there
                answer.await
            }
        });
        Box::pin(begun.buffer_unordered(per_host.get()))
    }))
}
// ANCHOR_END: limit_per_host

// ANCHOR: permit_before_task
/// Runs `work` on every item on a task of its own that holds one of the `permits`;
/// returns when the last one has begun. Others may draw on the same permits.
///
/// # Errors
/// The semaphore was closed; the tasks are aborted.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// Dropping the future, and later the set, aborts the tasks, which gives their permits
/// back.
pub async fn each_on_a_task<I, F, Fut>(
    items: I,
    permits: Arc<Semaphore>,
    mut work: F,
) -> Result<JoinSet<Fut::Output>, AcquireError>
where
    I: IntoIterator,
    F: FnMut(I::Item) -> Fut,
    Fut: Future<Output: Send + 'static> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    // ANCHOR: permit_first
    for item in items {
        let permit = Arc::clone(&permits).acquire_owned().await?;
        let answer = work(item);
        tasks.spawn(async move {
            let _permit = permit;
            answer.await
        });
    }
    // ANCHOR_END: permit_first
    Ok(tasks)
}
// ANCHOR_END: permit_before_task

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;
    use futures::future::join_all;

    /// Wrong: a chunk starts only when the slowest of the one before has ended.
    pub async fn in_chunks<T, F, Fut>(
        pages: Vec<T>,
        limit: NonZeroUsize,
        fetch: F,
    ) -> Vec<Fut::Output>
    where
        T: Clone,
        F: Fn(T) -> Fut,
        Fut: Future,
    {
        // ANCHOR: chunk_barrier
        let mut answers = Vec::new();
        for chunk in pages.chunks(limit.get()) {
            let requests = chunk.iter().cloned().map(&fetch);
            answers.extend(join_all(requests).await);
        }
        // ANCHOR_END: chunk_barrier
        answers
    }

    /// Right when the order matters; wrong as a way to keep `limit` requests in flight.
    pub fn in_order<I, F, Fut>(
        items: I,
        limit: NonZeroUsize,
        work: F,
    ) -> impl Stream<Item = Fut::Output>
    where
        I: IntoIterator,
        F: FnMut(I::Item) -> Fut,
        Fut: Future,
    {
        stream::iter(items).map(work).buffered(limit.get())
    }

    /// Wrong: the window counts heads; the bodies are still on their way when it moves
    /// on.
    pub fn fetch_heads<I>(
        client: Client,
        urls: I,
        limit: NonZeroUsize,
    ) -> impl Stream<Item = reqwest::Result<reqwest::Response>>
    where
        I: IntoIterator<Item = String>,
    {
        // ANCHOR: body_outside
        few_at_a_time(urls, limit, move |url| client.get(url).send())
        // ANCHOR_END: body_outside
    }

    /// Wrong: a task for every item at once, and nearly all of them wait for a permit.
    pub fn all_on_tasks<I, F, Fut>(
        items: I,
        permits: &Arc<Semaphore>,
        mut work: F,
    ) -> JoinSet<Result<Fut::Output, AcquireError>>
    where
        I: IntoIterator,
        F: FnMut(I::Item) -> Fut,
        Fut: Future<Output: Send + 'static> + Send + 'static,
    {
        let mut tasks = JoinSet::new();
        // ANCHOR: permit_inside_task
        for item in items {
            let (permits, answer) = (Arc::clone(permits), work(item));
            tasks.spawn(async move {
                let _permit = permits.acquire_owned().await?;
                Ok(answer.await)
            });
        }
        // ANCHOR_END: permit_inside_task
        tasks
    }
}

#[cfg(test)]
mod tests;

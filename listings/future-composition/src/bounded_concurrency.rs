//! Many requests, a few at a time.

use std::future::Future;
use std::num::NonZeroUsize;

use futures::stream::{self, Stream, StreamExt};

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

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    // ANCHOR: chunk_barrier
    /// Wrong: a chunk starts only when the slowest of the one before has ended.
    pub async fn in_chunks<T, F, Fut>(
        items: Vec<T>,
        limit: NonZeroUsize,
        work: F,
    ) -> Vec<Fut::Output>
    where
        T: Clone,
        F: Fn(T) -> Fut,
        Fut: Future,
    {
        let mut answers = Vec::with_capacity(items.len());
        for chunk in items.chunks(limit.get()) {
            let requests = chunk.iter().cloned().map(&work);
            answers.extend(futures::future::join_all(requests).await);
        }
        answers
    }
    // ANCHOR_END: chunk_barrier

    // ANCHOR: ordered_window
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
    // ANCHOR_END: ordered_window
}

#[cfg(test)]
mod tests {
    use super::*;
    use backend::Site;
    use std::time::Duration;
    use tokio::time::{Instant, timeout};

    const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
    const PATHS: [&str; 5] = ["slow", "b", "c", "d", "e"];

    /// One page of 100 ms, four of 20 ms.
    fn one_slow_page() -> Site {
        let slow = Site::default().with_page("slow", Duration::from_millis(100));
        let quick = |site: Site, path: &&str| site.with_page(path, Duration::from_millis(20));
        PATHS[1..].iter().fold(slow, quick)
    }

    /// Fetches from a clone of `site`, so that the future owns all it needs.
    fn fetch_from(site: &Site) -> impl Fn(&'static str) -> Fetch + use<> {
        let site = site.clone();
        move |path| {
            let site = site.clone();
            Box::pin(async move { (path, site.fetch(path).await.is_ok()) })
        }
    }
    type Fetch = std::pin::Pin<Box<dyn Future<Output = (&'static str, bool)> + Send>>;

    #[tokio::test(start_paused = true)]
    async fn a_slow_page_holds_up_nobody() {
        let start = Instant::now();
        let answers: Vec<_> =
            few_at_a_time(PATHS, TWO, fetch_from(&one_slow_page())).collect().await;
        assert_eq!(start.elapsed(), Duration::from_millis(100));
        assert_eq!(answers.last(), Some(&("slow", true)));
    }

    #[tokio::test(start_paused = true)]
    async fn never_more_than_the_limit() {
        let site = one_slow_page();
        few_at_a_time(PATHS, TWO, fetch_from(&site)).collect::<Vec<_>>().await;
        assert_eq!(site.load().peak, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_page_fails_alone() {
        let answers: Vec<_> =
            few_at_a_time(["nowhere", "b"], TWO, fetch_from(&one_slow_page())).collect().await;
        assert_eq!(answers, [("nowhere", false), ("b", true)]);
    }

    #[tokio::test(start_paused = true)]
    async fn dropping_the_crawl_drops_its_requests() {
        let site = one_slow_page();
        let crawl = few_at_a_time(PATHS, TWO, fetch_from(&site)).collect::<Vec<_>>();
        timeout(Duration::from_millis(10), crawl).await.unwrap_err();
        let load = site.load();
        assert_eq!((load.in_flight, load.dropped, load.peak), (0, 2, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_crawl_can_be_spawned() {
        let crawl = few_at_a_time(PATHS, TWO, fetch_from(&one_slow_page())).collect::<Vec<_>>();
        assert_eq!(tokio::spawn(crawl).await.unwrap().len(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn in_chunks_each_chunk_waits_for_its_slowest() {
        let start = Instant::now();
        naive::in_chunks(PATHS.to_vec(), TWO, fetch_from(&one_slow_page())).await;
        assert_eq!(start.elapsed(), Duration::from_millis(100 + 20 + 20));
    }

    #[tokio::test(start_paused = true)]
    async fn in_order_a_finished_answer_still_takes_a_place() {
        let start = Instant::now();
        naive::in_order(PATHS, TWO, fetch_from(&one_slow_page())).collect::<Vec<_>>().await;
        assert_eq!(start.elapsed(), Duration::from_millis(100 + 20 + 20));
    }
}

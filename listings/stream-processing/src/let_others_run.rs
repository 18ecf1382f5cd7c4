//! Let other tasks run.

use std::ops::Range;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use futures::stream::{FusedStream, Stream, StreamExt};
use tokio::task::coop;

// ANCHOR: loop_with_budget
/// Calls `work` for each item. When the budget of the task is used up, other tasks run.
///
/// It counts the items that come out of `items`, and not those that a `filter` in it
/// leaves out.
///
/// # Cancel safety
/// It stops between two items, and drops `items`.
pub async fn for_each_with_budget<S: Stream>(items: S, mut work: impl FnMut(S::Item)) {
    let mut items = pin!(items); // `next` needs a stream that does not move
    while let Some(item) = coop::cooperative(items.next()).await {
        work(item);
    }
}
// ANCHOR_END: loop_with_budget

// ANCHOR: counter
/// Counts from 0 up to a number, and leaves that number out.
#[derive(Clone, Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Counter {
    numbers: Range<usize>,
}

impl Stream for Counter {
    type Item = usize;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<usize>> {
        // ANCHOR: spends
        let unit = ready!(coop::poll_proceed(cx)); // no unit left: returns Pending
        unit.made_progress(); // spends `unit`; without this line, it is given back
        Poll::Ready(self.numbers.next())
        // ANCHOR_END: spends
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.numbers.size_hint()
    }
}
// ANCHOR_END: counter

// ANCHOR: counter_rest
impl Counter {
    /// The numbers below `end`.
    pub fn below(end: usize) -> Self {
        Self { numbers: 0..end }
    }
}

impl FusedStream for Counter {
    fn is_terminated(&self) -> bool {
        self.numbers.is_empty()
    }
}
// ANCHOR_END: counter_rest

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: it never lets other tasks run, and does not say how many are left.
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct Counter {
        /// What is left.
        pub numbers: Range<usize>,
    }

    impl Stream for Counter {
        type Item = usize;

        fn poll_next(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<usize>> {
            // ANCHOR: spends_nothing
            Poll::Ready(self.numbers.next())
            // ANCHOR_END: spends_nothing
        }
    }

    /// Wrong: as long as items are ready, no other task of its thread runs.
    pub async fn for_each_without_pause<S: Stream>(
        items: S,
        mut work: impl FnMut(S::Item),
    ) {
        let mut items = pin!(items);
        while let Some(item) = items.next().await {
            work(item);
        }
    }
}

#[cfg(test)]
mod tests;

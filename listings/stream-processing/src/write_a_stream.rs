//! A stream of your own.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::stream::{FusedStream, Stream, StreamExt};
use pin_project_lite::pin_project;
use tokio::task::coop;

// ANCHOR: wrapper
pin_project! {
    /// Leaves out each item that equals the one before it. Made by [`changes`].
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct Changes<S: Stream> {
        #[pin] // `project` gives this field as `Pin<&mut S>`
        inner: S,
        last: Option<S::Item>,
        done: bool,
    }
}

/// Leaves out each item of `inner` that equals the one before it. After its end it does
/// not poll `inner` again.
///
/// Each item that it leaves out spends a unit of the task's budget, so other tasks run
/// while it leaves out many.
///
/// # Cancel safety
/// As that of `inner`. Dropping the stream drops `inner` and a copy of the last item.
pub fn changes<S: Stream>(inner: S) -> Changes<S> {
    Changes { inner, last: None, done: false }
}
// ANCHOR_END: wrapper

// ANCHOR: wrapper_polls
impl<S: Stream<Item: Clone + PartialEq>> Stream for Changes<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        while !*this.done {
            let Some(item) = ready!(this.inner.as_mut().poll_next(cx)) else {
                *this.done = true; // the end of `inner`
                *this.last = None;
                break;
            };
            if this.last.as_ref() != Some(&item) {
                *this.last = Some(item.clone());
                return Poll::Ready(Some(item));
            }
            // The item is left out: spend a unit of the budget, and poll `inner` again.
            ready!(coop::poll_proceed(cx)).made_progress();
        }
        Poll::Ready(None)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.done {
            return (0, Some(0));
        }
        let (at_least, at_most) = self.inner.size_hint();
        // The first item comes out. Each later item may be equal to it.
        let sure = if self.last.is_none() { at_least.min(1) } else { 0 };
        (sure, at_most)
    }
}
// ANCHOR_END: wrapper_polls

// ANCHOR: wrapper_is_fused
impl<S: Stream<Item: Clone + PartialEq>> FusedStream for Changes<S> {
    fn is_terminated(&self) -> bool {
        self.done
    }
}
// ANCHOR_END: wrapper_is_fused

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: see its `poll_next`.
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct Changes<S> {
        inner: S,
        last: Option<u32>,
    }

    /// As [`changes`](super::changes), for numbers, but wrong.
    pub fn changes<S>(inner: S) -> Changes<S> {
        Changes { inner, last: None }
    }

    impl<S: Stream<Item = u32> + Unpin> Stream for Changes<S> {
        type Item = u32;

        fn poll_next(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<u32>> {
            // ANCHOR: pending
            // ANCHOR: pending_again
            let item = ready!(self.inner.poll_next_unpin(cx));
            if item.is_some() && item == self.last {
                return Poll::Pending; // leaves this item out
            }
            // ANCHOR_END: pending
            self.last = item;
            Poll::Ready(item)
            // ANCHOR_END: pending_again
        }
    }
}

#[cfg(test)]
mod tests;

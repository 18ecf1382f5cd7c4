//! A stream of your own.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use futures::stream::{FusedStream, Stream, StreamExt};
use futures::task::AtomicWaker;
use pin_project_lite::pin_project;
use thiserror::Error;
use tokio::task::coop;

// ANCHOR: counter
/// Counts from zero up to `end`, and leaves `end` out.
#[derive(Clone, Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Counter {
    next: usize,
    end: usize,
}

impl Counter {
    /// The numbers below `end`.
    pub fn below(end: usize) -> Self {
        Self { next: 0, end }
    }
}

impl Stream for Counter {
    type Item = usize;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<usize>> {
        let budget = ready!(coop::poll_proceed(cx)); // Pending: others have a turn
        budget.made_progress();
        if self.next == self.end {
            return Poll::Ready(None); // and again, if it is polled again
        }
        self.next += 1;
        Poll::Ready(Some(self.next - 1))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.end - self.next;
        (left, Some(left))
    }
}
// ANCHOR_END: counter

// ANCHOR: counter_is_fused
impl FusedStream for Counter {
    fn is_terminated(&self) -> bool {
        self.next == self.end
    }
}
// ANCHOR_END: counter_is_fused

// ANCHOR: one_slot
/// What the two ends share: one lock for the value and for the waker of its reader.
#[derive(Debug)]
struct Slot<T> {
    newest: Option<T>,
    waker: Option<Waker>,
    has_sender: bool,
    has_reader: bool,
}

impl<T> LatestSender<T> {
    /// Puts `value` into the slot, and returns the one there that nobody has read.
    ///
    /// # Errors
    /// [`NoReader`], with the value, when the stream has been dropped.
    pub fn set(&self, value: T) -> Result<Option<T>, NoReader<T>> {
        let mut slot = lock(&self.slot);
        if !slot.has_reader {
            return Err(NoReader(value));
        }
        let unread = slot.newest.replace(value);
        let waker = slot.waker.take(); // taken: a second value wakes nobody again
        drop(slot); // whoever is woken may come at once
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(unread)
    }
}
// ANCHOR_END: one_slot

// ANCHOR: waits
impl<T> Stream for Latest<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let budget = ready!(coop::poll_proceed(cx));
        let waker = cx.waker().clone(); // foreign code, so before the lock
        let mut slot = lock(&self.slot);
        let value = slot.newest.take();
        if value.is_none() && slot.has_sender {
            // Still under the lock: no value can come between the look and the waker.
            let old = slot.waker.replace(waker);
            drop(slot);
            drop(old); // foreign code as well
            return Poll::Pending; // and `budget` is given back
        }
        budget.made_progress();
        Poll::Ready(value)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let slot = lock(&self.slot);
        let ready = usize::from(slot.newest.is_some());
        (ready, (!slot.has_sender).then_some(ready))
    }
}

impl<T> FusedStream for Latest<T> {
    fn is_terminated(&self) -> bool {
        self.size_hint() == (0, Some(0))
    }
}
// ANCHOR_END: waits

// ANCHOR: both_ends
impl<T> Drop for LatestSender<T> {
    fn drop(&mut self) {
        let mut slot = lock(&self.slot);
        slot.has_sender = false;
        let waker = slot.waker.take();
        drop(slot);
        if let Some(waker) = waker {
            waker.wake(); // the end is something to wake up for, too
        }
    }
}

impl<T> Drop for Latest<T> {
    fn drop(&mut self) {
        let mut slot = lock(&self.slot);
        slot.has_reader = false;
        let unread = (slot.newest.take(), slot.waker.take());
        drop(slot);
        drop(unread);
    }
}
// ANCHOR_END: both_ends

/// Puts values into the slot; made by [`latest`]. Dropped, it ends the stream.
#[derive(Debug)]
pub struct LatestSender<T> {
    slot: Arc<Mutex<Slot<T>>>,
}

/// The newest value each time, and each value once; made by [`latest`]. It ends when
/// the sender is dropped, after the value that is still in the slot.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream drops the value in the slot,
/// and the sender is told at its next `set`.
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Latest<T> {
    slot: Arc<Mutex<Slot<T>>>,
}

/// Nobody reads any more: the stream was dropped. Gives the value back.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the stream that reads the latest value was dropped")]
pub struct NoReader<T>(pub T);

/// A slot for one value: who sets never waits, who reads gets the newest.
pub fn latest<T>() -> (LatestSender<T>, Latest<T>) {
    let slot = Slot { newest: None, waker: None, has_sender: true, has_reader: true };
    let slot = Arc::new(Mutex::new(slot));
    (LatestSender { slot: Arc::clone(&slot) }, Latest { slot })
}

/// No foreign code runs under the lock, and none of ours panics: a poisoned one is as good
/// as any.
fn lock<T>(slot: &Mutex<Slot<T>>) -> MutexGuard<'_, Slot<T>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

// ANCHOR: register_first
/// Looks for a value that no lock guards: first the waker, then the look.
pub fn register_then_look<T>(
    waker: &AtomicWaker,
    cx: &mut Context<'_>,
    look: impl FnOnce() -> Option<T>,
) -> Poll<T> {
    waker.register(cx.waker());
    look().map_or(Poll::Pending, Poll::Ready)
}
// ANCHOR_END: register_first

// ANCHOR: wrapper
pin_project! {
    /// Leaves out each item that equals the one before it. Made by [`changes`].
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct Changes<S: Stream> {
        #[pin]
        inner: S,
        last: Option<S::Item>,
        done: bool,
    }
}

impl<S: Stream<Item: Clone + PartialEq>> Stream for Changes<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        while !*this.done {
            // Pending is passed on: the inner stream has kept the waker of `cx`.
            let item = ready!(this.inner.as_mut().poll_next(cx));
            *this.done = item.is_none();
            if *this.done || item != *this.last {
                this.last.clone_from(&item);
                return Poll::Ready(item);
            }
            // Ready, so nobody kept a waker: ask again, for a unit of the budget.
            ready!(coop::poll_proceed(cx)).made_progress();
        }
        Poll::Ready(None)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.done {
            return (0, Some(0));
        }
        let (least, most) = self.inner.size_hint();
        (least.min(usize::from(self.last.is_none())), most)
    }
}
// ANCHOR_END: wrapper

impl<S: Stream<Item: Clone + PartialEq>> FusedStream for Changes<S> {
    fn is_terminated(&self) -> bool {
        self.done
    }
}

/// Leaves out each item of `inner` that equals the one before it. Stays at its end:
/// `inner` is not asked after its own. Each item that it leaves out costs a unit of the
/// task's budget, so other tasks have a turn while it leaves out many.
///
/// # Cancel safety
/// As that of `inner`. Dropping the stream drops `inner` and a copy of the last item.
pub fn changes<S: Stream>(inner: S) -> Changes<S> {
    Changes { inner, last: None, done: false }
}

// ANCHOR: polite_loop
/// Runs `work` on each item of a stream that knows nothing of Tokio. When the budget of
/// the task is used up, the other tasks have a turn. It counts the items that come out:
/// what a `filter` in `items` leaves out, it does not see.
///
/// # Cancel safety
/// It is dropped between two items, and drops `items`.
pub async fn for_each<S: Stream>(items: S, mut work: impl FnMut(S::Item)) {
    let mut items = pin!(items);
    while let Some(item) = coop::cooperative(items.next()).await {
        work(item);
    }
}
// ANCHOR_END: polite_loop

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    // ANCHOR: always_ready
    /// Wrong: it never gives up its thread, and does not say how many are left.
    #[derive(Debug)]
    pub struct Counter(pub std::ops::Range<usize>);

    impl Stream for Counter {
        type Item = usize;

        fn poll_next(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<usize>> {
            Poll::Ready(self.0.next())
        }
    }
    // ANCHOR_END: always_ready

    // ANCHOR: impolite_loop
    /// Wrong: as long as items are ready, this never gives up its thread.
    pub async fn for_each<S: Stream>(items: S, mut work: impl FnMut(S::Item)) {
        let mut items = pin!(items);
        while let Some(item) = items.next().await {
            work(item);
        }
    }
    // ANCHOR_END: impolite_loop

    pin_project! {
        /// Wrong: see its `poll_next`.
        #[derive(Debug)]
        pub struct Changes<S: Stream> {
            #[pin]
            inner: S,
            last: Option<S::Item>,
        }
    }

    /// As [`changes`](super::changes), but wrong.
    pub fn changes<S: Stream>(inner: S) -> Changes<S> {
        Changes { inner, last: None }
    }

    // ANCHOR: swallowed
    impl<S: Stream<Item: Clone + PartialEq>> Stream for Changes<S> {
        type Item = S::Item;

        fn poll_next(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<S::Item>> {
            let this = self.project();
            let item = ready!(this.inner.poll_next(cx));
            if item.is_some() && item == *this.last {
                return Poll::Pending; // wrong: nobody has the waker
            }
            this.last.clone_from(&item);
            Poll::Ready(item)
        }
    }
    // ANCHOR_END: swallowed

    /// Wrong: see its `poll_next`.
    #[derive(Debug)]
    pub struct FirstWaker<T>(pub Latest<T>);

    // ANCHOR: first_waker
    impl<T> Stream for FirstWaker<T> {
        type Item = T;

        fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
            let mut slot = lock(&self.0.slot);
            let value = slot.newest.take();
            if value.is_none() && slot.has_sender {
                if slot.waker.is_none() {
                    slot.waker = Some(cx.waker().clone()); // wrong: the task may change
                }
                return Poll::Pending;
            }
            Poll::Ready(value)
        }
    }
    // ANCHOR_END: first_waker

    // ANCHOR: look_first
    /// Wrong: a value that comes between the look and the waker wakes nobody.
    pub fn look_then_register<T>(
        waker: &AtomicWaker,
        cx: &mut Context<'_>,
        look: impl FnOnce() -> Option<T>,
    ) -> Poll<T> {
        if let Some(value) = look() {
            return Poll::Ready(value);
        }
        waker.register(cx.waker());
        Poll::Pending
    }
    // ANCHOR_END: look_first
}

#[cfg(test)]
mod tests;

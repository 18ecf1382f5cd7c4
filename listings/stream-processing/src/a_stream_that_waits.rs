//! A stream that waits for a value from another thread.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use futures::stream::{FusedStream, Stream};
use futures::task::AtomicWaker;
use thiserror::Error;
use tokio::task::coop;

// ANCHOR: slot
/// What both ends share.
#[derive(Debug)]
struct Slot<T> {
    newest: Option<T>,
    waker: Option<Waker>, // the reader's, while it waits
    has_sender: bool,
    has_reader: bool,
}

/// Puts values into the slot; made by [`latest`]. Dropping it ends the stream.
#[derive(Debug)]
pub struct LatestSender<T> {
    slot: Arc<Mutex<Slot<T>>>,
}

/// A stream of the newest value, each value once; made by [`latest`]. It ends when the
/// sender is dropped, after the value that is still in the slot.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream drops the value in the slot,
/// and the next `set` returns [`NoReader`].
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Latest<T> {
    slot: Arc<Mutex<Slot<T>>>,
}
// ANCHOR_END: slot

// ANCHOR: latest
/// Both ends of an empty slot. The sender never waits, and the reader gets the newest.
pub fn latest<T>() -> (LatestSender<T>, Latest<T>) {
    let slot = Slot { newest: None, waker: None, has_sender: true, has_reader: true };
    let slot = Arc::new(Mutex::new(slot));
    (LatestSender { slot: Arc::clone(&slot) }, Latest { slot })
}

/// Locks the slot, even if another thread panicked while it held the lock.
fn lock<T>(slot: &Mutex<Slot<T>>) -> MutexGuard<'_, Slot<T>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}
// ANCHOR_END: latest

// ANCHOR: set
impl<T> LatestSender<T> {
    /// Puts `value` into the slot. Returns the unread value that it replaces.
    ///
    /// # Errors
    /// [`NoReader`], with the value, if the stream has been dropped.
    pub fn set(&self, value: T) -> Result<Option<T>, NoReader<T>> {
        let mut slot = lock(&self.slot);
        if !slot.has_reader {
            return Err(NoReader(value));
        }
        let unread = slot.newest.replace(value);
        // ANCHOR: wake_unlocked
        let waker = slot.waker.take();
        drop(slot); // unlocks
        if let Some(waker) = waker {
            waker.wake();
        }
        // ANCHOR_END: wake_unlocked
        Ok(unread)
    }
}
// ANCHOR_END: set

// ANCHOR: no_reader
/// The stream was dropped. Gives the value back.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the stream that reads the latest value was dropped")]
pub struct NoReader<T>(pub T);
// ANCHOR_END: no_reader

// ANCHOR: look
impl<T> Latest<T> {
    /// Takes the newest value. If there is none, stores the waker.
    fn poll_newest(&self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        // ANCHOR: one_lock
        let waker = cx.waker().clone(); // before the lock: it runs code of the runtime
        let mut slot = lock(&self.slot);
        let newest = slot.newest.take();
        if newest.is_none() && slot.has_sender {
            // Still locked: no value can come before the waker is stored.
            // ANCHOR: each_waker
            let old_waker = slot.waker.replace(waker);
            // ANCHOR_END: each_waker
            drop(slot); // unlocks
            drop(old_waker);
            return Poll::Pending;
        }
        // ANCHOR_END: one_lock
        Poll::Ready(newest) // `None`: the sender is gone
    }
}
// ANCHOR_END: look

// ANCHOR: stream
impl<T> Stream for Latest<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let unit = ready!(coop::poll_proceed(cx)); // no unit left: returns Pending
        let newest = ready!(self.poll_newest(cx)); // no value: gives `unit` back
        unit.made_progress(); // a value, or the end: spends `unit`
        Poll::Ready(newest)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let slot = lock(&self.slot);
        let ready = usize::from(slot.newest.is_some());
        (ready, (!slot.has_sender).then_some(ready))
    }
}
// ANCHOR_END: stream

// ANCHOR: slot_is_fused
impl<T> FusedStream for Latest<T> {
    fn is_terminated(&self) -> bool {
        self.size_hint() == (0, Some(0))
    }
}
// ANCHOR_END: slot_is_fused

// ANCHOR: both_ends
impl<T> Drop for LatestSender<T> {
    fn drop(&mut self) {
        let mut slot = lock(&self.slot);
        slot.has_sender = false;
        let waker = slot.waker.take();
        drop(slot); // unlocks
        if let Some(waker) = waker {
            waker.wake(); // the reader has to see the end
        }
    }
}

impl<T> Drop for Latest<T> {
    fn drop(&mut self) {
        let mut slot = lock(&self.slot);
        slot.has_reader = false;
        let unread = (slot.newest.take(), slot.waker.take());
        drop(slot); // unlocks
        drop(unread);
    }
}
// ANCHOR_END: both_ends

/// Looks for a value that no lock guards: first the waker, then the look.
pub fn register_then_look<T>(
    waker: &AtomicWaker,
    cx: &mut Context<'_>,
    look: impl FnOnce() -> Option<T>,
) -> Poll<T> {
    // ANCHOR: waker_then_look
    waker.register(cx.waker());
    match look() {
        Some(value) => Poll::Ready(value),
        None => Poll::Pending,
    }
    // ANCHOR_END: waker_then_look
}

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: see its `poll_next`. It knows no end.
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct TwoLocks<T>(pub Latest<T>);

    impl<T> Stream for TwoLocks<T> {
        type Item = T;

        fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
            let slot = &self.0.slot;
            // ANCHOR: two_locks
            // ANCHOR: two_locks_again
            if let Some(price) = lock(slot).newest.take() {
                return Poll::Ready(Some(price));
            }
            lock(slot).waker = Some(cx.waker().clone());
            Poll::Pending
            // ANCHOR_END: two_locks_again
            // ANCHOR_END: two_locks
        }
    }

    /// Wrong: see its `poll_next`.
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct FirstWaker<T>(pub Latest<T>);

    impl<T> Stream for FirstWaker<T> {
        type Item = T;

        fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
            let mut slot = lock(&self.0.slot);
            let value = slot.newest.take();
            if value.is_none() && slot.has_sender {
                // ANCHOR: keep_first
                if slot.waker.is_none() {
                    slot.waker = Some(cx.waker().clone());
                }
                // ANCHOR_END: keep_first
                return Poll::Pending;
            }
            Poll::Ready(value)
        }
    }

    /// Wrong: it calls the waker while the slot is locked.
    ///
    /// # Errors
    /// As [`LatestSender::set`].
    pub fn set_and_wake_locked<T>(
        sender: &LatestSender<T>,
        value: T,
    ) -> Result<Option<T>, NoReader<T>> {
        let mut slot = lock(&sender.slot);
        if !slot.has_reader {
            return Err(NoReader(value));
        }
        let unread = slot.newest.replace(value);
        // ANCHOR: wake_locked
        if let Some(waker) = slot.waker.take() {
            waker.wake(); // `slot` is still locked
        }
        // ANCHOR_END: wake_locked
        Ok(unread)
    }

    /// Wrong: a value that comes between the look and the waker wakes nobody.
    pub fn look_then_register<T>(
        waker: &AtomicWaker,
        cx: &mut Context<'_>,
        look: impl FnOnce() -> Option<T>,
    ) -> Poll<T> {
        // ANCHOR: look_then_waker
        if let Some(value) = look() {
            return Poll::Ready(value);
        }
        waker.register(cx.waker());
        Poll::Pending
        // ANCHOR_END: look_then_waker
    }
}

#[cfg(test)]
mod tests;

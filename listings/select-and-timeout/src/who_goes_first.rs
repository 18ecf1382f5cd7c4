//! When several branches are ready, which one wins?

use std::future::Future; // only edition 2021 needs this line
use std::num::NonZeroU32;
use std::pin::pin;
use std::time::Duration;

use tokio::select;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

// ANCHOR: until_stopped
/// Passes each message to `work`, until `stop` is cancelled or the channel ends.
/// Returns how many it has passed.
///
/// # Cancel safety
/// If you drop this while it waits, no message is lost. If you drop it while `work`
/// runs, the message of that `work` is lost with it.
pub async fn until_stopped<T, Fut: Future<Output = ()>>(
    stop: &CancellationToken,
    messages: &mut mpsc::Receiver<T>,
    mut work: impl FnMut(T) -> Fut,
) -> u32 {
    let mut done = 0;
    loop {
        select! {
            biased; // polls from top to bottom
            () = stop.cancelled() => return done,
            message = messages.recv() => {
                let Some(message) = message else { return done };
                work(message).await;
                done += 1;
            }
        }
    }
}
// ANCHOR_END: until_stopped

/// Passes each message to `work`, for no longer than `limit`, or until the channel ends. Returns how many. A message
/// that is being worked on at the limit is finished.
///
/// # Cancel safety
/// See [`until_stopped`].
pub async fn for_a_while<T, Fut: Future<Output = ()>>(
    limit: Duration,
    messages: &mut mpsc::Receiver<T>,
    mut work: impl FnMut(T) -> Fut,
) -> u32 {
    let mut closing = pin!(sleep(limit));
    let mut done = 0;
    loop {
        select! {
            // ANCHOR: limit_first
            biased;
            () = &mut closing => return done,
            message = messages.recv() => {
                let Some(message) = message else { return done };
                work(message).await;
                done += 1;
            }
            // ANCHOR_END: limit_first
        }
    }
}

// ANCHOR: desk
/// Two queues. Urgent messages go first, but after `in_a_row` of them, a normal message
/// that waits gets its turn.
#[derive(Debug)]
pub struct Desk<T> {
    urgent: mpsc::Receiver<T>,
    normal: mpsc::Receiver<T>,
    in_a_row: NonZeroU32,
    /// Urgent messages since the last normal one.
    passed: u32,
}

impl<T> Desk<T> {
    /// A desk that reads these two queues.
    pub fn new(
        urgent: mpsc::Receiver<T>,
        normal: mpsc::Receiver<T>,
        in_a_row: NonZeroU32,
    ) -> Self {
        Self { urgent, normal, in_a_row, passed: 0 }
    }
}
// ANCHOR_END: desk

// ANCHOR: next
impl<T> Desk<T> {
    /// The next message. `None` when both queues have ended.
    ///
    /// # Cancel safety
    /// If you drop this, no message is lost.
    pub async fn next(&mut self) -> Option<T> {
        let owed = self.passed >= self.in_a_row.get();
        let waits = if owed { self.normal.try_recv().ok() } else { None };
        if let Some(message) = waits {
            self.passed = 0;
            return Some(message);
        }
        select! {
            biased;
            Some(message) = self.urgent.recv() => {
                self.passed = self.passed.saturating_add(1);
                Some(message)
            }
            Some(message) = self.normal.recv() => {
                self.passed = 0;
                Some(message)
            }
            else => None,
        }
    }
}
// ANCHOR_END: next

/// How it goes wrong.
pub mod naive {
    use super::*;

    /// Wrong: while messages wait, nobody looks at the stop.
    pub async fn until_stopped<T, Fut: Future<Output = ()>>(
        stop: &CancellationToken,
        messages: &mut mpsc::Receiver<T>,
        mut work: impl FnMut(T) -> Fut,
    ) -> u32 {
        let mut done = 0;
        loop {
            select! {
                // ANCHOR: stop_last
                biased;
                message = messages.recv() => {
                    let Some(message) = message else { return done };
                    work(message).await;
                    done += 1;
                }
                () = stop.cancelled() => return done,
                // ANCHOR_END: stop_last
            }
        }
    }

    /// Not wrong, but late by chance: both branches are ready, and one of them is drawn.
    pub async fn until_stopped_by_chance<T, Fut: Future<Output = ()>>(
        stop: &CancellationToken,
        messages: &mut mpsc::Receiver<T>,
        mut work: impl FnMut(T) -> Fut,
    ) -> u32 {
        let mut done = 0;
        loop {
            select! {
                () = stop.cancelled() => return done,
                message = messages.recv() => {
                    let Some(message) = message else { return done };
                    work(message).await;
                    done += 1;
                }
            }
        }
    }

    /// Wrong: while messages wait, nobody looks at the timer.
    pub async fn for_a_while<T, Fut: Future<Output = ()>>(
        limit: Duration,
        messages: &mut mpsc::Receiver<T>,
        mut work: impl FnMut(T) -> Fut,
    ) -> u32 {
        let mut closing = pin!(sleep(limit));
        let mut done = 0;
        loop {
            select! {
                // ANCHOR: limit_last
                biased;
                message = messages.recv() => {
                    let Some(message) = message else { return done };
                    work(message).await;
                    done += 1;
                }
                () = &mut closing => return done,
                // ANCHOR_END: limit_last
            }
        }
    }

    /// Wrong: while urgent messages come, no normal message is read.
    pub async fn next<T>(
        urgent: &mut mpsc::Receiver<T>,
        normal: &mut mpsc::Receiver<T>,
    ) -> Option<T> {
        // ANCHOR: urgent_always
        select! {
            biased;
            Some(message) = urgent.recv() => Some(message),
            Some(message) = normal.recv() => Some(message),
            else => None,
        }
        // ANCHOR_END: urgent_always
    }

    /// No order of urgency: the branch is drawn.
    pub async fn next_by_chance<T>(
        urgent: &mut mpsc::Receiver<T>,
        normal: &mut mpsc::Receiver<T>,
    ) -> Option<T> {
        select! {
            Some(message) = urgent.recv() => Some(message),
            Some(message) = normal.recv() => Some(message),
            else => None,
        }
    }
}

#[cfg(test)]
mod tests;

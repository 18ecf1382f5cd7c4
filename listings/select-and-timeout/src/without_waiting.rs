//! Look whether something is there, without waiting for it.

use std::future::ready;

use tokio::select;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

// ANCHOR: take_all
/// Whether more messages can come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Channel {
    /// A sender still exists, or a permit to send.
    Open,
    /// All messages were taken, and no more can come.
    Closed,
}

/// Passes the messages of the channel to `each` until it is empty, and waits for none.
///
/// It also takes what comes meanwhile, and nothing whose `send` still waits for room.
pub fn take_all<T>(
    messages: &mut mpsc::Receiver<T>,
    mut each: impl FnMut(T),
) -> Channel {
    loop {
        match messages.try_recv() {
            Ok(message) => each(message),
            Err(TryRecvError::Empty) => return Channel::Open,
            Err(TryRecvError::Disconnected) => return Channel::Closed,
        }
    }
}
// ANCHOR_END: take_all

// ANCHOR: either_now
/// A message of `urgent`, or else one of `normal`, or `None` if neither has one now.
///
/// # Cancel safety
/// If you drop this, it has taken no message.
pub async fn either_now<T>(
    urgent: &mut mpsc::Receiver<T>,
    normal: &mut mpsc::Receiver<T>,
) -> Option<T> {
    select! {
        biased; // from top to bottom, so the last branch is the default
        Some(message) = urgent.recv() => Some(message),
        Some(message) = normal.recv() => Some(message),
        () = ready(()) => None, // ready at once
    }
}
// ANCHOR_END: either_now

/// Counts the messages that are in the channel now.
pub fn count_now<T>(messages: &mut mpsc::Receiver<T>) -> usize {
    let mut count = 0;
    // ANCHOR: try_recv
    while let Ok(_message) = messages.try_recv() {
        count += 1;
    }
    // ANCHOR_END: try_recv
    count
}

/// Does `work` for each item that was not cancelled before its turn.
///
/// # Cancel safety
/// If you drop this between two items, the cancellations that it has read are lost.
pub async fn work_and_look(
    items: impl IntoIterator<Item = u32>,
    cancelled: &mut mpsc::Receiver<u32>,
    mut work: impl FnMut(u32),
) {
    let mut skipped = Vec::new();
    // ANCHOR: with_a_turn
    for item in items {
        tokio::task::yield_now().await; // senders on this thread get a turn
        take_all(cancelled, |number| skipped.push(number));
        if !skipped.contains(&item) {
            work(item);
        }
    }
    // ANCHOR_END: with_a_turn
}

/// Waits for one message. `None`: the channel has ended.
///
/// # Cancel safety
/// If you drop this, it has taken no message.
pub async fn wait<T>(messages: &mut mpsc::Receiver<T>) -> Option<T> {
    // ANCHOR: recv
    messages.recv().await
    // ANCHOR_END: recv
}

/// How it goes wrong.
pub mod naive {
    use futures::FutureExt;

    use super::*;

    /// Wrong: `else` is no default, so this waits for a message.
    pub async fn with_else<T>(messages: &mut mpsc::Receiver<T>) -> Option<T> {
        // ANCHOR: with_else
        select! {
            Some(message) = messages.recv() => Some(message),
            else => None, // the channel has ended
        }
        // ANCHOR_END: with_else
    }

    /// Wrong: after 128 messages, `recv` says "not yet" though messages are there.
    pub fn count_now<T>(messages: &mut mpsc::Receiver<T>) -> usize {
        let mut count = 0;
        // ANCHOR: now_or_never
        while let Some(Some(_message)) = messages.recv().now_or_never() {
            count += 1;
        }
        // ANCHOR_END: now_or_never
        count
    }

    /// Wrong: the `select!` of the crate futures does not know the budget either.
    pub fn count_with_default<T>(messages: &mut mpsc::Receiver<T>) -> usize {
        let mut count = 0;
        loop {
            // ANCHOR: default
            let message = futures::select! {
                message = messages.recv().fuse() => message,
                default => None,
            };
            // ANCHOR_END: default
            match message {
                Some(_) => count += 1,
                None => return count,
            }
        }
    }

    /// Wrong: it never gives its thread to a sender.
    pub fn work_and_look(
        items: impl IntoIterator<Item = u32>,
        cancelled: &mut mpsc::Receiver<u32>,
        mut work: impl FnMut(u32),
    ) {
        let mut skipped = Vec::new();
        // ANCHOR: without_a_turn
        for item in items {
            take_all(cancelled, |number| skipped.push(number));
            if !skipped.contains(&item) {
                work(item);
            }
        }
        // ANCHOR_END: without_a_turn
    }

    /// Wrong: it looks as often as the processor can, until a message comes.
    pub async fn wait<T>(messages: &mut mpsc::Receiver<T>) -> Option<T> {
        // ANCHOR: spin
        loop {
            match messages.try_recv() {
                Ok(message) => break Some(message),
                Err(TryRecvError::Disconnected) => break None,
                Err(TryRecvError::Empty) => tokio::task::yield_now().await,
            }
        }
        // ANCHOR_END: spin
    }
}

#[cfg(test)]
mod tests;

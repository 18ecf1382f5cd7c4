//! A limit and a stop for each message, with one timer and one place in the list of the token.

use std::pin::pin;
use std::time::Duration;

use tokio::select;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

// ANCHOR: end
/// How a reader ended, and what it cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// Messages that came.
    pub messages: u32,
    /// How often a timer was set.
    pub timers: u32,
    /// No message came for the limit; otherwise, the channel has ended.
    pub silent: bool,
}
// ANCHOR_END: end

/// Passes each message to `handle`, until none has come for `limit`, or the channel ends.
///
/// # Panics
/// `limit` is too long for an [`Instant`]; or outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, no message is lost.
// ANCHOR: until_silent
pub async fn until_silent<T>(
    messages: &mut mpsc::Receiver<T>,
    limit: Duration,
    mut handle: impl FnMut(T),
) -> Read {
    let mut read = Read { messages: 0, timers: 1, silent: false };
    let mut last = Instant::now();
    let mut timer = pin!(sleep_until(last + limit));
    loop {
        select! {
            biased; // a message that is there is not silence
            message = messages.recv() => {
                let Some(message) = message else { return read };
                handle(message);
                read.messages += 1;
                last = Instant::now(); // and the timer stays as it is
            }
            () = &mut timer => {
                if last.elapsed() >= limit {
                    return Read { silent: true, ..read };
                }
                timer.as_mut().reset(last + limit); // for the rest of the time
                read.timers += 1;
            }
        }
    }
}
// ANCHOR_END: until_silent

/// Passes each message to `handle`, until `stop` is cancelled or the channel ends.
///
/// # Cancel safety
/// If you drop this, no message is lost.
pub async fn until_stopped<T>(
    messages: &mut mpsc::Receiver<T>,
    stop: &CancellationToken,
    mut handle: impl FnMut(T),
) {
    // ANCHOR: pinned_stop
    let mut stopped = pin!(stop.cancelled()); // one future for all messages
    loop {
        select! {
            biased;
            () = &mut stopped => return,
            message = messages.recv() => {
                let Some(message) = message else { return };
                handle(message);
            }
        }
    }
    // ANCHOR_END: pinned_stop
}

/// What most code starts with, kept to be measured against.
pub mod naive {
    use tokio::time::timeout;

    use super::*;

    /// Right, but it sets a timer for each message.
    pub async fn until_silent<T>(
        messages: &mut mpsc::Receiver<T>,
        limit: Duration,
        mut handle: impl FnMut(T),
    ) -> Read {
        let mut read = Read { messages: 0, timers: 0, silent: false };
        // ANCHOR: timer_each
        loop {
            read.timers += 1;
            match timeout(limit, messages.recv()).await {
                Ok(Some(message)) => handle(message),
                Ok(None) => return read,
                Err(_) => return Read { silent: true, ..read },
            }
            read.messages += 1;
        }
        // ANCHOR_END: timer_each
    }
}

#[cfg(test)]
mod tests;

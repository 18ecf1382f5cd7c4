//! A time limit for a loop.

use std::future::Future; // only edition 2021 needs this line
use std::pin::pin;
use std::time::Duration;

use tokio::select;
use tokio::sync::mpsc;
use tokio::time::sleep;

// ANCHOR: until
/// Calls `handle` for each message until `limit` is over, or the channel has ended. The
/// limit stops no handler: the loop ends when the handler that is running has ended.
///
/// # Cancel safety
/// Dropping this drops the handler that is running, and the message that it has.
pub async fn until<T, Fut: Future<Output = ()>>(
    messages: &mut mpsc::Receiver<T>,
    limit: Duration,
    mut handle: impl FnMut(T) -> Fut,
) {
    let mut limit = pin!(sleep(limit)); // one for the whole loop
    loop {
        select! {
            biased; // looks at the limit first
            () = &mut limit => break,
            message = messages.recv() => match message {
                Some(message) => handle(message).await,
                None => break,
            },
        }
    }
}
// ANCHOR_END: until

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: each message starts the time again.
    pub async fn until<T, Fut: Future<Output = ()>>(
        messages: &mut mpsc::Receiver<T>,
        limit: Duration,
        mut handle: impl FnMut(T) -> Fut,
    ) {
        // ANCHOR: a_limit_each_round
        loop {
            select! {
                biased;
                () = sleep(limit) => break,
                message = messages.recv() => match message {
                    Some(message) => handle(message).await,
                    None => break,
                },
            }
        }
        // ANCHOR_END: a_limit_each_round
    }
}

#[cfg(test)]
mod tests;

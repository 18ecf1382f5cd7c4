//! `select!` in a loop: what a round drops, and what it keeps.

use std::future::Future; // only edition 2021 needs this line
use std::pin::pin;
use std::time::Duration;

use tokio::select;
use tokio::sync::mpsc;
use tokio::time::{interval, sleep};

/// Waits for `upload`, and calls `meanwhile` at once and then once every `period`.
///
/// # Panics
/// `period` is zero.
///
/// # Cancel safety
/// Dropping this drops the upload where it waits.
pub async fn while_busy<T>(
    upload: impl Future<Output = T>,
    period: Duration,
    mut meanwhile: impl FnMut(),
) -> T {
    let mut ticks = interval(period);
    let mut upload = pin!(upload);
    loop {
        select! {
            result = &mut upload => return result,
            _ = ticks.tick() => meanwhile(),
        }
    }
}

/// Calls `handle` for each message of both channels, until both have ended.
///
/// # Cancel safety
/// Dropping this drops both channels, with the messages in them.
pub async fn read_both<T>(
    mut orders: mpsc::Receiver<T>,
    mut chat: mpsc::Receiver<T>,
    mut handle: impl FnMut(T),
) {
    loop {
        select! {
            // ANCHOR: until_the_end
            Some(message) = orders.recv() => handle(message),
            Some(message) = chat.recv() => handle(message),
            else => break,
            // ANCHOR_END: until_the_end
        }
    }
}

/// The next order, if there is an inbox and it comes within `limit`.
///
/// # Cancel safety
/// Dropping this loses no order.
pub async fn order_within<T>(
    inbox: &mut Option<mpsc::Receiver<T>>,
    limit: Duration,
) -> Option<T> {
    select! {
        // ANCHOR: made_when_polled
        Some(order) = async { inbox.as_mut()?.recv().await } => Some(order),
        // ANCHOR_END: made_when_polled
        () = sleep(limit) => None,
    }
}

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: each round begins a new upload, and the next tick drops it.
    pub async fn while_busy<T, Fut: Future<Output = T>>(
        mut upload: impl FnMut() -> Fut,
        period: Duration,
        mut meanwhile: impl FnMut(),
    ) -> T {
        let mut ticks = interval(period);
        // ANCHOR: an_upload_each_round
        loop {
            select! {
                result = upload() => return result,
                _ = ticks.tick() => meanwhile(),
            }
        }
        // ANCHOR_END: an_upload_each_round
    }

    /// Wrong: after the end, `recv` is ready in each round.
    pub async fn read_both<T>(
        mut orders: mpsc::Receiver<T>,
        mut chat: mpsc::Receiver<T>,
        mut handle: impl FnMut(Option<T>),
    ) {
        loop {
            select! {
                // ANCHOR: without_end
                message = orders.recv() => handle(message),
                message = chat.recv() => handle(message),
                // ANCHOR_END: without_end
            }
        }
    }

    /// Wrong: `recv` is called before the condition can stop it.
    ///
    /// # Panics
    /// There is no inbox.
    pub async fn order_within<T>(
        inbox: &mut Option<mpsc::Receiver<T>>,
        limit: Duration,
    ) -> Option<T> {
        select! {
            // ANCHOR: made_before_the_condition
            Some(order) = inbox.as_mut().unwrap().recv(), if inbox.is_some() => Some(order),
            // ANCHOR_END: made_before_the_condition
            () = sleep(limit) => None,
        }
    }
}

#[cfg(test)]
mod tests;

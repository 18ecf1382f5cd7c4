//! What a handler may do.

use std::future::Future; // only edition 2021 needs this line
use std::num::{NonZeroUsize, ParseIntError};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::select;
use tokio::sync::{Mutex, mpsc};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{interval, sleep};

/// Saves each order beside the loop, at most `at_once` at a time, and calls `beat` at
/// once and then once every `period`, until the channel has ended and all are saved.
///
/// # Errors
/// A `save` panicked. The saves that still ran are aborted.
///
/// # Panics
/// Outside a Tokio runtime, or `period` is zero.
///
/// # Cancel safety
/// Dropping this aborts the saves that run, and drops the orders in the channel.
// ANCHOR: serve
pub async fn serve<T, Fut: Future<Output = ()> + Send + 'static>(
    mut orders: mpsc::Receiver<T>,
    at_once: NonZeroUsize,
    mut save: impl FnMut(T) -> Fut,
    period: Duration,
    mut beat: impl FnMut(),
) -> Result<(), JoinError> {
    let mut beats = interval(period);
    let mut running = JoinSet::new();
    let mut open = true;
    while open || !running.is_empty() {
        let may_begin = open && running.len() < at_once.get();
        select! {
            order = orders.recv(), if may_begin => match order {
                Some(order) => {
                    running.spawn(save(order));
                }
                None => open = false,
            },
            Some(saved) = running.join_next() => saved?,
            _ = beats.tick() => beat(),
        }
    }
    Ok(())
}
// ANCHOR_END: serve

/// Adds up what two shops have sold, until both have closed.
///
/// # Errors
/// The first message that is no number.
///
/// # Cancel safety
/// Dropping this loses the sum so far.
// ANCHOR: total
pub async fn total(
    mut north: mpsc::Receiver<&'static str>,
    mut south: mpsc::Receiver<&'static str>,
) -> Result<u32, ParseIntError> {
    let mut sum = 0;
    loop {
        select! {
            Some(text) = north.recv() => sum += text.parse::<u32>()?,
            Some(text) = south.recv() => sum += text.parse::<u32>()?,
            else => return Ok(sum),
        }
    }
}
// ANCHOR_END: total

// ANCHOR: save
/// Takes one piece out of `stock`, and locks it until that is written down.
async fn save(stock: Arc<Mutex<u32>>) {
    let mut left = stock.lock().await;
    *left -= 1;
    sleep(Duration::from_secs(1)).await; // at work: writes it down
}
// ANCHOR_END: save

/// What is left, if `save` needs longer than `limit`.
///
/// # Panics
/// Outside a Tokio runtime, or `stock` is zero.
///
/// # Cancel safety
/// Dropping this stops the waiting; `save` goes on.
pub async fn save_or_report(stock: Arc<Mutex<u32>>, limit: Duration) -> Option<u32> {
    // ANCHOR: saved_by_a_task
    let mut saving = tokio::spawn(save(Arc::clone(&stock)));
    select! {
        _ = &mut saving => None,
        () = sleep(limit) => Some(*stock.lock().await),
    }
    // ANCHOR_END: saved_by_a_task
}

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: while an order is saved, nobody polls the ticks.
    pub async fn serve<T, Fut: Future<Output = ()>>(
        mut orders: mpsc::Receiver<T>,
        mut save: impl FnMut(T) -> Fut,
        period: Duration,
        mut beat: impl FnMut(),
    ) {
        let mut beats = interval(period);
        loop {
            // ANCHOR: save_in_the_handler
            select! {
                order = orders.recv() => match order {
                    Some(order) => save(order).await, // needs 320 ms
                    None => break,
                },
                _ = beats.tick() => beat(),
            }
            // ANCHOR_END: save_in_the_handler
        }
    }

    /// Wrong: the handler waits for the lock of `saving`, and nobody polls `saving`.
    pub async fn save_or_report(
        stock: Arc<Mutex<u32>>,
        limit: Duration,
    ) -> Option<u32> {
        // ANCHOR: saved_by_a_borrow
        let mut saving = pin!(save(Arc::clone(&stock)));
        select! {
            () = &mut saving => None,
            () = sleep(limit) => Some(*stock.lock().await),
        }
        // ANCHOR_END: saved_by_a_borrow
    }
}

#[cfg(test)]
mod tests;

//! The same desk with `select!`, and with something simpler.

use std::pin::pin;

use futures::stream::{self, Stream};
use tokio::select;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;

// ANCHOR: next_order
/// Reads one order: the product, then the amount.
///
/// # Cancel safety
/// Not cancel safe: if you drop it between the two messages, the product is lost.
pub async fn next_order(lines: &mut mpsc::Receiver<String>) -> Option<String> {
    let product = lines.recv().await?;
    let amount = lines.recv().await?;
    Some(format!("{amount} x {product}"))
}
// ANCHOR_END: next_order

// ANCHOR: orders
/// All orders of a shop, as a stream, which keeps an order that is half read.
///
/// # Cancel safety
/// If you drop a `next()` of this stream, no message is lost.
pub fn orders(lines: mpsc::Receiver<String>) -> impl Stream<Item = String> {
    stream::unfold(lines, |mut lines| async move {
        let order = next_order(&mut lines).await?; // `None`: the shop has closed
        Some((order, lines))
    })
}
// ANCHOR_END: orders

/// Passes the orders of two shops to `write`, as they come, until both have closed.
///
/// # Cancel safety
/// If you drop this, an order that is half read is lost with the rest of its shop.
pub async fn merged(
    town: mpsc::Receiver<String>,
    web: mpsc::Receiver<String>,
    mut write: impl FnMut(String),
) {
    let mut all = pin!(orders(town).merge(orders(web)));
    while let Some(order) = all.next().await {
        write(order);
    }
}

// ANCHOR: one_queue
/// One queue for many shops: a task for each shop reads whole orders into it.
///
/// A task ends when its shop closes, or at its next order after the queue is dropped.
pub fn one_queue(shops: Vec<mpsc::Receiver<String>>) -> mpsc::Receiver<String> {
    let (sender, queue) = mpsc::channel(16);
    for mut lines in shops {
        let sender = sender.clone();
        tokio::spawn(async move {
            while let Some(order) = next_order(&mut lines).await {
                if sender.send(order).await.is_err() {
                    break; // the desk is gone
                }
            }
        });
    }
    queue // the last sender is gone when the last shop has closed
}
// ANCHOR_END: one_queue

/// Passes the orders of a queue to `write`, until the queue ends or `stop` is cancelled. Says whether it was cancelled.
///
/// # Cancel safety
/// If you drop this, no order is lost: what `write` has not got is in the queue.
pub async fn until_stopped(
    queue: &mut mpsc::Receiver<String>,
    stop: &CancellationToken,
    mut write: impl FnMut(String),
) -> bool {
    // ANCHOR: until_stopped
    let work = async {
        while let Some(order) = queue.recv().await {
            write(order);
        }
    };
    let stopped = stop.run_until_cancelled(work).await.is_none();
    // ANCHOR_END: until_stopped
    stopped
}

/// How it goes wrong.
pub mod naive {
    use super::*;

    /// Wrong: each order that is read drops the other shop's order, which may be half read.
    pub async fn selected(
        mut town: mpsc::Receiver<String>,
        mut web: mpsc::Receiver<String>,
        mut write: impl FnMut(String),
    ) {
        // ANCHOR: selected
        loop {
            select! {
                Some(order) = next_order(&mut town) => write(order),
                Some(order) = next_order(&mut web) => write(order),
                else => break,
            }
        }
        // ANCHOR_END: selected
    }
}

#[cfg(test)]
mod tests;

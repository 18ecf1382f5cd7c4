//! `select!` in a loop: what a round drops, and what it keeps.

use std::future::Future; // only edition 2021 needs this line
use std::num::ParseIntError;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, Stream};
use tokio::select;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{Mutex, mpsc};
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
            // ANCHOR: one_upload
            result = &mut upload => return result,
            // ANCHOR_END: one_upload
            _ = ticks.tick() => meanwhile(),
        }
    }
}

// ANCHOR: next_order
/// Waits for two messages: the product, and how many of it.
pub async fn next_order(messages: &mut mpsc::Receiver<&'static str>) -> Option<String> {
    let product = messages.recv().await?;
    let amount = messages.recv().await?;
    Some(format!("{amount} x {product}"))
}
// ANCHOR_END: next_order

/// All orders. The `next_order` that is running is stored in this stream.
///
/// # Cancel safety
/// If you drop a `next()` of this stream, no message is lost.
// ANCHOR: all_orders
pub fn all_orders(
    messages: mpsc::Receiver<&'static str>,
) -> impl Stream<Item = String> {
    stream::unfold(messages, |mut messages| async move {
        let order = next_order(&mut messages).await?; // `None`: the end
        Some((order, messages))
    })
}
// ANCHOR_END: all_orders

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
    // ANCHOR: one_limit
    let mut limit = pin!(sleep(limit)); // one for the whole loop
    loop {
        select! {
            biased; // looks at the limit first
            // ANCHOR: whole_limit
            () = &mut limit => break,
            // ANCHOR_END: whole_limit
            message = messages.recv() => match message {
                Some(message) => handle(message).await,
                None => break,
            },
        }
    }
    // ANCHOR_END: one_limit
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

/// Sends `order`, if there is a free place in the channel within `limit`.
///
/// # Errors
/// There was none, or the receiver is gone: the order comes back.
///
/// # Cancel safety
/// Dropping this drops `order`, and nothing was sent.
pub async fn offer<T>(
    sender: &mpsc::Sender<T>,
    order: T,
    limit: Duration,
) -> Result<(), SendTimeoutError<T>> {
    select! {
        biased;
        // ANCHOR: place_first
        place = sender.reserve() => match place {
            Ok(place) => {
                place.send(order);
                Ok(())
            }
            Err(_) => Err(SendTimeoutError::Closed(order)), // nobody reads any more
        },
        // ANCHOR_END: place_first
        () = sleep(limit) => Err(SendTimeoutError::Timeout(order)),
    }
}

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
        loop {
            select! {
                // ANCHOR: an_upload_each_round
                result = upload() => return result,
                // ANCHOR_END: an_upload_each_round
                _ = ticks.tick() => meanwhile(),
            }
        }
    }

    /// Wrong: each message starts the time again.
    pub async fn until<T, Fut: Future<Output = ()>>(
        messages: &mut mpsc::Receiver<T>,
        limit: Duration,
        mut handle: impl FnMut(T) -> Fut,
    ) {
        loop {
            select! {
                biased;
                // ANCHOR: a_limit_each_round
                () = sleep(limit) => break,
                // ANCHOR_END: a_limit_each_round
                message = messages.recv() => match message {
                    Some(message) => handle(message).await,
                    None => break,
                },
            }
        }
    }

    /// Wrong: if the timer wins, the future of `send` is dropped with its `order`.
    pub async fn offer<T>(sender: &mpsc::Sender<T>, order: T, limit: Duration) -> bool {
        select! {
            biased;
            // ANCHOR: order_in_the_future
            sent = sender.send(order) => sent.is_ok(),
            // ANCHOR_END: order_in_the_future
            () = sleep(limit) => false,
        }
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

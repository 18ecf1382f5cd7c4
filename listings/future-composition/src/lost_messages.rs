//! A loop that loses messages.

use std::future::Future; // only edition 2021 needs this line
use std::pin::pin;
use std::time::Duration;

use futures::stream::{self, Stream};
use tokio::select;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::time::sleep;

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

/// Whether an alarm comes before `stop`. Each other message goes to `put_aside`.
///
/// # Cancel safety
/// Dropping this loses no message.
pub async fn alarm_before(
    stop: impl Future<Output = ()>,
    inbox: &mut mpsc::Receiver<&'static str>,
    mut put_aside: impl FnMut(&'static str),
) -> bool {
    let mut stop = pin!(stop);
    loop {
        select! {
            // ANCHOR: each_message
            Some(message) = inbox.recv() => match message {
                "alarm" => return true,
                other => put_aside(other),
            },
            // ANCHOR_END: each_message
            () = &mut stop => return false,
        }
    }
}

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

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

    /// Wrong: a message that is no alarm is lost, and then nobody reads the inbox.
    pub async fn alarm_before(
        stop: impl Future<Output = ()>,
        inbox: &mut mpsc::Receiver<&'static str>,
    ) -> bool {
        select! {
            // ANCHOR: alarms_only
            Some("alarm") = inbox.recv() => true,
            // ANCHOR_END: alarms_only
            () = stop => false,
        }
    }
}

#[cfg(test)]
mod tests;

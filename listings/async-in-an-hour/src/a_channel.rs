//! A channel, and who ends it.

use std::future::Future; // only edition 2021 needs this line

use tokio::sync::mpsc;

/// All orders of two waiters, in the order in which they come. `waiter` gets a sender.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// Dropping this loses the orders so far; the waiters see at their next `send` that
/// nobody reads.
pub async fn all_orders<Fut: Future<Output = ()> + Send + 'static>(
    waiter: impl Fn(&'static str, u64, mpsc::Sender<String>) -> Fut,
) -> Vec<String> {
    // ANCHOR: dropped_in_main
    let mut orders = Vec::new();
    let (sender, mut receiver) = mpsc::channel(8);
    tokio::spawn(waiter("Ann", 20, sender.clone()));
    tokio::spawn(waiter("Bob", 30, sender.clone()));
    drop(sender);

    while let Some(order) = receiver.recv().await {
        orders.push(order);
    }
    // ANCHOR_END: dropped_in_main
    orders
}

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: `sender` lives until the end of this function, which waits for that end.
    pub async fn all_orders<Fut: Future<Output = ()> + Send + 'static>(
        waiter: impl Fn(&'static str, u64, mpsc::Sender<String>) -> Fut,
    ) -> Vec<String> {
        // ANCHOR: alive_in_main
        let mut orders = Vec::new();
        let (sender, mut receiver) = mpsc::channel(8);
        tokio::spawn(waiter("Ann", 20, sender.clone()));
        tokio::spawn(waiter("Bob", 30, sender.clone()));

        while let Some(order) = receiver.recv().await {
            orders.push(order);
        }
        // ANCHOR_END: alive_in_main
        orders
    }
}

#[cfg(test)]
mod tests;

//! What all cores write to: a counter that is touched for each item, or once for many.

use std::num::NonZeroUsize;

use tokio::sync::mpsc;

// ANCHOR: alone
/// Adds up `sizes` alone, then calls `add` with the sum: one write that others see.
pub fn add_once(sizes: &[u64], add: impl Fn(u64)) {
    let mut sum = 0;
    for size in sizes {
        sum += size;
    }
    add(sum);
}
// ANCHOR_END: alone

// ANCHOR: many
/// Adds up what comes, and takes up to `at_once` numbers from the channel at a time.
/// Returns the sum when the channel has ended.
///
/// # Cancel safety
/// If you drop this, the numbers that it has taken are lost. The others stay in the
/// channel.
pub async fn sum_of(numbers: &mut mpsc::Receiver<u64>, at_once: NonZeroUsize) -> u64 {
    let (mut sum, mut taken) = (0, Vec::new());
    while numbers.recv_many(&mut taken, at_once.get()).await > 0 {
        sum += taken.drain(..).sum::<u64>();
    }
    sum
}
// ANCHOR_END: many

/// How it goes wrong.
pub mod naive {
    use super::*;

    /// Wrong: each item is a write to what all cores share.
    // ANCHOR: for_each
    pub fn add_each(sizes: &[u64], add: impl Fn(u64)) {
        for size in sizes {
            add(*size);
        }
    }
    // ANCHOR_END: for_each

    /// Wrong: each number touches the queue to which all senders write.
    ///
    /// # Cancel safety
    /// If you drop this, the numbers that it has taken are lost.
    // ANCHOR: recv_each
    pub async fn sum_each(numbers: &mut mpsc::Receiver<u64>) -> u64 {
        let mut sum = 0;
        while let Some(number) = numbers.recv().await {
            sum += number;
        }
        sum
    }
    // ANCHOR_END: recv_each
}

#[cfg(test)]
mod tests;

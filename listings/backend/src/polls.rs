//! How often a future is polled until it ends.
//!
//! Support: no page shows this file.

use std::future::{Future, poll_fn};
use std::pin::pin;

/// A future that is polled so often spins.
const MOST: usize = 100_000;

/// What `future` gives, and how often it was polled.
///
/// # Panics
/// At the poll 100,000.
pub async fn polls<F: Future>(future: F) -> (F::Output, usize) {
    let mut future = pin!(future);
    let mut polls = 0;
    let output = poll_fn(|cx| {
        polls += 1;
        assert!(polls < MOST, "it spins");
        future.as_mut().poll(cx)
    });
    let output = output.await;
    (output, polls)
}

#[cfg(test)]
mod tests;

//! A stream: some of its items, as they come.

use tokio_stream::{Stream, StreamExt};

/// The first `count` readings over 20 degrees.
///
/// # Cancel safety
/// Dropping this loses the readings so far.
// ANCHOR: take_and_collect
pub async fn first_warm(readings: impl Stream<Item = i32>, count: usize) -> Vec<i32> {
    readings.filter(|degrees| *degrees > 20).take(count).collect().await
}
// ANCHOR_END: take_and_collect

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: waits for the end of a stream that never ends.
    // ANCHOR: collect_and_truncate
    pub async fn first_warm(
        readings: impl Stream<Item = i32>,
        count: usize,
    ) -> Vec<i32> {
        let mut warm: Vec<i32> =
            readings.filter(|degrees| *degrees > 20).collect().await;
        warm.truncate(count);
        warm
    }
    // ANCHOR_END: collect_and_truncate
}

#[cfg(test)]
mod tests;

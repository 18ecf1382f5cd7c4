//! A channel whose messages come at times that a test knows.
//!
//! Support: no page shows this file.

use std::future::{Future, pending, ready};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Sends each message at its time, in milliseconds from now, and closes at once after the last.
///
/// # Panics
/// Outside a Tokio runtime.
pub fn closing<T: Send + 'static, const N: usize>(
    messages: [(u64, T); N],
) -> mpsc::Receiver<T> {
    sending(messages, ready(()))
}

/// Sends each message at its time, in milliseconds from now, and never closes.
///
/// # Panics
/// Outside a Tokio runtime.
pub fn staying_open<T: Send + 'static, const N: usize>(
    messages: [(u64, T); N],
) -> mpsc::Receiver<T> {
    sending(messages, pending())
}

fn sending<T: Send + 'static, const N: usize>(
    messages: [(u64, T); N],
    until: impl Future<Output = ()> + Send + 'static,
) -> mpsc::Receiver<T> {
    let (sender, receiver) = mpsc::channel(16);
    let start = Instant::now();
    tokio::spawn(async move {
        for (at, message) in messages {
            sleep_until(start + Duration::from_millis(at)).await;
            if sender.send(message).await.is_err() {
                return; // the test has seen enough
            }
        }
        until.await;
    });
    receiver
}

#[cfg(test)]
mod tests;

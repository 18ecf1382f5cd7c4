//! Channels with messages in them, for proofs about loops that read them.
//!
//! Support: no page shows this file.

use std::future;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

/// A channel with `messages` in it, and one place more.
///
/// # Panics
/// `messages` says a length that it does not have.
pub fn filled<T>(
    messages: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
) -> (mpsc::Sender<T>, mpsc::Receiver<T>) {
    let messages = messages.into_iter();
    let (sender, receiver) = mpsc::channel(messages.len() + 1);
    for message in messages {
        assert!(sender.try_send(message).is_ok(), "there is room");
    }
    (sender, receiver)
}

/// A channel with `messages` in it, which then ends.
///
/// # Panics
/// As [`filled`].
pub fn ended<T>(
    messages: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
) -> mpsc::Receiver<T> {
    filled(messages).1
}

/// A channel whose sender sends one message every `period`, the first after one period, and which does not end.
///
/// # Panics
/// Outside a Tokio runtime.
pub fn every<T: Send + 'static>(
    period: Duration,
    messages: impl IntoIterator<Item = T, IntoIter: Send + 'static>,
) -> mpsc::Receiver<T> {
    let (sender, receiver) = mpsc::channel(1);
    let messages = messages.into_iter();
    tokio::spawn(async move {
        for message in messages {
            sleep(period).await;
            assert!(sender.send(message).await.is_ok(), "somebody reads");
        }
        future::pending::<()>().await;
    });
    receiver
}

//! Two channels, and the first message of either.

use std::future::Future; // only edition 2021 needs this line

use tokio::select;
use tokio::sync::mpsc;

// ANCHOR: first
/// A message, and which of two channels it came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum First<A, B> {
    /// It came from the left one.
    Left(A),
    /// It came from the right one.
    Right(B),
}
// ANCHOR_END: first

// ANCHOR: first_of_two
/// Waits for the first message of two channels. `None`: both have ended.
///
/// If both have a message, either may win. The other message stays in its channel.
///
/// # Cancel safety
/// If you drop this, it has taken no message.
pub async fn first_of_two<A, B>(
    left: &mut mpsc::Receiver<A>,
    right: &mut mpsc::Receiver<B>,
) -> Option<First<A, B>> {
    // ANCHOR: with_else
    select! {
        Some(message) = left.recv() => Some(First::Left(message)),
        Some(message) = right.recv() => Some(First::Right(message)),
        else => None, // both have ended
    }
    // ANCHOR_END: with_else
}
// ANCHOR_END: first_of_two

// ANCHOR: answer
/// Does `work`, and sends its answer, or gives it back if nobody reads it any more.
///
/// # Errors
/// The receiver is gone or closed. The error is the answer.
///
/// # Cancel safety
/// If you drop this while it waits for room in the channel, the answer is lost.
pub async fn answer<T>(
    work: impl Future<Output = T>,
    sender: mpsc::Sender<T>,
) -> Result<(), T> {
    let message = work.await;
    // ANCHOR: normal_end
    match sender.send(message).await {
        Ok(()) => Ok(()),
        Err(refused) => Err(refused.0), // nobody waits any more
    }
    // ANCHOR_END: normal_end
}
// ANCHOR_END: answer

// ANCHOR: while_wanted
/// Does `work` as long as somebody waits for it, and sends its answer.
/// Says whether the answer is in the channel.
///
/// # Cancel safety
/// If you drop this, `work` is dropped, or its answer if it waits for room.
pub async fn answer_while_wanted<T>(
    work: impl Future<Output = T>,
    sender: mpsc::Sender<T>,
) -> bool {
    select! {
        biased; // first look whether anybody waits
        () = sender.closed() => false,
        message = work => sender.send(message).await.is_ok(),
    }
}
// ANCHOR_END: while_wanted

/// How it goes wrong.
pub mod naive {
    use super::*;

    /// Wrong: if both channels have ended, no branch is left.
    ///
    /// # Panics
    /// Both channels have ended.
    pub async fn without_else<A, B>(
        left: &mut mpsc::Receiver<A>,
        right: &mut mpsc::Receiver<B>,
    ) -> Option<First<A, B>> {
        // ANCHOR: without_else
        select! {
            Some(message) = left.recv() => Some(First::Left(message)),
            Some(message) = right.recv() => Some(First::Right(message)),
        }
        // ANCHOR_END: without_else
    }

    /// Wrong: a channel that has ended answers `None` at once, and wins.
    pub async fn any_answer<A, B>(
        left: &mut mpsc::Receiver<A>,
        right: &mut mpsc::Receiver<B>,
    ) -> Option<First<A, B>> {
        // ANCHOR: any_answer
        select! {
            message = left.recv() => message.map(First::Left),
            message = right.recv() => message.map(First::Right),
        }
        // ANCHOR_END: any_answer
    }

    /// Wrong: it owns the receivers, so it drops what is still in them.
    pub async fn owned<A, B>(
        mut left: mpsc::Receiver<A>,
        mut right: mpsc::Receiver<B>,
    ) -> Option<First<A, B>> {
        super::first_of_two(&mut left, &mut right).await
    }

    /// Wrong: that nobody reads the answer is normal, and no reason to panic.
    ///
    /// # Panics
    /// The receiver is gone.
    pub async fn answer<T: std::fmt::Debug>(
        work: impl Future<Output = T>,
        sender: mpsc::Sender<T>,
    ) {
        let message = work.await;
        // ANCHOR: unwrap
        sender.send(message).await.unwrap();
        // ANCHOR_END: unwrap
    }
}

#[cfg(test)]
mod tests;

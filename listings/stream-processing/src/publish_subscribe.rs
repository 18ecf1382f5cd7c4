//! One publisher, many subscribers, and the one that is too slow.

use std::future::{Future, ready};
use std::num::NonZeroUsize;
use std::time::Duration;

use async_stream::stream;
use futures::stream::{Stream, StreamExt};
use thiserror::Error;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{mpsc, watch};
use tokio::task::coop;
use tokio::time::timeout;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

// ANCHOR: go_on
/// Leaves out what was missed and goes on; `missed` is told how many it was.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream unsubscribes.
pub fn go_on<T, F>(
    messages: broadcast::Receiver<T>,
    mut missed: F,
) -> impl Stream<Item = T>
where
    T: Clone + Send + 'static,
    F: FnMut(u64),
{
    BroadcastStream::new(messages).filter_map(move |message| {
        ready(match message {
            Ok(message) => Some(message),
            Err(BroadcastStreamRecvError::Lagged(count)) => {
                missed(count);
                None
            }
        })
    })
}
// ANCHOR_END: go_on

// ANCHOR: disconnect
/// The subscriber was too slow, and messages are gone.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the subscriber fell behind and missed {missed} messages")]
pub struct FellBehind {
    /// How many messages.
    pub missed: u64,
}

/// Ends with an error once a message was missed, and unsubscribes then.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream unsubscribes.
pub fn disconnect<T: Clone>(
    mut messages: broadcast::Receiver<T>,
) -> impl Stream<Item = Result<T, FellBehind>> {
    stream! {
        loop {
            match messages.recv().await {
                Ok(message) => yield Ok(message),
                Err(RecvError::Lagged(missed)) => {
                    drop(messages);
                    yield Err(FellBehind { missed });
                    break;
                }
                Err(RecvError::Closed) => break,
            }
        }
    }
}
// ANCHOR_END: disconnect

// ANCHOR: resync_types
/// A state, or a change to it. The version of a state says how many changes it has had;
/// change 1 makes version 1 of version 0, and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versioned<T> {
    /// Of the state; of a change, the one that it makes.
    pub version: u64,
    /// The state, or the change.
    pub value: T,
}

/// What a subscriber of a state needs: all of it once, then each change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update<S, T> {
    /// The whole state; forget what you had.
    State(S),
    /// The next change to it, which what you have does not include yet.
    Change(T),
}
// ANCHOR_END: resync_types

// ANCHOR: resync
/// Begins with the state. When changes were missed, subscribes anew and *then* reads
/// the state again, so that no change falls in between. Leaves out the changes that the
/// state has already: each change is there once, in the state or after it.
///
/// What `read` gives must include each change that was sent before it was called. So
/// change the state first and then send, in the order of the versions.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream drops `read` where it waits,
/// and unsubscribes.
pub fn resync<T, S, F, Fut>(
    mut changes: broadcast::Receiver<Versioned<T>>,
    mut read: F,
) -> impl Stream<Item = Update<S, T>>
where
    T: Clone,
    F: FnMut() -> Fut,
    Fut: Future<Output = Versioned<S>>,
{
    stream! {
        loop {
            let Versioned { mut version, value } = read().await;
            yield Update::State(value);
            loop {
                match changes.recv().await {
                    Ok(change) if change.version <= version => {} // it is in the state
                    Ok(change) if change.version - version == 1 => {
                        version = change.version;
                        yield Update::Change(change.value);
                    }
                    Ok(_) | Err(RecvError::Lagged(_)) => break, // some are missing
                    Err(RecvError::Closed) => return,
                }
            }
            changes = changes.resubscribe();
        }
    }
}
// ANCHOR_END: resync

// ANCHOR: hub
/// Gives each subscriber a queue of its own, and loses no message. One that has no room
/// holds the publisher up, for `patience`; then it is dropped. `Duration::MAX`: never.
#[derive(Debug)]
pub struct Hub<T> {
    patience: Duration,
    queues: Vec<mpsc::Sender<T>>,
}

impl<T: Clone> Hub<T> {
    /// A hub without subscribers.
    pub fn new(patience: Duration) -> Self {
        Self { patience, queues: Vec::new() }
    }

    /// Gets every message from now on, with room for `capacity`.
    ///
    /// # Panics
    /// When `capacity` is more than
    /// [`Semaphore::MAX_PERMITS`](tokio::sync::Semaphore::MAX_PERMITS).
    pub fn subscribe(&mut self, capacity: NonZeroUsize) -> mpsc::Receiver<T> {
        let (queue, messages) = mpsc::channel(capacity.get());
        self.queues.push(queue);
        messages
    }
}
// ANCHOR_END: hub

// ANCHOR: publish
impl<T: Clone> Hub<T> {
    /// Waits for room in every queue, then sends to all. Says how many they are.
    ///
    /// # Cancel safety
    /// Dropped while it waits, it has sent to nobody, and dropped no subscriber.
    pub async fn publish(&mut self, message: T) -> usize {
        coop::consume_budget().await; // others have a turn, however much room there is
        if self.queues.iter().any(|queue| queue.capacity() == 0) {
            let room_in_all = async {
                for queue in &self.queues {
                    // Nobody else sends: the room stays when its permit is dropped.
                    drop(queue.reserve().await);
                }
            };
            let _some_are_too_slow = timeout(self.patience, room_in_all).await;
        }
        self.queues.retain(|queue| queue.try_send(message.clone()).is_ok());
        self.queues.len()
    }
}
// ANCHOR_END: publish

// ANCHOR: latest
/// Hands the value to `apply`, and after that the latest one whenever it has changed.
/// Ends when the sender is gone and its last value was applied.
///
/// # Cancel safety
/// Dropped, it drops `apply` where it waits. Called again, it begins with the value
/// that is there then, so the last one is never left out.
pub async fn for_each_latest<T, F, Fut>(values: &mut watch::Receiver<T>, mut apply: F)
where
    T: Clone,
    F: FnMut(T) -> Fut,
    Fut: Future<Output = ()>,
{
    loop {
        let value = values.borrow_and_update().clone(); // and lets go of the lock
        apply(value).await;
        if values.changed().await.is_err() {
            break;
        }
    }
}

/// Waits for a value that is `wanted`: the one that is there, or a later one. `None`:
/// the sender is gone, and its last value was not wanted.
///
/// # Cancel safety
/// Dropped, it has seen no value that was wanted.
pub async fn once_it_is<T: Clone>(
    values: &mut watch::Receiver<T>,
    wanted: impl FnMut(&T) -> bool,
) -> Option<T> {
    values.wait_for(wanted).await.ok().map(|value| value.clone())
}
// ANCHOR_END: latest

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    // ANCHOR: until_error
    /// Wrong: a subscriber that fell behind takes it for the end.
    pub async fn until_error<T: Clone>(
        mut messages: broadcast::Receiver<T>,
        mut take: impl FnMut(T),
    ) {
        while let Ok(message) = messages.recv().await {
            take(message);
        }
    }
    // ANCHOR_END: until_error

    // ANCHOR: silent_loss
    /// Wrong: nobody learns that messages are missing.
    pub fn messages<T: Clone + Send + 'static>(
        messages: broadcast::Receiver<T>,
    ) -> impl Stream<Item = T> {
        BroadcastStream::new(messages).filter_map(|message| ready(message.ok()))
    }
    // ANCHOR_END: silent_loss
}

#[cfg(test)]
mod tests;

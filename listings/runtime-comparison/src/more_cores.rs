//! A state that several tasks divide among them, so that more cores do more.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::future::Future; // only edition 2021 needs this line
use std::hash::{BuildHasher, Hash};
use std::num::NonZeroUsize;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

// ANCHOR: parts
/// Tasks that divide a state among them. A key names the task that owns its part.
///
/// When this is dropped, each task works off its queue, and ends.
pub struct Parts<R> {
    queues: Vec<mpsc::Sender<R>>,
    hasher: RandomState,
}
// ANCHOR_END: parts

impl<R: Send + 'static> Parts<R> {
    /// Starts `count` tasks. `owner` gets the queue of one part, with room for `places`
    /// requests. The tasks are in the `JoinSet`: if you drop it, they are aborted.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    // ANCHOR: start
    pub fn start<W, Fut>(
        count: NonZeroUsize,
        places: NonZeroUsize,
        mut owner: W,
    ) -> (Self, JoinSet<Fut::Output>)
    where
        W: FnMut(mpsc::Receiver<R>) -> Fut,
        Fut: Future + Send + 'static,
        Fut::Output: Send + 'static,
    {
        // A Tokio channel panics if it is asked for more places.
        let places = places.get().min(Semaphore::MAX_PERMITS);
        let (mut queues, mut tasks) = (Vec::new(), JoinSet::new());
        for _part in 0..count.get() {
            let (queue, requests) = mpsc::channel(places);
            tasks.spawn(owner(requests));
            queues.push(queue);
        }
        (Self { queues, hasher: RandomState::new() }, tasks)
    }
    // ANCHOR_END: start

    /// The queue of the part that `key` belongs to: always the same one for the same key.
    // ANCHOR: part_of
    pub fn part_of<K: Hash + ?Sized>(&self, key: &K) -> &mpsc::Sender<R> {
        let hash = self.hasher.hash_one(key) as usize;
        &self.queues[hash % self.queues.len()]
    }
    // ANCHOR_END: part_of
}

impl<R> fmt::Debug for Parts<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("count", &self.queues.len())
            .finish_non_exhaustive()
    }
}

/// How it goes wrong.
pub mod naive {
    use super::*;

    /// Wrong: an order of requests lives in one queue, and each key has several here.
    // ANCHOR: in_turn
    pub fn any_part<'parts, R>(
        queues: &'parts [mpsc::Sender<R>],
        turn: &mut usize,
    ) -> &'parts mpsc::Sender<R> {
        *turn += 1;
        &queues[*turn % queues.len()]
    }
    // ANCHOR_END: in_turn
}

#[cfg(test)]
mod tests;

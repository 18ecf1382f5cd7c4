//! When another task of the same thread runs beside some work.
//!
//! Support: no page shows this file.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};

use tokio::sync::mpsc;
use tokio::task::yield_now;

/// What Tokio 1.54.1 gives a task for each poll.
pub const BUDGET: usize = 128;

/// Counts the items that the work has done.
#[derive(Clone, Debug, Default)]
pub struct Done {
    items: Arc<AtomicUsize>,
}

impl Done {
    /// One more.
    pub fn one(&self) {
        self.items.fetch_add(1, Ordering::SeqCst);
    }

    /// How many so far.
    pub fn count(&self) -> usize {
        self.items.load(Ordering::SeqCst)
    }
}

/// Spawns a task that yields for ever; at each of its turns it notes how many items of
/// `work` are `done`. Returns what `work` made, and the notes.
///
/// # Panics
/// Outside a Tokio runtime.
pub async fn turns_beside<F: Future>(done: &Done, work: F) -> (F::Output, Vec<usize>) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let seen = done.clone();
    let ticker = tokio::spawn(async move {
        while sender.send(seen.count()).is_ok() {
            yield_now().await;
        }
    });
    let output = work.await;
    ticker.abort();
    let mut turns = Vec::new();
    while let Ok(turn) = receiver.try_recv() {
        turns.push(turn);
    }
    (output, turns)
}

/// Spawns a task that says a word; whoever blocks the thread hears nothing.
///
/// # Panics
/// Outside a Tokio runtime.
pub fn a_word_from_another_task() -> Receiver<&'static str> {
    let (says, heard) = channel();
    tokio::spawn(async move { says.send("I ran") });
    heard
}

#[cfg(test)]
mod tests;

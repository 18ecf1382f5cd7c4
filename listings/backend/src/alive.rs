//! How many of a thing exist.
//!
//! Support: no page shows this file.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::yield_now;

use crate::cancel::after_polls;

/// Counts the guards that it handed out: what is still held, and what has been dropped.
#[derive(Clone, Debug, Default)]
pub struct Alive {
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    made: AtomicUsize,
    dropped: AtomicUsize,
}

/// Counts as alive until it is dropped.
#[must_use = "a guard that is dropped at once counts nothing"]
#[derive(Debug)]
pub struct Guard {
    counts: Arc<Counts>,
}

impl Alive {
    /// A guard to move into the future, task or closure that is watched.
    pub fn guard(&self) -> Guard {
        self.counts.made.fetch_add(1, Ordering::SeqCst);
        Guard { counts: Arc::clone(&self.counts) }
    }

    /// Guards that exist now.
    pub fn count(&self) -> usize {
        self.counts.made.load(Ordering::SeqCst) - self.dropped()
    }

    /// Guards dropped so far.
    pub fn dropped(&self) -> usize {
        self.counts.dropped.load(Ordering::SeqCst)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.counts.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

/// Makes a future again and again and drops it after 0, 1, 2, … polls, until one ends by itself. Returns after how
/// many of these something of it was still alive; a few turns of the runtime later, nothing may be.
///
/// # Panics
/// Something stays alive.
pub async fn left_at_drops<F: Future>(make: impl Fn(&Alive) -> F) -> usize {
    let mut left = 0;
    for polls in 0.. {
        let alive = Alive::default();
        let output = after_polls(polls, make(&alive)).await;
        left += usize::from(alive.count() > 0);
        for _ in 0..3 {
            yield_now().await;
        }
        assert_eq!(alive.count(), 0, "after {polls} polls");
        if output.is_some() {
            return left;
        }
    }
    unreachable!("it ends after some polls")
}

#[cfg(test)]
mod tests;

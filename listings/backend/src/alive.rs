//! How many of a thing exist.
//!
//! Support: no page shows this file.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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

#[cfg(test)]
mod tests;

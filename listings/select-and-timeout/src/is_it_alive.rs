//! Is the runtime alive? A task that beats, and a thread outside of the runtime that looks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::task::AbortOnDropHandle;

// ANCHOR: heartbeat
/// A task that counts, for as long as you keep this.
#[derive(Debug)]
pub struct Heartbeat {
    beats: Arc<AtomicU64>,
    _task: AbortOnDropHandle<()>,
}

impl Heartbeat {
    /// Begins with a beat, and beats once in each `every`.
    ///
    /// # Panics
    /// `every` is zero; or outside a Tokio runtime.
    pub fn start(every: Duration) -> Self {
        let beats = Arc::new(AtomicU64::new(0));
        let (counter, mut ticks) = (Arc::clone(&beats), interval(every));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let task = tokio::spawn(async move {
            loop {
                ticks.tick().await;
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { beats, _task: AbortOnDropHandle::new(task) }
    }

    /// Looks at this heart from outside of the runtime.
    pub fn observer(&self) -> Observer {
        Observer { beats: Arc::clone(&self.beats), last: 0 }
    }
}
// ANCHOR_END: heartbeat

// ANCHOR: observer
/// Remembers how many beats there were.
#[derive(Debug)]
pub struct Observer {
    beats: Arc<AtomicU64>,
    last: u64,
}

impl Observer {
    /// Whether there was a beat since the last look.
    pub fn beats(&mut self) -> bool {
        let now = self.beats.load(Ordering::Relaxed);
        let moved = now != self.last;
        self.last = now;
        moved
    }
}
// ANCHOR_END: observer

// ANCHOR: watchdog
/// A thread that looks at a heart. If you drop this, the thread ends.
#[derive(Debug)]
pub struct Watchdog {
    _stop: Sender<()>,
}

impl Watchdog {
    /// Looks once in each `patience`. If no beat came in that time, calls `stuck` on
    /// the thread, once, and ends.
    ///
    /// # Panics
    /// The thread cannot be made.
    pub fn start(
        mut heart: Observer,
        patience: Duration,
        stuck: impl FnOnce() + Send + 'static,
    ) -> Self {
        let (stop, stopped) = channel();
        thread::spawn(move || {
            loop {
                match stopped.recv_timeout(patience) {
                    Err(RecvTimeoutError::Timeout) if heart.beats() => {}
                    Err(RecvTimeoutError::Timeout) => return stuck(),
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        });
        Self { _stop: stop }
    }
}
// ANCHOR_END: watchdog

/// What most code starts with, kept to be measured against.
pub mod naive {
    use tokio::time::sleep;

    use super::*;

    /// Wrong: the observer is a task of the runtime that it looks at.
    pub async fn watch(mut heart: Observer, patience: Duration) {
        // ANCHOR: task_that_looks
        loop {
            sleep(patience).await; // a runtime that is stuck does not wake it
            if !heart.beats() {
                return; // and the log says that the runtime is stuck
            }
        }
        // ANCHOR_END: task_that_looks
    }
}

#[cfg(test)]
mod tests;

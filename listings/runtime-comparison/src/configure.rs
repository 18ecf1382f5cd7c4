//! A runtime of your own: what its threads are called, how large their stacks are, and how many there are.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::{Builder, Runtime};

/// Names for `thread_name_fn`: `prefix-0`, `prefix-1`, and so on.
// ANCHOR: numbered
pub fn numbered(prefix: &str) -> impl Fn() -> String + Send + Sync + 'static {
    let prefix = prefix.to_owned();
    let next = AtomicUsize::new(0);
    move || format!("{prefix}-{}", next.fetch_add(1, Ordering::Relaxed))
}
// ANCHOR_END: numbered

// ANCHOR: threads
/// How many threads of its own a runtime has started and stopped.
#[derive(Clone, Debug, Default)]
pub struct Threads {
    started: Arc<AtomicUsize>,
    stopped: Arc<AtomicUsize>,
}

impl Threads {
    /// Counts the threads of the runtimes that `builder` builds. Takes the place of the
    /// two hooks that `builder` had.
    pub fn of(builder: &mut Builder) -> Self {
        let threads = Self::default();
        let (started, stopped) = (threads.started.clone(), threads.stopped.clone());
        builder.on_thread_start(move || _ = started.fetch_add(1, Ordering::Relaxed));
        builder.on_thread_stop(move || _ = stopped.fetch_add(1, Ordering::Relaxed));
        threads
    }

    /// Threads that were started.
    pub fn started(&self) -> usize {
        self.started.load(Ordering::Relaxed)
    }

    /// Threads that have stopped.
    pub fn stopped(&self) -> usize {
        self.stopped.load(Ordering::Relaxed)
    }
}
// ANCHOR_END: threads

/// How it goes wrong.
pub mod naive {
    use super::*;

    /// Wrong: it has neither timers nor sockets, and says so only when one is used.
    ///
    /// # Errors
    /// The system gives no threads.
    // ANCHOR: no_drivers
    pub fn api_runtime() -> io::Result<Runtime> {
        Builder::new_multi_thread().worker_threads(4).thread_name("api").build()
    }
    // ANCHOR_END: no_drivers
}

#[cfg(test)]
mod tests;

//! Values that are not `Send`, on as many threads as there are cores: a local runtime on each of them.

use std::future::Future;
use std::thread::{self, JoinHandle};
use std::{fmt, io};

use tokio::runtime::LocalRuntime;
use tokio::sync::mpsc::{self, Receiver, Sender, error::SendError};

// ANCHOR: per_core
/// Threads, each with a local runtime and a queue of jobs. A key names the thread.
pub struct PerCore<J> {
    queues: Vec<Sender<J>>,
    threads: Vec<JoinHandle<io::Result<()>>>,
}

/// A thread of a [`PerCore`] has failed.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The system gave it nothing to wait for sockets with.
    #[error("a thread has no runtime")]
    NoRuntime(#[from] io::Error),
    /// Its worker has panicked.
    #[error("a worker has panicked")]
    Panicked,
}
// ANCHOR_END: per_core

impl<J: Send + 'static> PerCore<J> {
    /// Starts `threads` threads. Each calls `worker` with its number, and with a queue that
    /// has room for `room` jobs.
    ///
    /// # Errors
    /// The system gives no thread.
    ///
    /// # Panics
    /// `threads` or `room` is zero.
    // ANCHOR: start
    pub fn start<W, F>(threads: usize, room: usize, worker: W) -> io::Result<Self>
    where
        W: Fn(usize, Receiver<J>) -> F + Clone + Send + 'static,
        F: Future<Output = ()>, // no `Send`: the future stays on its thread
    {
        assert!(threads > 0, "no thread");
        let mut started = Self { queues: Vec::new(), threads: Vec::new() };
        for number in 0..threads {
            let (queue, jobs) = mpsc::channel(room);
            let worker = worker.clone();
            let name = format!("core-{number}");
            let thread = thread::Builder::new().name(name).spawn(move || {
                // A local runtime is made on the thread on which it stays.
                LocalRuntime::new()?.block_on(worker(number, jobs));
                Ok(())
            })?;
            started.queues.push(queue);
            started.threads.push(thread);
        }
        Ok(started)
    }
    // ANCHOR_END: start

    /// Gives `job` to the thread of `key`. Waits while its queue is full.
    ///
    /// # Errors
    /// The worker of this thread has ended. The error has the job.
    ///
    /// # Cancel safety
    /// If you drop this while it waits, the job is dropped too.
    // ANCHOR: send
    pub async fn send(&self, key: usize, job: J) -> Result<(), SendError<J>> {
        self.queues[key % self.queues.len()].send(job).await
    }
    // ANCHOR_END: send

    /// Closes the queues, and blocks until the threads have ended. A worker sees the end of
    /// its queue after the last job.
    ///
    /// # Errors
    /// The first thread that has failed. All others have ended too.
    // ANCHOR: stop
    pub fn stop(self) -> Result<(), Failed> {
        drop(self.queues);
        let ends: Vec<_> = self.threads.into_iter().map(JoinHandle::join).collect();
        for end in ends {
            end.map_err(|_| Failed::Panicked)??;
        }
        Ok(())
    }
    // ANCHOR_END: stop
}

impl<J> fmt::Debug for PerCore<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerCore").finish_non_exhaustive()
    }
}

/// How it goes wrong.
pub mod naive {
    use tokio::task::{LocalSet, spawn_local};

    use super::*;

    /// Wrong on a local runtime: the task belongs to the runtime, and not to `set`.
    ///
    /// # Cancel safety
    /// If you drop it before its first poll, nothing is spawned.
    // ANCHOR: set_on_a_local_runtime
    pub async fn spawn_in(set: &LocalSet, work: impl Future<Output = ()> + 'static) {
        let start = async {
            spawn_local(work);
        };
        set.run_until(start).await;
    }
    // ANCHOR_END: set_on_a_local_runtime
}

#[cfg(test)]
mod tests;

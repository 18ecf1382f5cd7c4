//! A runtime with one thread, for a program that is not async: the thread stays in `block_on`.

use std::future::Future;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fmt, io};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinError;
use tokio::time::interval;

// ANCHOR: one_thread
/// A `current_thread` runtime, and the thread that drives it. A drop stops both.
pub struct OneThread {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl OneThread {
    // ANCHOR_END: one_thread
    /// Starts the runtime on a new thread.
    ///
    /// # Errors
    /// The system gives no thread, or nothing to wait for sockets with.
    // ANCHOR: start
    pub fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread =
            thread::Builder::new().name("one-thread".into()).spawn(move || {
                // Tasks run in here, until `stop` is dropped.
                let _ = runtime.block_on(stopped);
            })?;
        Ok(Self { handle, stop: Some(stop), thread: Some(thread) })
    }
    // ANCHOR_END: start

    /// For `spawn`.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Runs `future` as a task of the runtime, and blocks the caller until it has ended.
    ///
    /// # Errors
    /// The task has panicked.
    ///
    /// # Panics
    /// In async code, because it blocks.
    // ANCHOR: call
    pub fn call<F>(&self, future: F) -> Result<F::Output, JoinError>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        // ANCHOR: spawn_and_wait
        // The other thread runs the task. The caller only waits.
        let task = self.handle.spawn(future);
        self.handle.block_on(task)
        // ANCHOR_END: spawn_and_wait
    }
    // ANCHOR_END: call
}

impl fmt::Debug for OneThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneThread").finish_non_exhaustive()
    }
}

// ANCHOR: drop
impl Drop for OneThread {
    /// Ends `block_on`, and waits until the thread has dropped the runtime.
    fn drop(&mut self) {
        drop(self.stop.take());
        let Some(thread) = self.thread.take() else { return };
        if thread.thread().id() != thread::current().id() {
            let _ = thread.join(); // no thread can wait for itself
        }
    }
}
// ANCHOR_END: drop

/// Calls `ping` at once, and then in each period.
///
/// # Panics
/// `period` is zero; or outside a Tokio runtime.
///
/// # Cancel safety
/// It is dropped between two pings.
// ANCHOR: ping_every
pub async fn ping_every(period: Duration, mut ping: impl FnMut()) {
    let mut ticks = interval(period);
    loop {
        ticks.tick().await;
        ping();
    }
}
// ANCHOR_END: ping_every

/// How it goes wrong.
pub mod naive {
    use super::*;
    use tokio::runtime::Runtime;

    /// Wrong: it drives its runtime only in a call.
    #[derive(Debug)]
    pub struct Client {
        runtime: Runtime,
    }

    impl Client {
        /// Starts to ping.
        pub fn start(runtime: Runtime, ping: impl FnMut() + Send + 'static) -> Self {
            // ANCHOR: spawn_only
            let period = Duration::from_secs(10);
            runtime.spawn(ping_every(period, ping));
            // ANCHOR_END: spawn_only
            Self { runtime }
        }

        /// The output of `question`.
        ///
        /// # Panics
        /// In async code.
        pub fn ask<F: Future>(&self, question: F) -> F::Output {
            // ANCHOR: in_each_call
            self.runtime.block_on(question)
            // ANCHOR_END: in_each_call
        }
    }
}

#[cfg(test)]
mod tests;

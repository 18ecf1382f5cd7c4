//! What two runtimes make of a task: Tokio and smol, each behind a feature.

/// Why a task has no output.
// ANCHOR: failed
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// Its panic has already been printed.
    #[error("the task has panicked")]
    Panicked,
    /// Its runtime has ended before the task.
    #[error("the task was cancelled")]
    Cancelled,
}
// ANCHOR_END: failed

/// Tasks of Tokio. The module beside it has the same functions for smol.
#[cfg(feature = "tokio-runtime")]
pub mod on_tokio {
    use std::future::Future; // only edition 2021 needs this line
    use std::io;

    use tokio::runtime::Runtime;
    use tokio_util::task::AbortOnDropHandle;

    use super::Failed;

    // ANCHOR: task_on_tokio
    /// If you drop it, the task is cancelled.
    #[must_use = "a task that is dropped is cancelled"]
    #[derive(Debug)]
    pub struct Task<T>(AbortOnDropHandle<T>);

    impl<T> Task<T> {
        /// Lets the task go on without anybody who waits for it.
        pub fn detach(self) {
            drop(self.0.detach()); // the drop of a `JoinHandle` cancels nothing
        }

        /// Waits for what the task gives.
        ///
        /// # Errors
        /// The task has panicked, or its runtime has ended.
        ///
        /// # Cancel safety
        /// If you drop this, the task is cancelled.
        pub async fn output(self) -> Result<T, Failed> {
            let output = self.0.await;
            output.map_err(|error| {
                if error.is_panic() { Failed::Panicked } else { Failed::Cancelled }
            })
        }
    }
    // ANCHOR_END: task_on_tokio

    // ANCHOR: run_on_tokio
    /// Runs `main` and its tasks on a new runtime, until `main` has ended.
    ///
    /// # Errors
    /// The system gives no thread, or no driver for sockets.
    ///
    /// # Panics
    /// In async code of Tokio.
    pub fn run<F: Future>(main: F) -> io::Result<F::Output> {
        Ok(Runtime::new()?.block_on(main))
    }

    /// Starts a task.
    ///
    /// # Panics
    /// Outside of Tokio.
    pub fn spawn<F>(work: F) -> Task<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        Task(AbortOnDropHandle::new(tokio::spawn(work)))
    }
    // ANCHOR_END: run_on_tokio
}

/// Tasks of smol. The module beside it has the same functions for Tokio.
#[cfg(feature = "smol-runtime")]
pub mod on_smol {
    use std::future::Future; // only edition 2021 needs this line
    use std::panic::AssertUnwindSafe;
    use std::{io, thread};

    use futures::FutureExt;

    use super::Failed;

    // ANCHOR: task_on_smol
    /// If you drop it, the task is cancelled.
    #[must_use = "a task that is dropped is cancelled"]
    #[derive(Debug)]
    pub struct Task<T>(smol::Task<thread::Result<T>>);

    impl<T> Task<T> {
        /// Lets the task go on without anybody who waits for it.
        pub fn detach(self) {
            self.0.detach();
        }

        /// Waits for what the task gives.
        ///
        /// # Errors
        /// The task has panicked.
        ///
        /// # Cancel safety
        /// If you drop this, the task is cancelled.
        pub async fn output(self) -> Result<T, Failed> {
            self.0.await.map_err(|_panic| Failed::Panicked)
        }
    }
    // ANCHOR_END: task_on_smol

    // ANCHOR: run_on_smol
    /// Runs `main` on this thread, and its tasks on the global executor.
    ///
    /// # Errors
    /// None; the function for Tokio has some.
    pub fn run<F: Future>(main: F) -> io::Result<F::Output> {
        Ok(smol::block_on(main))
    }

    /// Starts a task.
    pub fn spawn<F>(work: F) -> Task<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        // Without `catch_unwind`, a panic would go on in whoever awaits the task.
        Task(smol::spawn(AssertUnwindSafe(work).catch_unwind()))
    }
    // ANCHOR_END: run_on_smol
}

// ANCHOR: choose
#[cfg(all(feature = "smol-runtime", not(feature = "tokio-runtime")))]
pub use on_smol as runtime;
#[cfg(feature = "tokio-runtime")]
pub use on_tokio as runtime;
// ANCHOR_END: choose

/// What a program of smol has to do, and one of Tokio has not.
#[cfg(feature = "smol-runtime")]
pub mod smol_only {
    use std::future::Future; // only edition 2021 needs this line

    use smol::{Executor, Task};

    /// Sends a receipt; nobody waits for it.
    // ANCHOR: detach
    pub fn send_in_background<'a, F>(executor: &Executor<'a>, receipt: F)
    where
        F: Future<Output = ()> + Send + 'a,
    {
        executor.spawn(receipt).detach();
    }
    // ANCHOR_END: detach

    /// Cancels a task, waits until all that it owned is dropped, and calls `next`.
    ///
    /// # Panics
    /// The task has panicked.
    ///
    /// # Cancel safety
    /// If you drop this, the task is cancelled a little later, and `next` is not called.
    // ANCHOR: cancel
    pub async fn replace<T>(writer: Task<()>, next: impl FnOnce() -> T) -> T {
        writer.cancel().await;
        next()
    }
    // ANCHOR_END: cancel
}

/// What a program of Tokio looks like that was moved to smol in a hurry.
#[cfg(feature = "smol-runtime")]
pub mod naive {
    use std::future::Future; // only edition 2021 needs this line

    use smol::{Executor, Task};

    /// Wrong: the task is cancelled here, mostly before it has begun.
    // ANCHOR: dropped
    pub fn send_in_background<'a, F>(executor: &Executor<'a>, receipt: F)
    where
        F: Future<Output = ()> + Send + 'a,
    {
        // ANCHOR: dropped_line
        let _receipt = executor.spawn(receipt); // it was `tokio::spawn(receipt)`
        // ANCHOR_END: dropped_line
    }
    // ANCHOR_END: dropped

    /// Wrong: the task is still there when `next` is called, with all that it owns.
    #[expect(clippy::unused_async, reason = "the await that is missing is its fault")]
    // ANCHOR: not_waited
    pub async fn replace<T>(writer: Task<()>, next: impl FnOnce() -> T) -> T {
        drop(writer);
        next()
    }
    // ANCHOR_END: not_waited
}

#[cfg(test)]
mod tests;

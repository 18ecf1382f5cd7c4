//! A future of Tokio, polled by another executor.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::{fmt, io};

use tokio::runtime::{Builder, Handle, Runtime};

// ANCHOR: entered
/// Polls and drops `F` inside of a Tokio runtime, on whatever executor it is.
pub struct Entered<F> {
    runtime: Handle,
    future: Option<Pin<Box<F>>>, // `None` only while it is dropped
}

impl<F: Future> Future for Entered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self { runtime, future } = &mut *self;
        let future = future.as_mut().expect("it is not dropped yet");
        // ANCHOR: enter_at_each_poll
        let _inside = runtime.enter(); // until this poll has ended
        future.as_mut().poll(cx)
        // ANCHOR_END: enter_at_each_poll
    }
}

impl<F> Drop for Entered<F> {
    fn drop(&mut self) {
        let _inside = self.runtime.enter(); // a destructor may need Tokio, too
        self.future = None;
    }
}
// ANCHOR_END: entered

// ANCHOR: enter
/// Makes `future` one that any executor may poll. Its timers and sockets are those of
/// `runtime`, which must be running meanwhile.
///
/// # Panics
/// The future panics as `future` does.
///
/// # Cancel safety
/// As `future`, which is dropped inside of the runtime.
pub fn enter<F: Future>(runtime: &Handle, future: F) -> Entered<F> {
    Entered { runtime: runtime.clone(), future: Some(Box::pin(future)) }
}
// ANCHOR_END: enter

impl<F> fmt::Debug for Entered<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entered").finish_non_exhaustive()
    }
}

// ANCHOR: runtime_to_enter
/// A runtime to enter. Its one worker drives timers and sockets, whoever polls.
///
/// # Errors
/// The system gives no thread, or no driver for sockets.
pub fn runtime_to_enter() -> io::Result<Runtime> {
    // ANCHOR: has_a_worker
    Builder::new_multi_thread().worker_threads(1).enable_all().build()
    // ANCHOR_END: has_a_worker
}
// ANCHOR_END: runtime_to_enter

/// How it goes wrong.
pub mod naive {
    use super::*;

    /// Wrong: between two polls, other futures of this thread are in the runtime.
    ///
    /// # Panics
    /// When two of them on one thread do not end in the reverse order of their begin.
    ///
    /// # Cancel safety
    /// As `future`.
    pub async fn enter<F: Future>(runtime: &Handle, future: F) -> F::Output {
        // ANCHOR: enter_over_await
        let _inside = runtime.enter();
        future.await
        // ANCHOR_END: enter_over_await
    }

    /// Wrong to enter: it has no thread of its own, so its timers never fire.
    ///
    /// # Errors
    /// The system gives no driver for sockets.
    pub fn runtime_to_enter() -> io::Result<Runtime> {
        // ANCHOR: has_no_worker
        Builder::new_current_thread().enable_all().build()
        // ANCHOR_END: has_no_worker
    }

    // ANCHOR: wait_for
    /// Wrong in a task: while it blocks, no other task of this thread runs.
    pub fn wait_for<F: Future>(future: F) -> F::Output {
        futures::executor::block_on(future)
    }
    // ANCHOR_END: wait_for
}

#[cfg(test)]
mod tests;

//! Ends a proof that would wait for ever where its promise is broken.
//!
//! Support: no page shows this file.

use std::future::Future;
use std::panic::resume_unwind;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::time::timeout;

/// What takes a day of the paused clock would take for ever.
const DAY: Duration = Duration::from_hours(24);

/// What takes a minute of the real clock hangs, however busy the machine is.
pub const MINUTE: Duration = Duration::from_mins(1);

/// What `future` gives.
///
/// # Panics
/// When it has not ended after a day of its clock; or outside a Tokio runtime.
pub async fn ends<F: Future>(future: F) -> F::Output {
    timeout(DAY, future).await.expect("it ends within a day of its clock")
}

/// What `future` gives, for proofs on the real clock: nothing is measured, this only ends a proof that hangs.
///
/// # Panics
/// When it has not ended within a minute; or outside a Tokio runtime.
pub async fn soon<F: Future>(future: F) -> F::Output {
    timeout(MINUTE, future).await.expect("it ends within a minute")
}

/// The same for `future` as a task of `runtime`: the future of `block_on` may be on no worker.
///
/// # Panics
/// When it has not ended within a minute; when it panics; or in async code.
pub fn in_a_task<F>(runtime: &Runtime, future: F) -> F::Output
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    runtime.block_on(async { soon(tokio::spawn(future)).await.expect("no panic") })
}

/// The same for `work`, on a thread of its own. If `work` hangs, its thread is left behind.
///
/// # Panics
/// When it has not ended within a minute. If `work` panics, with its panic.
pub fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, end) = mpsc::channel();
    let thread = thread::spawn(move || sender.send(work()));
    match end.recv_timeout(MINUTE) {
        Ok(output) => output,
        Err(RecvTimeoutError::Timeout) => panic!("it does not end within a minute"),
        Err(RecvTimeoutError::Disconnected) => {
            resume_unwind(thread.join().expect_err("it panicked"))
        }
    }
}

#[cfg(test)]
mod tests;

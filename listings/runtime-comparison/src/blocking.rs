//! A call that blocks its thread, in async code: on the blocking pool, a limited number at a time, or on a thread of
//! its own.

use std::sync::Arc;
use std::{io, thread};

use tokio::sync::{AcquireError, Semaphore, oneshot};
use tokio::task::{JoinError, spawn_blocking};

/// Runs `job` on a thread of the blocking pool, when it gets one of `permits`.
///
/// # Errors
/// `permits` was closed before the job began; or the job has panicked.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this while it waits for a permit, the job does not begin. If you drop it later, the job runs to its
/// end, and holds its permit until then. Its result is lost.
// ANCHOR: limited
pub async fn limited<T, J>(permits: &Arc<Semaphore>, job: J) -> Result<T, NoResult>
where
    J: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    // ANCHOR: inside
    let permit = Arc::clone(permits).acquire_owned().await?;
    let work = spawn_blocking(move || {
        let _permit = permit; // given back when the job has ended
        job()
    });
    Ok(work.await?)
    // ANCHOR_END: inside
}
// ANCHOR_END: limited

// ANCHOR: no_result
/// A job has no result.
#[derive(Debug, thiserror::Error)]
pub enum NoResult {
    /// It has not begun.
    #[error("the semaphore is closed")]
    Closed(#[from] AcquireError),
    /// It has begun, or the runtime has shut down before.
    #[error("the job has panicked, or was never run")]
    Failed(#[from] JoinError),
}
// ANCHOR_END: no_result

/// Runs `work` on a thread of its own. The receiver gets its result, or an error if `work` panics.
///
/// # Errors
/// The system has no thread to give.
///
/// # Panics
/// `name` contains a zero byte.
///
/// # Cancel safety
/// If you drop the receiver, `work` goes on, and its result is dropped.
// ANCHOR: on_own_thread
pub fn on_own_thread<T, W>(name: &str, work: W) -> io::Result<oneshot::Receiver<T>>
where
    W: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let (sender, end) = oneshot::channel();
    // ANCHOR: own
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(move || {
        let _ = sender.send(work()); // an error: nobody waits any more
    })?;
    // ANCHOR_END: own
    Ok(end)
}
// ANCHOR_END: on_own_thread

/// How it goes wrong.
pub mod naive {
    use super::*;

    /// Wrong: the caller has the permit, and may be dropped before the job has ended.
    ///
    /// # Errors
    /// As [`limited`](super::limited).
    pub async fn permit_outside<T, J>(
        permits: &Arc<Semaphore>,
        job: J,
    ) -> Result<T, NoResult>
    where
        J: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // ANCHOR: outside
        let _permit = permits.acquire().await?;
        let work = spawn_blocking(job);
        Ok(work.await?)
        // ANCHOR_END: outside
    }

    /// Wrong: work that never ends has a thread of the pool for ever.
    pub fn in_the_pool<T, W>(work: W) -> oneshot::Receiver<T>
    where
        W: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (sender, end) = oneshot::channel();
        // ANCHOR: pool
        spawn_blocking(move || {
            let _ = sender.send(work()); // an error: nobody waits any more
        });
        // ANCHOR_END: pool
        end
    }
}

#[cfg(test)]
mod tests;

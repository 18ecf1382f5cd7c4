//! A time limit on anything.

use std::future::Future;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

// ANCHOR: within
/// What was given up, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: no end within {limit:?}, given up after {waited:?}")]
pub struct TimedOut {
    /// The name of the operation.
    pub what: &'static str,
    /// How long it was given.
    pub limit: Duration,
    /// How long it had; much more than `limit` means that something blocked the thread.
    pub waited: Duration,
}

/// Waits for `operation`, at most `limit` from the first poll.
///
/// # Errors
/// `operation` did not end in time; it has been dropped.
///
/// # Cancel safety
/// Dropping this drops `operation`, where it waits.
pub async fn within<Fut>(
    what: &'static str,
    limit: Duration,
    operation: Fut,
) -> Result<Fut::Output, TimedOut>
where
    Fut: Future,
{
    let start = Instant::now();
    // At the limit, `operation` is dropped inside this await, before the error is made.
    let end = timeout(limit, operation).await;
    end.map_err(|_| TimedOut { what, limit, waited: start.elapsed() })
}
// ANCHOR_END: within

// ANCHOR: try_within
/// [`within`] for what can fail by itself: one error type carries both.
///
/// # Errors
/// What `operation` says, or [`TimedOut`] turned into the same type.
///
/// # Cancel safety
/// As [`within`].
pub async fn try_within<Fut, T, E>(
    what: &'static str,
    limit: Duration,
    operation: Fut,
) -> Result<T, E>
where
    Fut: Future<Output = Result<T, E>>,
    E: From<TimedOut>,
{
    within(what, limit, operation).await?
}
// ANCHOR_END: try_within

// ANCHOR: task_error
/// Why a task has no value.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// It was aborted at its limit, and is gone.
    #[error(transparent)]
    TimedOut(#[from] TimedOut),
    /// It panicked, or somebody else aborted it.
    #[error("{what}: the task ended without a value")]
    Died {
        /// The name of the operation.
        what: &'static str,
        /// Tells a panic from an abort.
        source: JoinError,
    },
}
// ANCHOR_END: task_error

// ANCHOR: task_within
/// Waits for `task`, at most `limit`; then aborts it and waits until it is gone. A task
/// that ends exactly at `limit` may be too late.
///
/// # Errors
/// The task did not end in time, panicked, or was aborted.
///
/// # Cancel safety
/// Dropping this aborts the task, even before the first poll, and does not wait for it.
pub fn task_within<T>(
    what: &'static str,
    limit: Duration,
    task: JoinHandle<T>,
) -> impl Future<Output = Result<T, TaskError>> {
    let mut task = AbortOnDropHandle::new(task);
    async move {
        // ANCHOR: abort_and_wait
        let result = match within(what, limit, &mut task).await {
            Ok(result) => result,
            Err(late) => {
                task.abort();
                match task.await {
                    Err(error) if error.is_cancelled() => return Err(late.into()),
                    value_or_panic => value_or_panic, // it ended before the abort
                }
            }
        };
        // ANCHOR_END: abort_and_wait
        result.map_err(|source| TaskError::Died { what, source })
    }
}
// ANCHOR_END: task_within

// ANCHOR: blocking_while_wanted
/// Runs `work` on a blocking thread, with a token that says when nobody waits any more.
///
/// # Errors
/// `work` panicked, or the runtime has been shut down.
///
/// # Cancel safety
/// Dropping this cancels the token. `work` stops where it asks, and not before; if it
/// still waits for a thread, it never begins.
pub async fn blocking_while_wanted<T, W>(work: W) -> Result<T, JoinError>
where
    W: FnOnce(&CancellationToken) -> T + Send + 'static,
    T: Send + 'static,
{
    let unwanted = CancellationToken::new();
    let _cancels = unwanted.clone().drop_guard();
    AbortOnDropHandle::new(spawn_blocking(move || work(&unwanted))).await
}
// ANCHOR_END: blocking_while_wanted

// ANCHOR: replace_after
/// Replaces the shared value by what `change` makes of a copy, or leaves it alone.
///
/// # Errors
/// What `change` says; the value is the old one.
///
/// # Cancel safety
/// Dropped at either await, the value is the old one and the lock is free.
pub async fn replace_after<T, E, F, Fut>(shared: &Mutex<T>, change: F) -> Result<(), E>
where
    T: Clone,
    F: FnOnce(T) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    // ANCHOR: change_a_copy
    let mut current = shared.lock().await;
    let new = change(current.clone()).await?;
    *current = new;
    // ANCHOR_END: change_a_copy
    Ok(())
}
// ANCHOR_END: replace_after

/// What most code starts with, kept to be measured against.
#[expect(clippy::missing_errors_doc, reason = "what goes wrong is on the page")]
pub mod naive {
    use super::*;
    use std::mem;

    /// Wrong: the limit drops the handle, and a dropped handle lets its task run on.
    pub async fn of_a_task<F>(limit: Duration, work: F) -> Result<F::Output, TaskError>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        // ANCHOR: limit_on_a_handle
        let task = tokio::spawn(work);
        let end = within("report", limit, task).await?;
        // ANCHOR_END: limit_on_a_handle
        end.map_err(|source| TaskError::Died { what: "report", source })
    }

    // ANCHOR: limit_on_busy_code
    /// Wrong: code without an await cannot be left, and ends as `Ok`, however late.
    pub async fn of_busy_code<T, W>(limit: Duration, work: W) -> Result<T, TimedOut>
    where
        W: FnOnce() -> T,
    {
        within("busy code", limit, async { work() }).await
    }
    // ANCHOR_END: limit_on_busy_code

    /// Replaces the shared value by what `change` makes of it, and leaves an empty one if
    /// it is dropped meanwhile, or fails.
    pub async fn take_and_put_back<T, E, F, Fut>(
        shared: &Mutex<T>,
        change: F,
    ) -> Result<(), E>
    where
        T: Default,
        F: FnOnce(T) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        // ANCHOR: take_and_put_back
        let mut current = shared.lock().await;
        let new = change(mem::take(&mut *current)).await?;
        *current = new;
        // ANCHOR_END: take_and_put_back
        Ok(())
    }
}

#[cfg(test)]
mod tests;

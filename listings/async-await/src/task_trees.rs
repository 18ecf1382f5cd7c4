//! Tasks that start tasks: whose they are, and how to wait for all of them.

use std::future::Future; // only edition 2021 needs this line
use std::pin::pin;
use std::time::Duration;

use async_await::task_sets::{SetError, values_of};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

// ANCHOR: ask_and_wait
/// Runs each future in a task, and returns all values or the first error. At an
/// error it cancels `stop`, and waits until all tasks have ended by themselves.
///
/// # Errors
/// A task failed, panicked or was aborted. All the others have ended.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// Dropping this aborts the tasks, and does not wait for them.
pub async fn ask_and_wait<T, E, F>(
    stop: &CancellationToken,
    work: impl IntoIterator<Item = F>,
) -> Result<Vec<T>, SetError<E>>
where
    T: Send + 'static,
    E: Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    let mut set: JoinSet<_> = work.into_iter().collect();
    let all = values_of(&mut set).await;
    if all.is_err() {
        stop.cancel(); // each task looks at a clone of it
    }
    while set.join_next().await.is_some() {} // waits, and aborts nothing
    all
}
// ANCHOR_END: ask_and_wait

// ANCHOR: ask_at_limit
/// Like `ask_and_wait`, and also asks all tasks to stop when `limit` is over.
///
/// # Errors
/// A task failed, panicked or was aborted, or the limit is over. All tasks have ended.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// Dropping this aborts the tasks, and does not wait for them.
pub async fn ask_at_limit<T, E, F>(
    limit: Duration,
    stop: &CancellationToken,
    work: impl IntoIterator<Item = F>,
) -> Result<Vec<T>, SetError<E>>
where
    T: Send + 'static,
    E: Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    // ANCHOR: limit_asks
    // ANCHOR: lent_to_timeout
    let mut all = pin!(ask_and_wait(stop, work));
    if let Ok(all) = timeout(limit, &mut all).await {
        return all; // in time
    }
    stop.cancel();
    let _late = all.await; // goes on, until all tasks have ended
    Err(SetError::Stopped)
    // ANCHOR_END: lent_to_timeout
    // ANCHOR_END: limit_asks
}
// ANCHOR_END: ask_at_limit

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: at the limit, `timeout` drops the future that has to wait for the tasks.
    ///
    /// # Errors
    /// A task failed or panicked, and all tasks have ended; or the limit is over, and
    /// the tasks are aborted.
    pub async fn ask_at_limit<T, E, F>(
        limit: Duration,
        stop: &CancellationToken,
        work: impl IntoIterator<Item = F>,
    ) -> Result<Vec<T>, SetError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        // ANCHOR: limit_drops
        let all = timeout(limit, ask_and_wait(stop, work)).await;
        all.unwrap_or(Err(SetError::Stopped))
        // ANCHOR_END: limit_drops
    }
}

#[cfg(test)]
mod tests;

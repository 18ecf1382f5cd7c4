//! Fail fast.

use std::future::Future;

use futures::stream::{FuturesUnordered, TryStreamExt};
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio_util::task::AbortOnDropHandle;

/// Waits for three lookups at once, or for the first error among them.
///
/// # Errors
/// The first one, at once. The other branches are dropped before this returns, each at
/// the await where it stands; what they have done by then stays done.
///
/// # Cancel safety
/// Dropping this drops the branches in the same way.
pub async fn all_or_error<A, B, C, E>(
    name: impl Future<Output = Result<A, E>>,
    orders: impl Future<Output = Result<B, E>>,
    balance: impl Future<Output = Result<C, E>>,
) -> Result<(A, B, C), E> {
    tokio::try_join!(name, orders, balance)
}

/// Waits for all lookups of a list, or for the first error among them. The values come
/// in the order in which the lookups end.
///
/// # Errors
/// The first one, at once, however long the list is. The other lookups are dropped.
///
/// # Cancel safety
/// Dropping this drops the lookups, and the values that were there already.
pub async fn all_of_list<T, E, F>(
    lookups: impl IntoIterator<Item = F>,
) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>>,
{
    // ANCHOR: unordered
    let lookups: FuturesUnordered<_> = lookups.into_iter().collect();
    let values: Vec<_> = lookups.try_collect().await?;
    // ANCHOR_END: unordered
    Ok(values)
}

// ANCHOR: task_error
/// Why a task has no value.
#[derive(Debug, thiserror::Error)]
pub enum TaskError<E> {
    /// Its work returned this error.
    #[error("the work of a task failed")]
    Failed(#[source] E),
    /// It panicked, or its runtime went away.
    #[error("a task was lost")]
    Lost(#[from] JoinError),
}
// ANCHOR_END: task_error

// ANCHOR: in_task
/// Runs `work` as a task, which is aborted when this future is dropped.
///
/// # Errors
/// That of `work`, or that the task was lost.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// Dropping this aborts the task. Before the first poll there is no task. The task ends
/// at its next await that has to wait, which may be after this is gone. A task that
/// never has to wait runs to its end.
pub async fn in_task<T, E>(
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, TaskError<E>>
where
    T: Send + 'static,
    E: Send + 'static,
{
    // ANCHOR: aborted
    let task = AbortOnDropHandle::new(tokio::spawn(work));
    task.await?.map_err(TaskError::Failed)
    // ANCHOR_END: aborted
}
// ANCHOR_END: in_task

/// Runs two lookups as tasks: both values, or the first error.
///
/// # Errors
/// The first one, at once. The other task is aborted.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// Dropping this aborts both tasks.
pub async fn both_in_tasks<A, B, E>(
    name: impl Future<Output = Result<A, E>> + Send + 'static,
    orders: impl Future<Output = Result<B, E>> + Send + 'static,
) -> Result<(A, B), TaskError<E>>
where
    A: Send + 'static,
    B: Send + 'static,
    E: Send + 'static,
{
    // ANCHOR: errors_seen
    tokio::try_join!(in_task(name), in_task(orders))
    // ANCHOR_END: errors_seen
}

/// Waits for a task that somebody has spawned, and aborts it when it is dropped.
///
/// # Errors
/// That of its work, or that the task was lost.
///
/// # Cancel safety
/// Dropping this aborts the task, also before the first poll.
// ANCHOR: guarded_at_once
pub fn hold<T, E>(
    task: JoinHandle<Result<T, E>>,
) -> impl Future<Output = Result<T, TaskError<E>>> {
    let task = AbortOnDropHandle::new(task); // made when `hold` is called
    async move { task.await?.map_err(TaskError::Failed) }
}
// ANCHOR_END: guarded_at_once

// ANCHOR: all_tasks_or_error
/// Runs each work as a task: all values, in the order of the work, or the first error.
///
/// # Errors
/// The first failure or panic. The other tasks are aborted, and are gone when this
/// returns. So this also waits for a task that blocks. Their results are lost.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// Dropping this aborts all tasks and waits for none: each task ends at its next await
/// that has to wait.
pub async fn all_tasks_or_error<T, E, F>(
    work: impl IntoIterator<Item = F>,
) -> Result<Vec<T>, TaskError<E>>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    let mut tasks = JoinSet::new();
    for (place, work) in work.into_iter().enumerate() {
        tasks.spawn(async move { work.await.map(|value| (place, value)) });
    }
    let mut values = Vec::with_capacity(tasks.len());
    while let Some(ended) = tasks.join_next().await {
        let error = match ended {
            Ok(Ok(value)) => {
                values.push(value);
                continue;
            }
            Ok(Err(error)) => TaskError::Failed(error),
            Err(lost) => TaskError::Lost(lost),
        };
        tasks.shutdown().await; // aborts the others, and waits until they are gone
        return Err(error);
    }
    values.sort_unstable_by_key(|(place, _)| *place);
    Ok(values.into_iter().map(|(_, value)| value).collect())
}
// ANCHOR_END: all_tasks_or_error

/// Runs both sides to their end, even if one of them fails, and only then reports.
///
/// # Errors
/// That of the first side, or else that of the second.
///
/// # Cancel safety
/// Dropping this still cuts both sides where they stand. To prevent that, spawn it: a
/// task runs on when its `JoinHandle` is dropped.
// ANCHOR: settle
pub async fn settle<A, B, E>(
    debit: impl Future<Output = Result<A, E>>,
    credit: impl Future<Output = Result<B, E>>,
) -> Result<(A, B), E> {
    // ANCHOR: both_sides_end
    let (debit, credit) = tokio::join!(debit, credit); // waits for both
    Ok((debit?, credit?))
    // ANCHOR_END: both_sides_end
}
// ANCHOR_END: settle

/// What most code starts with, kept to be measured against.
#[expect(clippy::missing_errors_doc, reason = "what goes wrong is on the page")]
pub mod naive {
    use super::*;
    use futures::future::try_join_all;

    /// Wrong: over 30 lookups, an error waits for all that stand before it.
    pub async fn all_of_list<T, E, F>(
        lookups: impl IntoIterator<Item = F>,
    ) -> Result<Vec<T>, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        // ANCHOR: in_their_order
        let values: Vec<_> = try_join_all(lookups).await?;
        // ANCHOR_END: in_their_order
        Ok(values)
    }

    /// Wrong: work that failed is a task that ended, and its handle gives `Ok(Err(_))`.
    pub async fn both_in_tasks<A, B, E>(
        name: impl Future<Output = Result<A, E>> + Send + 'static,
        orders: impl Future<Output = Result<B, E>> + Send + 'static,
    ) -> Result<(Result<A, E>, Result<B, E>), JoinError>
    where
        A: Send + 'static,
        B: Send + 'static,
        E: Send + 'static,
    {
        // ANCHOR: errors_hidden
        tokio::try_join!(tokio::spawn(name), tokio::spawn(orders))
        // ANCHOR_END: errors_hidden
    }

    /// Wrong: dropping this drops only the handle, and the task runs on.
    pub async fn in_task<T, E>(
        work: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, TaskError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        // ANCHOR: detached
        let task = tokio::spawn(work);
        task.await?.map_err(TaskError::Failed)
        // ANCHOR_END: detached
    }

    /// Wrong: before its first poll there is no guard, and a dropped handle detaches.
    // ANCHOR: guarded_late
    pub async fn hold<T, E>(task: JoinHandle<Result<T, E>>) -> Result<T, TaskError<E>> {
        let task = AbortOnDropHandle::new(task); // made at the first poll
        task.await?.map_err(TaskError::Failed)
    }
    // ANCHOR_END: guarded_late

    /// Wrong: when one side fails, the other one is done, or half done, or not begun.
    pub async fn settle<A, B, E>(
        debit: impl Future<Output = Result<A, E>>,
        credit: impl Future<Output = Result<B, E>>,
    ) -> Result<(A, B), E> {
        // ANCHOR: one_side_is_cut
        tokio::try_join!(debit, credit)
        // ANCHOR_END: one_side_is_cut
    }
}

#[cfg(test)]
mod tests;

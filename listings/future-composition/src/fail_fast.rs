//! Fail fast.

use std::future::Future;

use tokio::task::{JoinError, JoinSet};
use tokio_util::task::AbortOnDropHandle;

// ANCHOR: all_or_error
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
// ANCHOR_END: all_or_error

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
/// Dropping this aborts the task; before the first poll there is none. The abort takes
/// effect at the next await that has to wait, which may be after this is gone. A task
/// that never has to wait runs to its end.
pub async fn in_task<T, E>(
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, TaskError<E>>
where
    T: Send + 'static,
    E: Send + 'static,
{
    AbortOnDropHandle::new(tokio::spawn(work)).await?.map_err(TaskError::Failed)
}
// ANCHOR_END: in_task

// ANCHOR: all_tasks_or_error
/// Runs each work as a task: all values, in the order of the work, or the first error.
///
/// # Errors
/// The first failure or panic. The other tasks are aborted, and have gone when this
/// returns: one that blocks, or never waits, is waited for. Their results are dropped.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// Dropping this aborts all tasks and waits for none: each goes at its next await that
/// has to wait.
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
        tasks.shutdown().await;
        return Err(error);
    }
    values.sort_unstable_by_key(|(place, _)| *place);
    Ok(values.into_iter().map(|(_, value)| value).collect())
}
// ANCHOR_END: all_tasks_or_error

// ANCHOR: settle
/// Runs both sides to their end, even when one of them fails, and only then reports.
///
/// # Errors
/// That of the first side, or else that of the second.
///
/// # Cancel safety
/// Dropping this still cuts both sides where they stand. To prevent that, spawn it: a
/// task runs on when its `JoinHandle` is dropped.
pub async fn settle<A, B, E>(
    first: impl Future<Output = Result<A, E>>,
    second: impl Future<Output = Result<B, E>>,
) -> Result<(A, B), E> {
    let (first, second) = tokio::join!(first, second);
    Ok((first?, second?))
}
// ANCHOR_END: settle

/// What most code starts with, kept to be measured against.
#[expect(clippy::missing_errors_doc, reason = "what goes wrong is on the page")]
pub mod naive {
    use super::*;
    use tokio::task::JoinHandle;

    // ANCHOR: handles
    /// Wrong: work that failed is a task that ended, and its handle gives `Ok(Err(_))`.
    pub async fn join_handles<A, B, E>(
        first: JoinHandle<Result<A, E>>,
        second: JoinHandle<Result<B, E>>,
    ) -> Result<(Result<A, E>, Result<B, E>), JoinError> {
        tokio::try_join!(first, second)
    }
    // ANCHOR_END: handles

    // ANCHOR: flattened
    /// Wrong: it returns at the first error, and the other tasks run on, detached.
    pub async fn join_flattened<A, B, C, E>(
        name: JoinHandle<Result<A, E>>,
        orders: JoinHandle<Result<B, E>>,
        balance: JoinHandle<Result<C, E>>,
    ) -> Result<(A, B, C), TaskError<E>> {
        tokio::try_join!(flatten(name), flatten(orders), flatten(balance))
    }

    async fn flatten<T, E>(task: JoinHandle<Result<T, E>>) -> Result<T, TaskError<E>> {
        task.await?.map_err(TaskError::Failed)
    }
    // ANCHOR_END: flattened

    // ANCHOR: guarded_late
    /// Wrong: before its first poll there is no guard, and a dropped handle detaches.
    pub async fn hold<T, E>(task: JoinHandle<Result<T, E>>) -> Result<T, TaskError<E>> {
        AbortOnDropHandle::new(task).await?.map_err(TaskError::Failed)
    }
    // ANCHOR_END: guarded_late

    // ANCHOR: transfer
    /// Wrong: when one side fails, the other one is done, or half done, or not begun.
    pub async fn transfer<E>(
        debit: impl Future<Output = Result<(), E>>,
        credit: impl Future<Output = Result<(), E>>,
    ) -> Result<(), E> {
        tokio::try_join!(debit, credit)?;
        Ok(())
    }
    // ANCHOR_END: transfer
}

#[cfg(test)]
mod tests;

//! A set of tasks: the first error, the limit, and nothing left behind.

use std::future::Future; // only edition 2021 needs this line
use std::time::Duration;

use tokio::select;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;

// ANCHOR: set_error
/// Why a set of tasks did not give all its values.
#[derive(Debug, thiserror::Error)]
pub enum SetError<E> {
    /// A task returned this error.
    #[error(transparent)]
    Failed(E),
    /// A task panicked, or somebody else aborted it.
    #[error("a task gave no answer")]
    Died(#[source] JoinError),
    /// It was to stop before all tasks had ended.
    #[error("stopped before the end")]
    Stopped,
}
// ANCHOR_END: set_error

// ANCHOR: values_of
/// Takes the values of the tasks, in the order in which the tasks end.
///
/// # Errors
/// The first task that failed, panicked or was aborted. The others are still in `set`,
/// and run on.
///
/// # Cancel safety
/// Dropping this loses the values that it has taken. The other tasks are still in
/// `set`, and run on.
pub async fn values_of<T: 'static, E: 'static>(
    set: &mut JoinSet<Result<T, E>>,
) -> Result<Vec<T>, SetError<E>> {
    let mut values = Vec::new();
    while let Some(joined) = set.join_next().await {
        match joined {
            Ok(Ok(value)) => values.push(value),
            Ok(Err(error)) => return Err(SetError::Failed(error)),
            Err(error) => return Err(SetError::Died(error)),
        }
    }
    Ok(values)
}
// ANCHOR_END: values_of

// ANCHOR: all_or_none
/// Runs each future in a task. Returns all values, or the first error. Then no task of
/// the set is left.
///
/// # Errors
/// A task failed, panicked or was aborted. The others have been aborted.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// Dropping this aborts the tasks, and does not wait for them.
pub async fn all_or_none<T, E, F>(
    work: impl IntoIterator<Item = F>,
) -> Result<Vec<T>, SetError<E>>
where
    T: Send + 'static,
    E: Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    // ANCHOR: borrowed_set
    let mut set: JoinSet<_> = work.into_iter().collect(); // spawns each future
    let all = values_of(&mut set).await; // no `?` here
    set.shutdown().await; // aborts what is left, and waits for it
    all
    // ANCHOR_END: borrowed_set
}
// ANCHOR_END: all_or_none

// ANCHOR: all_until
/// Like `all_or_none`, and also ends when `stop` ends.
///
/// # Errors
/// A task failed, panicked or was aborted, or `stop` has ended. The others have been
/// aborted.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// Dropping this aborts the tasks, and does not wait for them.
pub async fn all_until<T, E, F>(
    stop: impl Future<Output = ()>,
    work: impl IntoIterator<Item = F>,
) -> Result<Vec<T>, SetError<E>>
where
    T: Send + 'static,
    E: Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    let mut set: JoinSet<_> = work.into_iter().collect();
    // ANCHOR: inside
    // ANCHOR: limit_inside
    let all = select! {
        biased; // if both have ended, the values win
        all = values_of(&mut set) => all,
        () = stop => Err(SetError::Stopped),
    };
    set.shutdown().await;
    all
    // ANCHOR_END: limit_inside
    // ANCHOR_END: inside
}
// ANCHOR_END: all_until

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: at an error the set is dropped, and nobody waits for its tasks.
    ///
    /// # Errors
    /// A task failed or panicked. The others are aborted, and may still run.
    pub async fn dropped_set<T, E, F>(
        work: impl IntoIterator<Item = F>,
    ) -> Result<Vec<T>, SetError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        // ANCHOR: dropped_set
        let mut set: JoinSet<_> = work.into_iter().collect(); // spawns each future
        let all = values_of(&mut set).await?; // an error drops `set`
        Ok(all)
        // ANCHOR_END: dropped_set
    }

    /// Wrong: at the limit `timeout` drops the future that has to wait for the tasks.
    ///
    /// # Errors
    /// A task failed or panicked, or the limit is over. In the second case the tasks are
    /// aborted, and may still run.
    pub async fn limit_outside<T, E, F>(
        limit: Duration,
        work: impl IntoIterator<Item = F>,
    ) -> Result<Vec<T>, SetError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        // ANCHOR: limit_outside
        let all = timeout(limit, all_or_none(work));
        all.await.unwrap_or(Err(SetError::Stopped))
        // ANCHOR_END: limit_outside
    }
}

#[cfg(test)]
mod tests;

//! What goes on after a time limit, and what does not.

use std::future::Future; // only edition 2021 needs this line
use std::pin::pin;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;

// ANCHOR: all
/// Asks all queries at once, each in a task, and returns their answers as they come.
///
/// # Panics
/// With the panic of a query; the other tasks are aborted. Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, all tasks are aborted, and nobody waits until they are gone.
pub async fn all<F>(queries: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    // ANCHOR: set
    let mut tasks = JoinSet::new();
    for query in queries {
        tasks.spawn(query);
    }
    tasks.join_all().await
    // ANCHOR_END: set
}
// ANCHOR_END: all

// ANCHOR: unanswered
/// Why there are no answers. No query is left.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// The limit came first.
    #[error("not all queries were answered within {0:?}")]
    Late(Duration),
    /// A query has panicked.
    #[error("a query has ended without an answer")]
    Lost(#[from] JoinError),
}
// ANCHOR_END: unanswered

// ANCHOR: all_within
/// Like [`all`], with a limit; and without an answer, it waits until no task is left.
///
/// # Errors
/// The limit came first, or a query panicked. No task is left.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, all tasks are aborted, and nobody waits until they are gone.
pub async fn all_within<F>(
    limit: Duration,
    queries: impl IntoIterator<Item = F>,
) -> Result<Vec<F::Output>, Unanswered>
where
    F: Future<Output: Send> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for query in queries {
        tasks.spawn(query);
    }
    // ANCHOR: gone
    let end = timeout(limit, take_all(&mut tasks)).await; // does not own the set
    let error = match end {
        Ok(Ok(answers)) => return Ok(answers),
        Ok(Err(panicked)) => Unanswered::Lost(panicked),
        Err(_elapsed) => Unanswered::Late(limit),
    };
    tasks.shutdown().await; // aborts all, and waits until all are gone
    Err(error)
    // ANCHOR_END: gone
}
// ANCHOR_END: all_within

// ANCHOR: take_all
async fn take_all<T: 'static>(tasks: &mut JoinSet<T>) -> Result<Vec<T>, JoinError> {
    let mut answers = Vec::new();
    while let Some(end) = tasks.join_next().await {
        answers.push(end?);
    }
    Ok(answers)
}
// ANCHOR_END: take_all

// ANCHOR: warn_after
/// Waits for `work`, however long it takes. After `limit`, calls `warn` once.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, `work` is dropped too.
pub async fn warn_after<F: Future>(
    limit: Duration,
    work: F,
    warn: impl FnOnce(),
) -> F::Output {
    let mut work = pin!(work);
    // `timeout` gets only a reference. At the limit, only the reference is dropped.
    if let Ok(answer) = timeout(limit, &mut work).await {
        return answer;
    }
    warn(); // no await here: nobody polls `work` until the next line
    work.await
}
// ANCHOR_END: warn_after

// ANCHOR: late
/// Which limit has ended the work.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Late {
    /// The limit of the first step.
    #[error("the first step was too late")]
    First,
    /// The limit of the second step.
    #[error("the second step was too late")]
    Second,
    /// The limit of both steps together.
    #[error("both steps together were too late")]
    Total,
}
// ANCHOR_END: late

/// Takes one step after the other: each within `each`, and both within `total`.
///
/// # Errors
/// Which limit came first. The step that it met is dropped.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, the step that waits is dropped, and the next one never begins.
pub async fn two_steps<A: Future, B: Future>(
    each: Duration,
    total: Duration,
    first: A,
    second: B,
) -> Result<(A::Output, B::Output), Late> {
    // ANCHOR: named
    let steps = async {
        let a = timeout(each, first).await.map_err(|_| Late::First)?;
        let b = timeout(each, second).await.map_err(|_| Late::Second)?;
        Ok((a, b))
    };
    timeout(total, steps).await.map_err(|_| Late::Total)? // and the result of `steps`
    // ANCHOR_END: named
}

/// What most code starts with, kept to be measured against.
#[expect(clippy::missing_errors_doc, reason = "what goes wrong is on the page")]
pub mod naive {
    use futures::future::join_all;
    use tokio::time::error::Elapsed;

    use super::*;

    /// Wrong: if this is dropped, the handles are dropped, and all tasks run on.
    pub async fn all<F>(
        queries: impl IntoIterator<Item = F>,
    ) -> Vec<Result<F::Output, JoinError>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        // ANCHOR: handles
        let mut tasks = Vec::new();
        for query in queries {
            tasks.push(tokio::spawn(query));
        }
        join_all(tasks).await
        // ANCHOR_END: handles
    }

    /// Wrong: all three limits have one error, so nobody knows which it was.
    pub async fn two_steps<A: Future, B: Future>(
        each: Duration,
        total: Duration,
        first: A,
        second: B,
    ) -> Result<(A::Output, B::Output), Elapsed> {
        // ANCHOR: nameless
        let steps = async {
            let a = timeout(each, first).await?;
            let b = timeout(each, second).await?;
            Ok((a, b))
        };
        timeout(total, steps).await?
        // ANCHOR_END: nameless
    }
}

#[cfg(test)]
mod tests;

//! Clean-up that has to wait, after work that ended by itself or was asked to stop.

use std::future::Future;
use std::time::Duration;

use async_await::ask_it_to_stop::Outcome;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

// ANCHOR: work_then_clean_up
/// Runs `work` until it ends or `stop` is cancelled. Then it runs `clean_up`, which
/// `stop` does not stop, for at most `limit`.
///
/// # Cancel safety
/// If this is dropped during `work`, the clean-up does not run. If it is dropped later,
/// the clean-up is cut off at the await where it waits. Spawn this as a task if its
/// caller may be dropped.
pub async fn work_then_clean_up<T, E>(
    stop: &CancellationToken,
    work: impl Future<Output = T>,
    clean_up: impl Future<Output = Result<(), E>>,
    limit: Duration,
) -> Ended<T, E> {
    let work = match stop.run_until_cancelled(work).await {
        Some(output) => Outcome::Done(output),
        None => Outcome::Cancelled,
    };
    // ANCHOR: limit_of_its_own
    let clean_up = match timeout(limit, clean_up).await {
        Ok(cleaned_up) => cleaned_up.map_err(NotCleanedUp::Failed),
        Err(_) => Err(NotCleanedUp::TooLate { limit }),
    };
    // ANCHOR_END: limit_of_its_own
    Ended { work, clean_up }
}
// ANCHOR_END: work_then_clean_up

// ANCHOR: ended
/// How the work has ended, and how its clean-up.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended<T, E> {
    /// Whether the work came to its end, and with which output.
    pub work: Outcome<T>,
    /// Whether the clean-up was done.
    pub clean_up: Result<(), NotCleanedUp<E>>,
}

/// Why something was not cleaned up.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCleanedUp<E> {
    /// The clean-up gave an error.
    #[error("the clean-up failed")]
    Failed(#[source] E),
    /// It was dropped at its limit.
    #[error("the clean-up was dropped after {limit:?}")]
    TooLate {
        /// How long it was allowed to take.
        limit: Duration,
    },
}
// ANCHOR_END: ended

/// Runs `work`, and then `clean_up`, also after an error.
///
/// # Errors
/// What `work` says.
///
/// # Cancel safety
/// Dropped during `work`, it does not clean up.
pub async fn also_after_an_error<T, E>(
    work: impl Future<Output = Result<T, E>>,
    clean_up: impl Future<Output = ()>,
) -> Result<T, E> {
    // ANCHOR: result_kept
    let result = work.await;
    clean_up.await;
    let output = result?;
    // ANCHOR_END: result_kept
    Ok(output)
}

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: the token is cancelled, so the clean-up is never polled.
    pub async fn work_then_clean_up<T, E>(
        stop: &CancellationToken,
        work: impl Future<Output = T>,
        clean_up: impl Future<Output = Result<(), E>>,
    ) -> (Outcome<T>, Option<Result<(), E>>) {
        let work = match stop.run_until_cancelled(work).await {
            Some(output) => Outcome::Done(output),
            None => Outcome::Cancelled,
        };
        // ANCHOR: under_the_token
        let clean_up = stop.run_until_cancelled(clean_up).await;
        // ANCHOR_END: under_the_token
        (work, clean_up)
    }

    /// Wrong: a server that does not answer holds up the end.
    ///
    /// # Errors
    /// What the clean-up says.
    pub async fn clean_up_without_limit<E>(
        clean_up: impl Future<Output = Result<(), E>>,
    ) -> Result<(), NotCleanedUp<E>> {
        // ANCHOR: without_limit
        let clean_up = clean_up.await.map_err(NotCleanedUp::Failed);
        // ANCHOR_END: without_limit
        clean_up
    }

    /// Wrong: an error leaves the function before the clean-up.
    ///
    /// # Errors
    /// What `work` says.
    pub async fn also_after_an_error<T, E>(
        work: impl Future<Output = Result<T, E>>,
        clean_up: impl Future<Output = ()>,
    ) -> Result<T, E> {
        // ANCHOR: question_mark_first
        let output = work.await?;
        clean_up.await;
        // ANCHOR_END: question_mark_first
        Ok(output)
    }
}

#[cfg(test)]
mod tests;

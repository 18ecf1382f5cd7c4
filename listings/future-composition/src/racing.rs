//! Race: take the first answer.

use std::future::Future; // only edition 2021 needs this line
use std::time::Duration;

use tokio::select;
use tokio::task::JoinError;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

// ANCHOR: first_to_finish
/// Nobody finished in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nobody finished within {limit:?}")]
pub struct TooLate {
    /// How long the race was allowed to take.
    pub limit: Duration,
}

/// The output of the first of the two to finish, good or bad. Either may win a tie.
///
/// # Errors
/// Neither finished within `limit`. An answer exactly at the limit is in time.
///
/// # Cancel safety
/// The loser is dropped where it waits, before this returns. Dropping the race drops
/// both.
pub async fn first_to_finish<T>(
    primary: impl Future<Output = T>,
    mirror: impl Future<Output = T>,
    limit: Duration,
) -> Result<T, TooLate> {
    // ANCHOR: limit_around_the_race
    let race = async {
        select! {
            answer = primary => answer,
            answer = mirror => answer,
        }
    };
    timeout(limit, race).await.map_err(|_| TooLate { limit })
    // ANCHOR_END: limit_around_the_race
}
// ANCHOR_END: first_to_finish

/// The first of the two to succeed; `None` when both failed and nobody asks why.
/// Either may win a tie.
///
/// # Cancel safety
/// The loser is dropped where it waits, before this returns. Dropping the race drops
/// both.
pub async fn either_success<T, E>(
    primary: impl Future<Output = Result<T, E>>,
    mirror: impl Future<Output = Result<T, E>>,
) -> Option<T> {
    // ANCHOR: with_an_else
    select! {
        // ANCHOR: only_a_success
        Ok(answer) = primary => Some(answer),
        Ok(answer) = mirror => Some(answer),
        // ANCHOR_END: only_a_success
        else => None,
    }
    // ANCHOR_END: with_an_else
}

// ANCHOR: race_tasks
/// Races two tasks, so that they run in parallel.
///
/// # Errors
/// The task that ended first panicked.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// The loser's task is aborted: its future is dropped at its next await that has to
/// wait, maybe after this returns. Dropping the race aborts both.
pub async fn race_tasks<T: Send + 'static>(
    primary: impl Future<Output = T> + Send + 'static,
    mirror: impl Future<Output = T> + Send + 'static,
) -> Result<T, JoinError> {
    let primary = AbortOnDropHandle::new(tokio::spawn(primary));
    let mirror = AbortOnDropHandle::new(tokio::spawn(mirror));
    select! {
        answer = primary => answer,
        answer = mirror => answer,
    }
}
// ANCHOR_END: race_tasks

/// The first of two tasks to succeed; `None` when both failed or panicked.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// As `race_tasks`.
pub async fn either_task<T: Send + 'static, E: Send + 'static>(
    primary: impl Future<Output = Result<T, E>> + Send + 'static,
    mirror: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Option<T> {
    // ANCHOR: aborted_loser
    let primary = AbortOnDropHandle::new(tokio::spawn(primary));
    let mirror = AbortOnDropHandle::new(tokio::spawn(mirror));
    // ANCHOR_END: aborted_loser
    select! {
        // ANCHOR: both_results
        Ok(Ok(answer)) = primary => Some(answer),
        Ok(Ok(answer)) = mirror => Some(answer),
        // ANCHOR_END: both_results
        else => None,
    }
}

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;
    use tokio::time::sleep;

    /// Wrong: a busy racer uses up the budget of its task before the timer is polled.
    ///
    /// # Errors
    /// Neither finished within `limit`; it holds only if both sometimes wait.
    pub async fn first_to_finish<T>(
        primary: impl Future<Output = T>,
        mirror: impl Future<Output = T>,
        limit: Duration,
    ) -> Result<T, TooLate> {
        // ANCHOR: limit_in_the_last_branch
        select! {
            biased;
            answer = primary => Ok(answer),
            answer = mirror => Ok(answer),
            () = sleep(limit) => Err(TooLate { limit }),
        }
        // ANCHOR_END: limit_in_the_last_branch
    }

    /// Wrong: an `Err` that comes first wins, and chance decides a tie.
    ///
    /// # Errors
    /// The first to finish failed.
    pub async fn first_answer<T, E>(
        primary: impl Future<Output = Result<T, E>>,
        mirror: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        select! {
            // ANCHOR: any_answer_wins
            answer = primary => answer,
            answer = mirror => answer,
            // ANCHOR_END: any_answer_wins
        }
    }

    /// Wrong: no branch is left when both fail.
    ///
    /// # Panics
    /// Both failed.
    pub async fn either_success<T, E>(
        primary: impl Future<Output = Result<T, E>>,
        mirror: impl Future<Output = Result<T, E>>,
    ) -> Option<T> {
        // ANCHOR: without_else
        select! {
            Ok(answer) = primary => Some(answer),
            Ok(answer) = mirror => Some(answer),
        }
        // ANCHOR_END: without_else
    }

    /// Wrong: dropping a `JoinHandle` detaches its task, and the loser runs to its end.
    ///
    /// # Errors
    /// The task that ended first panicked.
    pub async fn race_tasks<T: Send + 'static>(
        primary: impl Future<Output = T> + Send + 'static,
        mirror: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, JoinError> {
        // ANCHOR: detached_loser
        let primary = tokio::spawn(primary);
        let mirror = tokio::spawn(mirror);
        // ANCHOR_END: detached_loser
        select! {
            answer = primary => answer,
            answer = mirror => answer,
        }
    }

    /// Wrong: `Ok` says that the task has not panicked; its answer may be a refusal.
    pub async fn either_task<T: Send + 'static, E: Send + 'static>(
        primary: impl Future<Output = Result<T, E>> + Send + 'static,
        mirror: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Option<Result<T, E>> {
        let primary = AbortOnDropHandle::new(tokio::spawn(primary));
        let mirror = AbortOnDropHandle::new(tokio::spawn(mirror));
        select! {
            // ANCHOR: outer_result
            Ok(answer) = primary => Some(answer),
            Ok(answer) = mirror => Some(answer),
            // ANCHOR_END: outer_result
            else => None,
        }
    }
}

#[cfg(test)]
mod tests;

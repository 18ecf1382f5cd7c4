//! Race: first to finish, first to succeed.

use std::error::Error;
use std::fmt::{Debug, Display};
use std::future::Future;
use std::iter;
use std::pin::pin;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
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
    let race = async {
        tokio::select! {
            answer = primary => answer,
            answer = mirror => answer,
        }
    };
    timeout(limit, race).await.map_err(|_| TooLate { limit })
}
// ANCHOR_END: first_to_finish

// ANCHOR: all_errors
/// Why nobody won. It prints each failure with all its causes.
#[derive(Debug, thiserror::Error)]
pub enum Lost<N: Debug + Display, E: Error> {
    /// The list of requests was empty.
    #[error("there was nobody to ask")]
    NobodyToAsk,
    /// What each request said, by its name, in the order in which they failed.
    #[error("all requests failed: {}", list(.0))]
    AllFailed(Vec<(N, E)>),
}

fn list<N: Display, E: Error>(failures: &[(N, E)]) -> String {
    let line = |(name, error): &(N, E)| format!("{name}: {}", with_causes(error));
    failures.iter().map(line).collect::<Vec<_>>().join("; ")
}

/// An error has one `source` at most, and here are several failures: so their causes
/// are part of the message.
fn with_causes<E: Error>(error: &E) -> String {
    let causes = iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
// ANCHOR_END: all_errors

// ANCHOR: first_to_succeed
/// The first `Ok`, with the name of its request. An `Err` ends only its own.
///
/// # Errors
/// There was no request, or every one of them failed.
///
/// # Cancel safety
/// The losers are dropped where they wait, before this returns. Dropping the race drops
/// all of them, and the errors so far.
pub async fn first_to_succeed<N, T, E, F>(
    requests: impl IntoIterator<Item = (N, F)>,
) -> Result<(N, T), Lost<N, E>>
where
    N: Debug + Display,
    E: Error,
    F: Future<Output = Result<T, E>>,
{
    let named = |(name, request): (N, F)| async move { (name, request.await) };
    let mut race: FuturesUnordered<_> = requests.into_iter().map(named).collect();
    if race.is_empty() {
        return Err(Lost::NobodyToAsk);
    }
    let mut failures = Vec::with_capacity(race.len());
    // The loop awaits nothing else: whoever is still in the race is being polled.
    while let Some((name, answer)) = race.next().await {
        match answer {
            Ok(answer) => return Ok((name, answer)),
            Err(error) => failures.push((name, error)),
        }
    }
    Err(Lost::AllFailed(failures))
}
// ANCHOR_END: first_to_succeed

// ANCHOR: either_success
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
    tokio::select! {
        Ok(answer) = primary => Some(answer),
        Ok(answer) = mirror => Some(answer),
        else => None,
    }
}
// ANCHOR_END: either_success

// ANCHOR: both_failed
/// The call and its backup have both failed. It prints both with all their causes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("primary: {}; backup: {}", with_causes(.primary), with_causes(.backup))]
pub struct BothFailed<E: Error> {
    /// What the first call said.
    pub primary: E,
    /// What the second call said.
    pub backup: E,
}
// ANCHOR_END: both_failed

// ANCHOR: hedge
/// Calls `backup` as well, once `primary` has taken `after` or has failed; the first to
/// succeed wins, and either may win a tie. Only for calls that may be made twice.
///
/// # Errors
/// Both failed.
///
/// # Cancel safety
/// The loser is dropped where it waits, before this returns. Dropping the hedge drops
/// both.
pub async fn hedge<T, E, B>(
    primary: impl Future<Output = Result<T, E>>,
    after: Duration,
    backup: impl FnOnce() -> B,
) -> Result<T, BothFailed<E>>
where
    E: Error,
    B: Future<Output = Result<T, E>>,
{
    let both = |primary, backup| BothFailed { primary, backup };
    let mut primary = pin!(primary);
    match timeout(after, &mut primary).await {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(primary)) => {
            return backup().await.map_err(|backup| both(primary, backup));
        }
        Err(_slow) => {} // `primary` goes on, beside the backup
    }
    let mut backup = pin!(backup());
    tokio::select! {
        answer = &mut primary => match answer {
            Ok(answer) => Ok(answer),
            Err(primary) => backup.await.map_err(|backup| both(primary, backup)),
        },
        answer = &mut backup => match answer {
            Ok(answer) => Ok(answer),
            Err(backup) => primary.await.map_err(|primary| both(primary, backup)),
        },
    }
}
// ANCHOR_END: hedge

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
    tokio::select! {
        answer = primary => answer,
        answer = mirror => answer,
    }
}
// ANCHOR_END: race_tasks

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;
    use futures::future::{BoxFuture, select_ok};
    use tokio::time::sleep;

    // ANCHOR: limit_in_the_last_branch
    /// Wrong: a busy racer uses up the budget of its task before the timer is polled.
    ///
    /// # Errors
    /// Neither finished within `limit`; it holds only if both sometimes wait.
    pub async fn first_to_finish<T>(
        primary: impl Future<Output = T>,
        mirror: impl Future<Output = T>,
        limit: Duration,
    ) -> Result<T, TooLate> {
        tokio::select! {
            biased;
            answer = primary => Ok(answer),
            answer = mirror => Ok(answer),
            () = sleep(limit) => Err(TooLate { limit }),
        }
    }
    // ANCHOR_END: limit_in_the_last_branch

    // ANCHOR: any_answer_wins
    /// Wrong: an `Err` that comes first wins, and chance decides a tie.
    ///
    /// # Errors
    /// The first to finish failed.
    pub async fn first_answer<T, E>(
        primary: impl Future<Output = Result<T, E>>,
        mirror: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        tokio::select! {
            answer = primary => answer,
            answer = mirror => answer,
        }
    }
    // ANCHOR_END: any_answer_wins

    // ANCHOR: last_error_only
    /// Wrong: only the last error is left, nobody to ask is a panic, and the losers
    /// stay alive while `then` runs.
    ///
    /// # Errors
    /// What the last request to fail said.
    pub async fn use_first<T, E, Fut: Future>(
        requests: Vec<BoxFuture<'_, Result<T, E>>>,
        then: impl FnOnce(T) -> Fut,
    ) -> Result<Fut::Output, E> {
        let (answer, _losers) = select_ok(requests).await?;
        Ok(then(answer).await)
    }
    // ANCHOR_END: last_error_only

    // ANCHOR: detached_loser
    /// Wrong: dropping a `JoinHandle` detaches its task, and the loser runs to its end.
    ///
    /// # Errors
    /// The task that ended first panicked.
    pub async fn race_tasks<T: Send + 'static>(
        primary: impl Future<Output = T> + Send + 'static,
        mirror: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, JoinError> {
        let primary = tokio::spawn(primary);
        let mirror = tokio::spawn(mirror);
        tokio::select! {
            answer = primary => answer,
            answer = mirror => answer,
        }
    }
    // ANCHOR_END: detached_loser
}

#[cfg(test)]
mod tests;

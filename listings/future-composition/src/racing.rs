//! Race: take the first answer.

use std::error::Error;
use std::fmt::{Debug, Display};
use std::future::Future; // only edition 2021 needs this line
use std::iter;
use std::pin::pin;
use std::time::Duration;

use futures::future::{BoxFuture, select_ok};
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::select;
use tokio::sync::mpsc;
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

// ANCHOR: first_to_succeed
/// The first answer, or all errors in the order in which they came.
///
/// # Errors
/// All requests failed. If there was no request, there is no error in the list.
///
/// # Cancel safety
/// The losers are dropped where they wait, before this returns. Dropping the race drops
/// all of them, and the errors so far.
pub async fn first_to_succeed<T, E>(
    requests: impl IntoIterator<Item = impl Future<Output = Result<T, E>>>,
) -> Result<T, Vec<E>> {
    let mut running: FuturesUnordered<_> = requests.into_iter().collect();
    let mut errors = Vec::new();
    while let Some(result) = running.next().await {
        match result {
            Ok(answer) => return Ok(answer),  // drops the others
            Err(error) => errors.push(error), // the others go on
        }
    }
    Err(errors)
}
// ANCHOR_END: first_to_succeed

// ANCHOR: first_by_name
/// The first answer, with the name of its request.
///
/// # Errors
/// There was no request, or all of them failed.
///
/// # Cancel safety
/// As `first_to_succeed`.
pub async fn first_by_name<N, T, E, F>(
    requests: impl IntoIterator<Item = (N, F)>,
) -> Result<(N, T), Lost<N, E>>
where
    N: Debug + Display,
    E: Error,
    F: Future<Output = Result<T, E>>,
{
    let named = |(name, request): (N, F)| async move {
        match request.await {
            Ok(answer) => Ok((name, answer)),
            Err(error) => Err((name, error)),
        }
    };
    let lost = |failures: Vec<_>| {
        if failures.is_empty() { Lost::NobodyToAsk } else { Lost::AllFailed(failures) }
    };
    first_to_succeed(requests.into_iter().map(named)).await.map_err(lost)
}
// ANCHOR_END: first_by_name

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
/// Calls `backup` as well, once `primary` has needed `after` or has failed; the first
/// to succeed wins, and either may win a tie. Only for calls that may be made twice.
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
        Ok(Ok(answer)) => return Ok(answer), // in time
        Ok(Err(primary)) => {
            // Failed early: the backup starts at once.
            return backup().await.map_err(|backup| both(primary, backup));
        }
        Err(_slow) => {} // `primary` goes on, beside the backup
    }
    let mut backup = pin!(backup());
    select! {
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

/// Asks `mirror` too, if `primary` has no answer after `patience`; then `report` runs,
/// too. `None` when both failed, or `primary` failed before.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// Dropping this drops both calls. A report that has begun goes on.
pub async fn hedge_and_report<T, E>(
    primary: impl Future<Output = Result<T, E>>,
    patience: Duration,
    report: impl Future<Output = ()> + Send + 'static,
    mirror: impl Future<Output = Result<T, E>>,
) -> Option<T> {
    let mut primary = pin!(primary);
    // ANCHOR: report_on_a_task
    if let Ok(answer) = timeout(patience, &mut primary).await {
        return answer.ok();
    }
    tokio::spawn(report);
    select! {
        Ok(answer) = &mut primary => Some(answer),
        Ok(answer) = mirror => Some(answer),
        else => None,
    }
    // ANCHOR_END: report_on_a_task
}

/// Whether an alarm comes before `stop`. Each other message goes to `put_aside`.
///
/// # Cancel safety
/// Dropping this loses no message.
pub async fn alarm_before(
    stop: impl Future<Output = ()>,
    inbox: &mut mpsc::Receiver<&'static str>,
    mut put_aside: impl FnMut(&'static str),
) -> bool {
    let mut stop = pin!(stop);
    loop {
        select! {
            // ANCHOR: each_message
            Some(message) = inbox.recv() => match message {
                "alarm" => return true,
                other => put_aside(other),
            },
            // ANCHOR_END: each_message
            () = &mut stop => return false,
        }
    }
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

/// Runs `then` with the first answer, when the losers are gone.
///
/// # Errors
/// What the last request to fail said; the other errors are lost.
///
/// # Panics
/// `requests` is empty.
///
/// # Cancel safety
/// Dropping this drops all requests, and `then` where it waits.
pub async fn use_first<T, E, Fut: Future>(
    requests: Vec<BoxFuture<'_, Result<T, E>>>,
    then: impl FnOnce(T) -> Fut,
) -> Result<Fut::Output, E> {
    // ANCHOR: losers_dropped
    let (answer, _) = select_ok(requests).await?;
    Ok(then(answer).await)
    // ANCHOR_END: losers_dropped
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

    /// Wrong: while `report` runs, nobody polls `primary`, and nobody asks `mirror`.
    pub async fn hedge_and_report<T, E>(
        primary: impl Future<Output = Result<T, E>>,
        patience: Duration,
        report: impl Future<Output = ()>,
        mirror: impl Future<Output = Result<T, E>>,
    ) -> Option<T> {
        let mut primary = pin!(primary);
        // ANCHOR: await_between
        if let Ok(answer) = timeout(patience, &mut primary).await {
            return answer.ok();
        }
        report.await;
        select! {
            Ok(answer) = &mut primary => Some(answer),
            Ok(answer) = mirror => Some(answer),
            else => None,
        }
        // ANCHOR_END: await_between
    }

    /// Wrong: a message that is no alarm is lost, and then nobody reads the inbox.
    pub async fn alarm_before(
        stop: impl Future<Output = ()>,
        inbox: &mut mpsc::Receiver<&'static str>,
    ) -> bool {
        select! {
            // ANCHOR: alarms_only
            Some("alarm") = inbox.recv() => true,
            // ANCHOR_END: alarms_only
            () = stop => false,
        }
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

    /// Wrong: only the last error is left, nobody to ask is a panic, and the losers
    /// stay alive while `then` runs.
    ///
    /// # Errors
    /// What the last request to fail said.
    pub async fn use_first<T, E, Fut: Future>(
        requests: Vec<BoxFuture<'_, Result<T, E>>>,
        then: impl FnOnce(T) -> Fut,
    ) -> Result<Fut::Output, E> {
        // ANCHOR: losers_kept
        let (answer, _losers) = select_ok(requests).await?;
        Ok(then(answer).await)
        // ANCHOR_END: losers_kept
    }
}

#[cfg(test)]
mod tests;

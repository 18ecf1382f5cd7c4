//! A hedge: ask again when it is slow.

use std::error::Error;
use std::fmt::Debug;
use std::future::Future; // only edition 2021 needs this line
use std::pin::pin;
use std::time::Duration;

use tokio::select;
use tokio::sync::Semaphore;
use tokio::time::timeout;

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

// ANCHOR: both_failed
/// The call and its backup have both failed. It prints both with all their causes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "primary: {}; backup: {}",
    future_composition::race_a_list::with_causes(.primary),
    future_composition::race_a_list::with_causes(.backup)
)]
pub struct BothFailed<E: Error> {
    /// What the first call said.
    pub primary: E,
    /// What the second call said.
    pub backup: E,
}
// ANCHOR_END: both_failed

// ANCHOR: hedge_within
/// Calls `backup` as well, once `primary` has needed `after`, if there is a free permit
/// in `backups`. `None` when all calls failed.
///
/// # Cancel safety
/// The loser is dropped where it waits, before this returns, and the permit is given
/// back. Dropping this drops both.
pub async fn hedge_within<T, E, B>(
    primary: impl Future<Output = Result<T, E>>,
    after: Duration,
    backups: &Semaphore,
    backup: impl FnOnce() -> B,
) -> Option<T>
where
    B: Future<Output = Result<T, E>>,
{
    let mut primary = pin!(primary);
    if let Ok(answer) = timeout(after, &mut primary).await {
        return answer.ok(); // in time
    }
    let Ok(_permit) = backups.try_acquire() else {
        return primary.await.ok(); // too many backups: wait for the primary
    };
    select! {
        Ok(answer) = &mut primary => Some(answer),
        Ok(answer) = backup() => Some(answer),
        else => None,
    }
}
// ANCHOR_END: hedge_within

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

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

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
}

#[cfg(test)]
mod tests;

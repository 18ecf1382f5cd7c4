//! Cancels a request from outside, so that nothing of it runs on.

use std::future::Future; // only edition 2021 needs this line
use std::panic::resume_unwind;
use std::pin::pin;
use std::time::Duration;

use tokio::select;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

// ANCHOR: cancelled
/// The request was cancelled before it had an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Cancelled {
    /// It was dropped at the await where it waited.
    #[error("the request was dropped")]
    Dropped,
    /// It was asked to stop, and has cleaned up; or it never began.
    #[error("the request has stopped")]
    Stopped,
}
// ANCHOR_END: cancelled

// ANCHOR: or_cancelled
/// Waits for the answer of `request`, or until `cancel` is cancelled.
///
/// # Errors
/// [`Cancelled::Dropped`]: the request is gone. If `cancel` was cancelled before, it
/// never began.
///
/// # Cancel safety
/// If you drop this, the request is dropped too.
pub async fn or_cancelled<F: Future>(
    request: F,
    cancel: &CancellationToken,
) -> Result<F::Output, Cancelled> {
    cancel.run_until_cancelled(request).await.ok_or(Cancelled::Dropped)
}
// ANCHOR_END: or_cancelled

/// Like [`or_cancelled`], for a cancel that comes through a channel.
///
/// # Errors
/// [`Cancelled::Dropped`]: the request is gone.
///
/// # Cancel safety
/// If you drop this, the request is dropped too.
pub async fn or_cancelled_by<F: Future>(
    request: F,
    cancel: oneshot::Receiver<()>,
) -> Result<F::Output, Cancelled> {
    // ANCHOR: sent
    select! {
        answer = request => Ok(answer),
        Ok(()) = cancel => Err(Cancelled::Dropped),
    }
    // ANCHOR_END: sent
}

// ANCHOR: task_or_cancelled
/// Waits for the answer of `task`. If `cancel` is cancelled, aborts the task, and waits
/// until it is gone.
///
/// # Errors
/// [`Cancelled::Dropped`]: nothing of the task is left.
///
/// # Panics
/// With the panic of the task.
///
/// # Cancel safety
/// If you drop this, the task is aborted, and nobody waits until it is gone.
pub async fn task_or_cancelled<T>(
    mut task: AbortOnDropHandle<T>,
    cancel: &CancellationToken,
) -> Result<T, Cancelled> {
    // ANCHOR: abort_and_wait
    let end = if let Some(end) = cancel.run_until_cancelled(&mut task).await {
        end
    } else {
        task.abort();
        task.await // until the task is gone
    };
    // ANCHOR_END: abort_and_wait
    match end.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(answer) => Ok(answer),
        Err(Ok(panic)) => resume_unwind(panic),
        Err(Err(_aborted)) => Err(Cancelled::Dropped),
    }
}
// ANCHOR_END: task_or_cancelled

// ANCHOR: with_grace
/// Waits for the answer of `work`, which looks at `cancel` too. If `cancel` is
/// cancelled, the work has `grace` to stop by itself. Then it is dropped.
///
/// # Errors
/// What the work returns, or [`Cancelled::Dropped`] after the grace time. If `cancel`
/// was cancelled before, [`Cancelled::Stopped`]: the work never began.
///
/// # Cancel safety
/// If you drop this, the work is dropped too, without a grace time.
pub async fn with_grace<T, F>(
    work: F,
    cancel: &CancellationToken,
    grace: Duration,
) -> Result<T, Cancelled>
where
    F: Future<Output = Result<T, Cancelled>>,
{
    if cancel.is_cancelled() {
        return Err(Cancelled::Stopped);
    }
    let mut work = pin!(work);
    if let Some(end) = cancel.run_until_cancelled(&mut work).await {
        return end;
    }
    // The work is still there, and sees the token too.
    timeout(grace, work).await.unwrap_or(Err(Cancelled::Dropped))
}
// ANCHOR_END: with_grace

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: a cancel drops the handle of the task, and the task runs on.
    pub async fn request_with_cancel<F>(
        request: F,
        cancel: oneshot::Receiver<()>,
    ) -> Option<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        // ANCHOR: handle_dropped
        let task = tokio::spawn(request);
        select! {
            answer = task => answer.ok(),
            _ = cancel => None, // this drops `task`, a JoinHandle
        }
        // ANCHOR_END: handle_dropped
    }

    /// Wrong: if the request has already ended, nobody receives this.
    ///
    /// # Panics
    /// The request has ended.
    pub fn click(button: oneshot::Sender<()>) {
        button.send(()).unwrap();
    }

    /// Wrong: a sender that is dropped counts as a cancel.
    ///
    /// # Errors
    /// The request was cancelled, or nobody can cancel it any more.
    pub async fn or_cancelled_by<F: Future>(
        request: F,
        cancel: oneshot::Receiver<()>,
    ) -> Result<F::Output, Cancelled> {
        // ANCHOR: anything
        select! {
            answer = request => Ok(answer),
            _ = cancel => Err(Cancelled::Dropped),
        }
        // ANCHOR_END: anything
    }
}

#[cfg(test)]
mod tests;

//! Spawn a task: its value, its panic, its abort, and who owns it.

use std::any::Any;
use std::future::Future; // only edition 2021 needs this line
use std::panic::resume_unwind;
use std::time::Duration;

use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

// ANCHOR: panic_message
/// What a panic said; `None` if its payload is no text.
pub fn panic_message(payload: &(dyn Any + Send)) -> Option<&str> {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        return Some(text); // from panic!("no address")
    }
    let text = payload.downcast_ref::<String>()?; // from panic!("order {order}")
    Some(text)
}
// ANCHOR_END: panic_message

// ANCHOR: what_it_said
/// What the panic of a task said; `None` without a panic, or if its payload is no text.
pub fn what_it_said(error: JoinError) -> Option<String> {
    // ANCHOR: payload_in_the_box
    let payload = error.try_into_panic().ok()?;
    panic_message(&*payload).map(str::to_owned)
    // ANCHOR_END: payload_in_the_box
}
// ANCHOR_END: what_it_said

// ANCHOR: value_or_panic
/// The value of a task. If the task panicked, the caller panics with the same payload.
///
/// # Errors
/// The task was aborted.
///
/// # Panics
/// The task panicked.
///
/// # Cancel safety
/// Dropping this drops `task`: a `JoinHandle` detaches, an `AbortOnDropHandle` aborts.
pub async fn value_or_panic<T>(
    task: impl Future<Output = Result<T, JoinError>>,
) -> Result<T, JoinError> {
    match task.await {
        Ok(value) => Ok(value),
        Err(error) => match error.try_into_panic() {
            Ok(payload) => resume_unwind(payload), // goes on with the panic of the task
            Err(aborted) => Err(aborted),
        },
    }
}
// ANCHOR_END: value_or_panic

// ANCHOR: task_error
/// Why a task gave no value.
#[derive(Debug, thiserror::Error)]
pub enum TaskError<E> {
    /// The task ended by itself, with an error.
    #[error("the task failed")]
    Failed(#[source] E),
    /// The task panicked.
    #[error("the task panicked")]
    Panicked(#[source] JoinError),
    /// Somebody aborted the task, or its runtime has ended.
    #[error("the task was aborted")]
    Aborted(#[source] JoinError),
}

/// One result of the two that the handle of a task gives.
///
/// # Errors
/// The task failed, panicked, or was aborted.
pub fn flatten<T, E>(
    joined: Result<Result<T, E>, JoinError>,
) -> Result<T, TaskError<E>> {
    match joined {
        Ok(result) => result.map_err(TaskError::Failed),
        Err(error) if error.is_panic() => Err(TaskError::Panicked(error)),
        Err(error) => Err(TaskError::Aborted(error)),
    }
}
// ANCHOR_END: task_error

/// How many tasks gave a value, and how many did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Gave a value.
    pub sent: usize,
    /// Ended by themselves, with an error.
    pub refused: usize,
    /// Panicked, or were aborted.
    pub lost: usize,
}

/// Waits for all tasks, and counts how they ended.
///
/// # Cancel safety
/// Dropping this aborts the tasks that still run.
pub async fn tally<T, E>(tasks: Vec<AbortOnDropHandle<Result<T, E>>>) -> Tally {
    let mut tally = Tally::default();
    for task in tasks {
        // ANCHOR: both_results
        match task.await {
            Ok(Ok(_)) => tally.sent += 1,
            Ok(Err(_)) => tally.refused += 1,
            Err(_) => tally.lost += 1,
        }
        // ANCHOR_END: both_results
    }
    tally
}

/// Sends the receipt in a task. Dropping the handle aborts the task.
///
/// # Panics
/// Outside a Tokio runtime.
pub fn accept<T, F>(send_receipt: F) -> AbortOnDropHandle<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    // ANCHOR: owned_task
    let task = tokio::spawn(send_receipt);
    AbortOnDropHandle::new(task) // the caller decides how long it lives
    // ANCHOR_END: owned_task
}

/// Gives a task `limit`, then aborts it, and waits until it is gone.
///
/// # Errors
/// The task panicked, or was aborted, by this or by somebody else.
///
/// # Cancel safety
/// Dropping this aborts the task, and does not wait for it.
pub async fn stop_after<T>(
    mut task: AbortOnDropHandle<T>,
    limit: Duration,
) -> Result<T, JoinError> {
    // ANCHOR: borrowed_by_the_limit
    if let Ok(joined) = timeout(limit, &mut task).await {
        return joined; // in time
    }
    task.abort();
    task.await // returns when the task is gone
    // ANCHOR_END: borrowed_by_the_limit
}

/// Aborts a task, and then starts what takes its place. Gives the value of the task too,
/// if it ended before the abort reached it.
///
/// # Cancel safety
/// Dropping this aborts the task, and does not wait for it; `next` is not called.
pub async fn replace<T, N>(
    task: AbortOnDropHandle<T>,
    next: impl FnOnce() -> N,
) -> (Result<T, JoinError>, N) {
    // ANCHOR: abort_and_wait
    task.abort();
    let ended = task.await; // here the task is gone
    (ended, next())
    // ANCHOR_END: abort_and_wait
}

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: the box itself is given as the payload, and a box is no text.
    pub fn what_it_said(error: JoinError) -> Option<String> {
        // ANCHOR: box_as_payload
        let payload = error.try_into_panic().ok()?;
        panic_message(&payload).map(str::to_owned)
        // ANCHOR_END: box_as_payload
    }

    /// Wrong: `Ok` says that the task has not panicked; its result may be an error.
    pub async fn tally<T, E>(tasks: Vec<AbortOnDropHandle<Result<T, E>>>) -> Tally {
        let mut tally = Tally::default();
        for task in tasks {
            // ANCHOR: outer_result
            match task.await {
                Ok(_) => tally.sent += 1,
                Err(_) => tally.lost += 1,
            }
            // ANCHOR_END: outer_result
        }
        tally
    }

    /// Wrong: nobody can ask for the result, and nobody can stop the task.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn accept<F>(send_receipt: F)
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        // ANCHOR: detached_task
        tokio::spawn(send_receipt);
        // ANCHOR_END: detached_task
    }

    /// Wrong: at the limit, `timeout` drops the handle, and the task runs on.
    ///
    /// # Errors
    /// The task panicked.
    pub async fn stop_after<T>(
        task: JoinHandle<T>,
        limit: Duration,
    ) -> Option<Result<T, JoinError>> {
        // ANCHOR: moved_into_the_limit
        if let Ok(joined) = timeout(limit, task).await {
            return Some(joined); // in time
        }
        None
        // ANCHOR_END: moved_into_the_limit
    }

    /// Wrong: the task may still be there, and hold its file or its port.
    pub fn replace<T, N>(task: &JoinHandle<T>, next: impl FnOnce() -> N) -> N {
        // ANCHOR: abort_alone
        task.abort();
        next()
        // ANCHOR_END: abort_alone
    }
}

#[cfg(test)]
mod tests;

//! All at once, on one task.

use std::future::Future;

use tokio::task::{JoinError, spawn_blocking};
use tokio_util::task::AbortOnDropHandle;

/// Waits for three lookups at once: as long as the slowest takes, not as their sum.
///
/// An answer that is an error is handed over like any other, and stops nobody.
///
/// # Panics
/// When a branch panics. The others are dropped: it is their task that unwinds.
///
/// # Cancel safety
/// Dropping this drops each branch at the await where it stands, and the answers that
/// were there already. Before the first poll no branch has begun.
pub async fn all_three<A, B, C>(
    name: impl Future<Output = A>,
    orders: impl Future<Output = B>,
    balance: impl Future<Output = C>,
) -> (A, B, C) {
    // ANCHOR: at_once
    tokio::join!(name, orders, balance)
    // ANCHOR_END: at_once
}

// ANCHOR: in_parallel
/// Runs two pieces of work as two tasks: on two threads, where the runtime has them.
///
/// # Errors
/// A `JoinError` in the place of what panicked; the other one goes on.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// Dropping this aborts both tasks; before the first poll there is none. An abort takes
/// effect at the task's next await that has to wait, which may be after this is gone.
pub async fn in_parallel<F, G>(
    first: F,
    second: G,
) -> (Result<F::Output, JoinError>, Result<G::Output, JoinError>)
where
    F: Future<Output: Send> + Send + 'static,
    G: Future<Output: Send> + Send + 'static,
{
    let first = AbortOnDropHandle::new(tokio::spawn(first));
    let second = AbortOnDropHandle::new(tokio::spawn(second));
    tokio::join!(first, second)
}
// ANCHOR_END: in_parallel

// ANCHOR: beside_blocking
/// Runs `work`, which blocks, on a thread for such work, while `other` goes on here.
///
/// # Errors
/// A `JoinError` in the place of `work` when it panicked, or when the runtime has been
/// shut down.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// Dropping this drops `other` where it stands. `work` that has begun runs to its end;
/// if it still waits for a thread, it never begins. Before the first poll neither has
/// begun.
pub async fn beside_blocking<T, F>(
    work: impl FnOnce() -> T + Send + 'static,
    other: F,
) -> (Result<T, JoinError>, F::Output)
where
    T: Send + 'static,
    F: Future,
{
    // ANCHOR: blocking_thread
    // ANCHOR: aborted_in_the_queue
    let work = AbortOnDropHandle::new(spawn_blocking(work));
    // ANCHOR_END: aborted_in_the_queue
    tokio::join!(work, other)
    // ANCHOR_END: blocking_thread
}
// ANCHOR_END: beside_blocking

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: none of them needs the answer before it, and each waits for it.
    pub async fn one_by_one<A, B, C>(
        name: impl Future<Output = A>,
        orders: impl Future<Output = B>,
        balance: impl Future<Output = C>,
    ) -> (A, B, C) {
        // ANCHOR: one_by_one
        (name.await, orders.await, balance.await)
        // ANCHOR_END: one_by_one
    }

    /// Wrong: it makes room for the other tasks of this thread, not for `other`.
    pub async fn beside_blocking<T, F: Future>(
        work: impl FnOnce() -> T,
        other: F,
    ) -> (T, F::Output) {
        // ANCHOR: block_in_place
        let work = async { tokio::task::block_in_place(work) };
        tokio::join!(work, other)
        // ANCHOR_END: block_in_place
    }

    /// Wrong: nobody aborts `work`, and it runs for nobody, even if it has yet to begin.
    ///
    /// # Errors
    /// A `JoinError` in the place of `work` when it panicked.
    pub async fn beside_bare_handle<T, F>(
        work: impl FnOnce() -> T + Send + 'static,
        other: F,
    ) -> (Result<T, JoinError>, F::Output)
    where
        T: Send + 'static,
        F: Future,
    {
        // ANCHOR: bare_blocking_handle
        let work = spawn_blocking(work);
        // ANCHOR_END: bare_blocking_handle
        tokio::join!(work, other)
    }
}

#[cfg(test)]
mod tests;

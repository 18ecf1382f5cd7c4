//! Computations of async code on the threads of rayon.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rayon::ThreadPool;
use tokio::sync::{Semaphore, TryAcquireError, oneshot};
use tokio_util::sync::CancellationToken;

/// Computes on a thread of `pool`. What `work` computes in parallel is on the threads of `pool` too.
///
/// # Errors
/// `work` has panicked.
///
/// # Cancel safety
/// If you drop this before `work` has begun, it does not begin. If you drop it later, `work` runs to its end, and its
/// result is dropped. Before the first poll, nothing has been given to rayon.
// ANCHOR: compute
pub async fn compute<T, W>(pool: &ThreadPool, work: W) -> Result<T, ComputeError>
where
    W: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    // ANCHOR: caught
    pool.spawn(move || {
        if sender.is_closed() {
            return; // nobody waits any more
        }
        let end = catch_unwind(AssertUnwindSafe(work));
        let _ = sender.send(end); // an error: nobody waits any more
    });
    // ANCHOR_END: caught
    match receiver.await {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(panic)) => Err(ComputeError::Panicked(words(&*panic))),
        Err(_) => Err(ComputeError::Lost), // rayon has dropped the closure
    }
}
// ANCHOR_END: compute

// ANCHOR: compute_error
/// A computation has no result.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComputeError {
    /// It has panicked, with these words.
    #[error("the computation has panicked: {0}")]
    Panicked(String),
    /// It was dropped, and has not run.
    #[error("the computation was not run")]
    Lost,
    /// So many are under way that this one was refused.
    #[error("too many computations are under way")]
    Full,
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no words").to_owned()
}
// ANCHOR_END: compute_error

/// As [`compute`], and tells `work` by a token that nobody waits any more.
///
/// # Errors
/// As [`compute`].
///
/// # Cancel safety
/// If you drop this, the token is cancelled, and `work` ends when it looks at the token.
// ANCHOR: compute_while_wanted
pub async fn compute_while_wanted<T, W>(
    pool: &ThreadPool,
    work: W,
) -> Result<T, ComputeError>
where
    W: FnOnce(&CancellationToken) -> T + Send + 'static,
    T: Send + 'static,
{
    let stop = CancellationToken::new();
    let _guard = stop.clone().drop_guard(); // cancels if this future is dropped
    compute(pool, move || work(&stop)).await
}
// ANCHOR_END: compute_while_wanted

/// As [`compute`], if there is one of `permits`: for each computation that runs or waits in rayon's queue.
///
/// # Errors
/// As [`compute`]; or there is no permit, or no more will be: [`ComputeError::Full`].
///
/// # Cancel safety
/// As [`compute`]. The permit is given back when the computation has ended, or when rayon has thrown it away.
// ANCHOR: compute_or_refuse
pub async fn compute_or_refuse<T, W>(
    pool: &ThreadPool,
    permits: &Arc<Semaphore>,
    work: W,
) -> Result<T, ComputeError>
where
    W: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let permit = Arc::clone(permits).try_acquire_owned()?;
    compute(pool, move || {
        let _permit = permit; // given back when the work has ended
        work()
    })
    .await
}

impl From<TryAcquireError> for ComputeError {
    fn from(_: TryAcquireError) -> Self {
        Self::Full
    }
}
// ANCHOR_END: compute_or_refuse

/// Computes two things at the same time, on threads of `pool`.
///
/// # Errors
/// One of both has panicked.
///
/// # Cancel safety
/// As [`compute`].
pub async fn compute_both<A, B>(
    pool: &ThreadPool,
    a: impl FnOnce() -> A + Send + 'static,
    b: impl FnOnce() -> B + Send + 'static,
) -> Result<(A, B), ComputeError>
where
    A: Send + 'static,
    B: Send + 'static,
{
    // ANCHOR: joined_there
    compute(pool, || rayon::join(a, b)).await
    // ANCHOR_END: joined_there
}

/// How it goes wrong.
pub mod naive {
    use super::*;

    /// Wrong: the thread of the task waits for rayon.
    #[expect(
        clippy::unused_async,
        reason = "a handler is async, also without an await"
    )]
    pub async fn joined<A, B>(
        pool: &ThreadPool,
        a: impl FnOnce() -> A + Send,
        b: impl FnOnce() -> B + Send,
    ) -> (A, B)
    where
        A: Send,
        B: Send,
    {
        // ANCHOR: joined
        pool.join(a, b)
        // ANCHOR_END: joined
    }

    /// Wrong: if `work` panics, rayon ends the process.
    ///
    /// # Errors
    /// `work` has panicked, and the pool has a handler for panics.
    pub async fn uncaught<T, W>(pool: &ThreadPool, work: W) -> Result<T, ComputeError>
    where
        W: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        // ANCHOR: uncaught
        pool.spawn(move || {
            let _ = sender.send(work());
        });
        // ANCHOR_END: uncaught
        receiver.await.map_err(|_| ComputeError::Lost)
    }
}

#[cfg(test)]
mod tests;

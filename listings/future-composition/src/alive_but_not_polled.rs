//! Alive but not polled.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

// ANCHOR: keep_polling
/// Calls `warn` if `work` needs longer than `limit`, and polls both until both have
/// ended. The output of `work` is kept until then: it must hold nothing that `warn`
/// waits for.
///
/// # Cancel safety
/// If you drop this, both are dropped where they wait.
pub async fn warn_when_slow<T, N: Future<Output = ()>>(
    work: impl Future<Output = T>,
    limit: Duration,
    warn: impl FnOnce() -> N,
) -> T {
    let mut work = pin!(work);
    match timeout(limit, &mut work).await {
        Ok(output) => output,
        Err(_slow) => tokio::join!(work, warn()).0,
    }
}
// ANCHOR_END: keep_polling

// ANCHOR: drop_first
/// Drops `work` if it needs longer than `limit`, and only then calls `instead`.
///
/// # Cancel safety
/// If you drop this, the one that runs is dropped.
pub async fn fall_back_when_slow<T, B: Future<Output = T>>(
    work: impl Future<Output = T>,
    limit: Duration,
    instead: impl FnOnce() -> B,
) -> T {
    // Not `&mut work`: `timeout` owns `work`, and has dropped it when it returns `Err`.
    match timeout(limit, work).await {
        Ok(output) => output,
        Err(_slow) => instead().await,
    }
}
// ANCHOR_END: drop_first

// ANCHOR: a_task_moves_by_itself
/// Like [`warn_when_slow`], but `work` is a task, which the runtime polls. Even work
/// that blocks its thread is slow at `limit`, if the runtime has another thread. Work
/// that ends exactly at `limit` may count as slow, too.
///
/// # Errors
/// `work` panicked.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, `warn` is dropped, and the task is aborted.
pub async fn warn_when_task_is_slow<W, N>(
    work: W,
    limit: Duration,
    warn: impl FnOnce() -> N,
) -> Result<W::Output, JoinError>
where
    W: Future + Send + 'static,
    W::Output: Send + 'static,
    N: Future<Output = ()>,
{
    let mut work = AbortOnDropHandle::new(tokio::spawn(work));
    match timeout(limit, &mut work).await {
        Ok(output) => output,
        Err(_slow) => {
            warn().await;
            work.await
        }
    }
}
// ANCHOR_END: a_task_moves_by_itself

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;
    use tokio::time::sleep;

    /// Wrong: while `warn` runs, `work` is alive and nobody polls it.
    pub async fn warn_when_slow<T, N: Future<Output = ()>>(
        work: impl Future<Output = T>,
        limit: Duration,
        warn: impl FnOnce() -> N,
    ) -> T {
        // ANCHOR: futurelock
        let mut work = pin!(work);
        tokio::select! {
            output = &mut work => output,
            () = sleep(limit) => {
                warn().await; // `work` is alive, and nobody polls it
                work.await
            }
        }
        // ANCHOR_END: futurelock
    }
}

#[cfg(test)]
mod tests;

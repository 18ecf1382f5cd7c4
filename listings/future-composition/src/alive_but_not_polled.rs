//! Alive but not polled.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{AcquireError, Mutex, Semaphore};
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

/// Fetches and stores each row, with one permit of `gate` for both. No row is asked for
/// before it has its permit.
///
/// # Errors
/// `gate` was closed.
///
/// # Cancel safety
/// If you drop this, all rows under way are dropped, and their permits are free.
pub async fn fetch_and_store<K, R, F, S>(
    keys: impl IntoIterator<Item = K>,
    gate: &Semaphore,
    fetch: impl FnOnce(K) -> F + Clone,
    store: impl FnOnce(R) -> S + Clone,
) -> Result<(), AcquireError>
where
    F: Future<Output = R>,
    S: Future<Output = ()>,
{
    // ANCHOR: stored_inside
    let one_row = |key| {
        let (fetch, store) = (fetch.clone(), store.clone());
        async move {
            let _permit = gate.acquire().await?;
            let row = fetch(key).await;
            store(row).await;
            Ok(())
        }
    };
    let mut rows: FuturesUnordered<_> = keys.into_iter().map(one_row).collect();
    while let Some(stored) = rows.next().await {
        stored?;
    }
    Ok(())
    // ANCHOR_END: stored_inside
}

// ANCHOR: load_once
/// The value in `slot`. The first caller loads it, and those that come meanwhile wait.
///
/// # Errors
/// The loading failed; the next caller tries again.
///
/// # Cancel safety
/// If you drop this while it loads, `slot` is empty and unlocked.
pub async fn load_once<T: Clone, E, F: Future<Output = Result<T, E>>>(
    slot: &Mutex<Option<T>>,
    load: impl FnOnce() -> F,
) -> Result<T, E> {
    let mut slot = slot.lock().await;
    if let Some(value) = &*slot {
        return Ok(value.clone());
    }
    let value = load().await?;
    *slot = Some(value.clone());
    Ok(value)
}
// ANCHOR_END: load_once

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

    /// Wrong: while the body waits for a permit, the fetch that has it stands still.
    ///
    /// # Errors
    /// `gate` was closed.
    pub async fn fetch_and_store<K, R, F, S>(
        keys: impl IntoIterator<Item = K>,
        gate: &Semaphore,
        fetch: impl FnOnce(K) -> F + Clone,
        store: impl Fn(R) -> S,
    ) -> Result<(), AcquireError>
    where
        F: Future<Output = R>,
        S: Future<Output = ()>,
    {
        // ANCHOR: stored_outside
        let one_row = |key| {
            let fetch = fetch.clone();
            async move {
                let _permit = gate.acquire().await?;
                Ok(fetch(key).await)
            }
        };
        let mut rows: FuturesUnordered<_> = keys.into_iter().map(one_row).collect();
        while let Some(row) = rows.next().await {
            let row = row?;
            let _permit = gate.acquire().await?;
            store(row).await;
        }
        Ok(())
        // ANCHOR_END: stored_outside
    }

    #[expect(clippy::single_match_else, reason = "the `match` is the mistake")]
    /// Wrong: the guard in the scrutinee lives to the end of the `match`.
    ///
    /// # Errors
    /// The loading failed.
    pub async fn load_once<T: Clone, E, F: Future<Output = Result<T, E>>>(
        slot: &Mutex<Option<T>>,
        load: impl FnOnce() -> F,
    ) -> Result<T, E> {
        // ANCHOR: guard_in_the_scrutinee
        match slot.lock().await.clone() {
            Some(value) => Ok(value),
            None => {
                let value = load().await?;
                *slot.lock().await = Some(value.clone());
                Ok(value)
            }
        }
        // ANCHOR_END: guard_in_the_scrutinee
    }
}

#[cfg(test)]
mod tests;

//! A loop over a stream of futures, and what its body may await.

use std::future::Future;

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{AcquireError, Semaphore};

// ANCHOR: fetch_and_store
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
// ANCHOR_END: fetch_and_store

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

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
}

#[cfg(test)]
mod tests;

//! A lock that a `match` holds, and a value that is loaded once.

use std::future::Future;

use tokio::sync::{Mutex, mpsc};

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
    let mut guard = slot.lock().await;
    if let Some(value) = &*guard {
        return Ok(value.clone());
    }
    let value = load().await?;
    *guard = Some(value.clone());
    Ok(value)
}
// ANCHOR_END: load_once

/// Calls `handle` for each of the `jobs`, which several workers may share.
///
/// # Cancel safety
/// If you drop this, the job that is being handled is lost, and no other.
pub async fn work<T, F: Future<Output = ()>>(
    jobs: &Mutex<mpsc::Receiver<T>>,
    mut handle: impl FnMut(T) -> F,
) {
    // ANCHOR: let_first
    loop {
        let Some(job) = jobs.lock().await.recv().await else { break };
        handle(job).await; // the guard is gone
    }
    // ANCHOR_END: let_first
}

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: the guard lives as long as the body, so only one worker works.
    pub async fn work<T, F: Future<Output = ()>>(
        jobs: &Mutex<mpsc::Receiver<T>>,
        mut handle: impl FnMut(T) -> F,
    ) {
        // ANCHOR: while_let
        while let Some(job) = jobs.lock().await.recv().await {
            handle(job).await;
        }
        // ANCHOR_END: while_let
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

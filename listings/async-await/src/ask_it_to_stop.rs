//! A task that stops when it is asked to, at a place that it chose.

use std::future::Future;
use std::time::Duration;

use tokio::select;
use tokio::sync::mpsc;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

// ANCHOR: outcome
/// How work has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// It was asked to stop, and stopped before its end.
    Cancelled,
    /// It came to its end.
    Done(T),
}
// ANCHOR_END: outcome

// ANCHOR: import
/// Saves each batch, until the channel ends or `stop` is cancelled. Returns how many.
///
/// # Cancel safety
/// Dropped, it may leave half a batch behind. Cancel `stop` instead: it finishes the
/// batch first. What is in the channel then is dropped with it.
pub async fn import<B, Fut: Future<Output = ()>>(
    stop: CancellationToken,
    mut batches: mpsc::Receiver<B>,
    save: impl Fn(B) -> Fut,
) -> Outcome<usize> {
    let mut saved = 0;
    loop {
        // ANCHOR: stop_the_wait
        // It stops here, and only here.
        match stop.run_until_cancelled(batches.recv()).await {
            None => return Outcome::Cancelled,
            Some(None) => return Outcome::Done(saved), // the channel has ended
            Some(Some(batch)) => save(batch).await,
        }
        // ANCHOR_END: stop_the_wait
        saved += 1;
    }
}
// ANCHOR_END: import

// ANCHOR: import_and_report
/// As `import`, and calls `report` at once and then once every `period`.
///
/// # Panics
/// `period` is zero.
///
/// # Cancel safety
/// As `import`.
pub async fn import_and_report<B, Fut: Future<Output = ()>>(
    stop: CancellationToken,
    mut batches: mpsc::Receiver<B>,
    save: impl Fn(B) -> Fut,
    period: Duration,
    report: impl Fn(usize),
) -> Outcome<usize> {
    let mut ticks = interval(period);
    let mut saved = 0;
    loop {
        // ANCHOR: token_first
        select! {
            biased; // from top to bottom: look at the token first
            () = stop.cancelled() => return Outcome::Cancelled,
            _ = ticks.tick() => report(saved),
            batch = batches.recv() => {
                let Some(batch) = batch else { return Outcome::Done(saved) };
                save(batch).await;
                saved += 1;
            }
        }
        // ANCHOR_END: token_first
    }
}
// ANCHOR_END: import_and_report

// ANCHOR: checksum
/// Adds up all bytes. It looks at `stop` before each chunk.
pub fn checksum(
    stop: &CancellationToken,
    chunks: impl IntoIterator<Item = Vec<u8>>,
) -> Outcome<u64> {
    let mut sum = 0;
    // ANCHOR: look_at_each_chunk
    for chunk in chunks {
        if stop.is_cancelled() {
            return Outcome::Cancelled;
        }
        sum += chunk.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    }
    // ANCHOR_END: look_at_each_chunk
    Outcome::Done(sum)
}
// ANCHOR_END: checksum

// ANCHOR: with_child_token
/// Runs `work` with a token of its own, which is cancelled when `work` ends, and when
/// `parent` is.
///
/// # Cancel safety
/// Dropped at its await, or by a panic of `work`, it cancels the token too.
pub async fn with_child_token<Fut: Future>(
    parent: &CancellationToken,
    work: impl FnOnce(CancellationToken) -> Fut,
) -> Fut::Output {
    // ANCHOR: child
    let own = parent.child_token();
    let _guard = own.clone().drop_guard(); // cancels `own` when it is dropped
    work(own).await
    // ANCHOR_END: child
}
// ANCHOR_END: with_child_token

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: the token drops `save` where it waits, as `abort` does.
    pub async fn import<B, Fut: Future<Output = ()>>(
        stop: CancellationToken,
        mut batches: mpsc::Receiver<B>,
        save: impl Fn(B) -> Fut,
    ) -> Outcome<usize> {
        let mut saved = 0;
        loop {
            // ANCHOR: stop_the_write
            let save_next = async {
                match batches.recv().await {
                    None => false,
                    Some(batch) => {
                        save(batch).await;
                        true
                    }
                }
            };
            match stop.run_until_cancelled(save_next).await {
                None => return Outcome::Cancelled,
                Some(false) => return Outcome::Done(saved), // the channel has ended
                Some(true) => saved += 1,
            }
            // ANCHOR_END: stop_the_write
        }
    }

    /// Wrong: while batches come, it does not look at the token.
    ///
    /// # Panics
    /// `period` is zero.
    pub async fn import_and_report<B, Fut: Future<Output = ()>>(
        stop: CancellationToken,
        mut batches: mpsc::Receiver<B>,
        save: impl Fn(B) -> Fut,
        period: Duration,
        report: impl Fn(usize),
    ) -> Outcome<usize> {
        let mut ticks = interval(period);
        let mut saved = 0;
        loop {
            // ANCHOR: token_last
            select! {
                biased; // from top to bottom
                _ = ticks.tick() => report(saved),
                batch = batches.recv() => {
                    let Some(batch) = batch else { return Outcome::Done(saved) };
                    save(batch).await;
                    saved += 1;
                }
                () = stop.cancelled() => return Outcome::Cancelled,
            }
            // ANCHOR_END: token_last
        }
    }

    /// Wrong: it never looks, so nothing stops it.
    pub fn checksum(chunks: impl IntoIterator<Item = Vec<u8>>) -> u64 {
        let mut sum = 0;
        // ANCHOR: never_look
        for chunk in chunks {
            sum += chunk.iter().map(|byte| u64::from(*byte)).sum::<u64>();
        }
        // ANCHOR_END: never_look
        sum
    }

    /// Wrong: a clone is the same token, so the guard cancels `parent`.
    pub async fn with_child_token<Fut: Future>(
        parent: &CancellationToken,
        work: impl FnOnce(CancellationToken) -> Fut,
    ) -> Fut::Output {
        // ANCHOR: clone
        let own = parent.clone();
        let _guard = own.clone().drop_guard(); // cancels `own` when it is dropped
        work(own).await
        // ANCHOR_END: clone
    }
}

#[cfg(test)]
mod tests;

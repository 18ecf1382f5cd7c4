//! Which set of tasks: results that pile up, keys, the order of start, and draining.

use std::future::Future; // only edition 2021 needs this line
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::time::Duration;

use tokio::select;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{JoinMap, JoinQueue, TaskTracker};

// ANCHOR: served
/// How the tasks of a server ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Tasks that ended with a value.
    pub done: usize,
    /// Tasks that panicked.
    pub lost: usize,
    /// The most tasks and results that were in the set at once.
    pub most: usize,
}

impl Served {
    fn count<T>(&mut self, joined: &Result<T, JoinError>) {
        match joined {
            Ok(_) => self.done += 1,
            Err(_) => self.lost += 1,
        }
    }
}
// ANCHOR_END: served

// ANCHOR: serve
/// Handles each request in a task, `limit` at once. Ends when the channel is closed and
/// all tasks have ended.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// Dropping this aborts the tasks and does not wait for them. The requests in the
/// channel are lost with it.
pub async fn serve<R, F>(
    mut requests: mpsc::Receiver<R>,
    limit: NonZeroUsize,
    handle: impl Fn(R) -> F,
) -> Served
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let mut set = JoinSet::new();
    let mut served = Served::default();
    loop {
        select! {
            // ANCHOR: some_joined
            // With an empty set, `join_next` gives `None`, and this branch is off.
            Some(joined) = set.join_next() => served.count(&joined),
            // ANCHOR_END: some_joined
            // With a full set, this branch is off, so the requests wait.
            request = requests.recv(), if set.len() < limit.get() => match request {
                Some(request) => drop(set.spawn(handle(request))), // an `AbortHandle`
                None => break,
            },
        }
        served.most = served.most.max(set.len());
    }
    while let Some(joined) = set.join_next().await {
        served.count(&joined);
    }
    served
}
// ANCHOR_END: serve

// ANCHOR: limited
/// Runs each future in a task, `limit` at once. Returns how the tasks ended, in the
/// order in which they ended.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// Dropping this aborts the tasks, and does not wait for them.
pub async fn limited<T, F>(
    limit: NonZeroUsize,
    work: impl IntoIterator<Item = F>,
) -> Vec<Result<T, JoinError>>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut set = JoinSet::new();
    let mut ended = Vec::new();
    for one in work {
        if set.len() == limit.get() {
            ended.extend(set.join_next().await); // waits for a free place
        }
        set.spawn(one);
    }
    while let Some(joined) = set.join_next().await {
        ended.push(joined);
    }
    ended
}
// ANCHOR_END: limited

// ANCHOR: drain
/// Tasks that did not end in time. They still run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tasks that still run: {0}")]
pub struct StillRunning(pub usize);

/// Asks all tasks of `tracker` to stop, and waits for them, at most for `limit`.
///
/// # Errors
/// The limit is over, and tasks still run. Nobody has aborted them.
///
/// # Cancel safety
/// Dropping this stops only the wait: the tasks have been asked.
pub async fn drain(
    tracker: &TaskTracker,
    stop: &CancellationToken,
    limit: Duration,
) -> Result<(), StillRunning> {
    stop.cancel(); // each task looks at a clone of it
    // ANCHOR: closed
    tracker.close(); // without this, `wait` never ends
    timeout(limit, tracker.wait()).await.map_err(|_| StillRunning(tracker.len()))
    // ANCHOR_END: closed
}
// ANCHOR_END: drain

// ANCHOR: start_once
/// Starts the work of a key, if no task with this key runs. Says whether it did.
///
/// # Panics
/// Outside a Tokio runtime.
pub fn start_once<K, T, F>(tasks: &mut JoinMap<K, T>, key: K, work: F) -> bool
where
    K: Hash + Eq,
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    // ANCHOR: only_if_absent
    if tasks.contains_key(&key) {
        return false;
    }
    tasks.spawn(key, work);
    true
    // ANCHOR_END: only_if_absent
}
// ANCHOR_END: start_once

/// Waits for all tasks, and ends at the first panic.
///
/// # Errors
/// A task panicked. The others have been aborted, and are gone.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// Dropping this aborts the tasks, and does not wait for them.
pub async fn until_first_panic<T, F>(
    work: impl IntoIterator<Item = F>,
) -> Result<(), JoinError>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    // ANCHOR: as_they_end
    let mut tasks: JoinSet<_> = work.into_iter().collect();
    while let Some(joined) = tasks.join_next().await {
        if let Err(error) = joined {
            tasks.shutdown().await;
            return Err(error);
        }
    }
    Ok(())
    // ANCHOR_END: as_they_end
}

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: nobody takes the results, so the set keeps all of them. Returns how many.
    pub async fn serve<R, F>(
        mut requests: mpsc::Receiver<R>,
        handle: impl Fn(R) -> F,
    ) -> usize
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let mut set = JoinSet::new();
        while let Some(request) = requests.recv().await {
            set.spawn(handle(request));
        }
        set.len()
    }

    /// Wrong: nobody closes the tracker, so `wait` never ends.
    ///
    /// # Errors
    /// The limit is over, always.
    pub async fn drain(
        tracker: &TaskTracker,
        stop: &CancellationToken,
        limit: Duration,
    ) -> Result<(), StillRunning> {
        stop.cancel();
        // ANCHOR: not_closed
        timeout(limit, tracker.wait()).await.map_err(|_| StillRunning(tracker.len()))
        // ANCHOR_END: not_closed
    }

    /// Wrong: a task that runs with this key is aborted, and nobody hears of it.
    pub fn start<K, T, F>(tasks: &mut JoinMap<K, T>, key: K, work: F)
    where
        K: Hash + Eq,
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        // ANCHOR: replaced
        tasks.spawn(key, work);
        // ANCHOR_END: replaced
    }

    /// Wrong: a panic is seen only when all tasks before it have ended.
    ///
    /// # Errors
    /// A task panicked.
    pub async fn until_first_panic<T, F>(
        work: impl IntoIterator<Item = F>,
    ) -> Result<(), JoinError>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        // ANCHOR: as_they_began
        let mut tasks: JoinQueue<_> = work.into_iter().collect();
        while let Some(joined) = tasks.join_next().await {
            if let Err(error) = joined {
                tasks.shutdown().await;
                return Err(error);
            }
        }
        Ok(())
        // ANCHOR_END: as_they_began
    }

    /// Wrong: with an empty set, `join_next` is ready at once, so this never waits.
    /// Returns how often it went round, at most `rounds`, before a message came.
    pub async fn busy_loop<T: 'static, M>(
        set: &mut JoinSet<T>,
        messages: &mut mpsc::Receiver<M>,
        rounds: usize,
    ) -> usize {
        for round in 0..rounds {
            select! {
                // ANCHOR: any_joined
                _ = set.join_next() => {}
                // ANCHOR_END: any_joined
                _ = messages.recv() => return round,
            }
        }
        rounds
    }
}

#[cfg(test)]
mod tests;

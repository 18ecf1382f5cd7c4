//! A service that stops in two steps: finish what has begun, and after a time drop what has not ended.

use std::future::Future;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

// ANCHOR: stop
/// What stops a service in two steps, and what waits for its jobs.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// The first step: take no new work, and finish what has begun.
    pub drain: CancellationToken,
    /// The second step, after the grace time: drop what is still running.
    pub kill: CancellationToken,
    /// Counts the jobs that have not ended.
    pub jobs: TaskTracker,
}
// ANCHOR_END: stop

// ANCHOR: start
/// Answers each request in a task of its own, until `stop.drain` is cancelled.
///
/// # Panics
/// Outside a Tokio runtime.
pub fn start<R, Fut>(
    stop: &Stop,
    mut requests: mpsc::Receiver<R>,
    answer: impl Fn(R) -> Fut + Send + 'static,
) where
    R: Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let Stop { drain, kill, jobs } = stop.clone();
    // ANCHOR: tracked_loop
    stop.jobs.spawn(async move {
        // `flatten` gives `None` after the drain, or at the end of the channel.
        while let Some(request) =
            drain.run_until_cancelled(requests.recv()).await.flatten()
        {
            let answering = answer(request);
            let kill = kill.clone();
            jobs.spawn(async move { kill.run_until_cancelled(answering).await });
        }
    });
    // ANCHOR_END: tracked_loop
}
// ANCHOR_END: start

// ANCHOR: shut_down
/// Lets all jobs finish within `grace`, and then drops those that have not. Returns how
/// many had not ended within `grace`.
///
/// # Cancel safety
/// If this is dropped within the grace time, the service takes no new work, and no job
/// is dropped. Call it again to wait again.
pub async fn shut_down(stop: &Stop, grace: Duration) -> usize {
    // ANCHOR: close_and_wait
    stop.drain.cancel(); // no new jobs
    stop.jobs.close(); // from now on, `wait` ends when there is no job
    let drained = timeout(grace, stop.jobs.wait()).await;
    // ANCHOR_END: close_and_wait
    let late = if drained.is_ok() { 0 } else { stop.jobs.len() };
    stop.kill.cancel(); // each job that is left is dropped at its await
    stop.jobs.wait().await;
    late
}
// ANCHOR_END: shut_down

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: nobody counts the loop, so a job may begin after the last one has ended.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn start<R, Fut>(
        stop: &Stop,
        mut requests: mpsc::Receiver<R>,
        answer: impl Fn(R) -> Fut + Send + 'static,
    ) where
        R: Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let Stop { drain, kill, jobs } = stop.clone();
        // ANCHOR: untracked_loop
        tokio::spawn(async move {
            // `flatten` gives `None` after the drain, or at the end of the channel.
            while let Some(request) =
                drain.run_until_cancelled(requests.recv()).await.flatten()
            {
                let answering = answer(request);
                let kill = kill.clone();
                jobs.spawn(async move { kill.run_until_cancelled(answering).await });
            }
        });
        // ANCHOR_END: untracked_loop
    }

    /// Wrong: nobody closes the tracker, so `wait` waits for jobs that may still come.
    pub async fn shut_down(stop: &Stop, grace: Duration) -> usize {
        // ANCHOR: wait_only
        stop.drain.cancel(); // no new jobs
        let drained = timeout(grace, stop.jobs.wait()).await;
        // ANCHOR_END: wait_only
        let late = if drained.is_ok() { 0 } else { stop.jobs.len() };
        stop.kill.cancel();
        stop.jobs.wait().await;
        late
    }
}

#[cfg(test)]
mod tests;

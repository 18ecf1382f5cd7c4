//! Start a task again when it fails, but not at once, and not for ever.

use std::error::Error;
use std::future::Future; // only edition 2021 needs this line
use std::sync::{Arc, Mutex};
use std::time::Duration;

use policy::{InvalidRestart, Restart, Restarts};
use rand::Rng;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

// ANCHOR: errors
/// Why a supervisor ended, and its child is not done.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError<E: Error + 'static> {
    /// The child failed too often. The source is its last failure.
    #[error("the child failed too often: at most {restarts} restarts in {window:?}")]
    Exhausted {
        /// Restarts in the window before the last failure.
        restarts: u16,
        /// The window of the policy.
        window: Duration,
        /// How the child failed the last time.
        #[source]
        last: ChildError<E>,
    },
    /// The supervisor was asked to stop, or its runtime ended.
    #[error("the supervisor was asked to stop")]
    Cancelled {
        /// How the child failed while it stopped, if it did.
        #[source]
        last: Option<ChildError<E>>,
    },
}

/// How a child failed.
#[derive(Debug, thiserror::Error)]
pub enum ChildError<E: Error + 'static> {
    /// It returned an error.
    #[error("the child returned an error")]
    Failed(#[source] E),
    /// It panicked; the source has the message.
    #[error("the child panicked")]
    Panicked(#[source] JoinError),
    /// It was asked to stop, still ran after the grace time, and was aborted.
    #[error("the child did not stop within {0:?}")]
    Aborted(Duration),
}
// ANCHOR_END: errors

// ANCHOR: new
/// Runs a child again when it fails.
#[derive(Clone, Debug)]
pub struct Supervisor {
    restarts: Restarts, // none yet: each `run` begins with a copy
}

impl Supervisor {
    /// A supervisor with this policy.
    ///
    /// # Errors
    /// The policy would restart without a pause or without an end.
    pub fn new(policy: Restart) -> Result<Self, InvalidRestart> {
        Ok(Self { restarts: Restarts::new(policy)? })
    }
}
// ANCHOR_END: new

// ANCHOR: run
impl Supervisor {
    /// Spawns what `start` returns, and spawns it anew after an error or a panic, until
    /// it ends with `Ok`. `start` gets the token that asks the child to stop.
    ///
    /// # Errors
    /// The child failed once too often, or `stop` was cancelled.
    ///
    /// # Panics
    /// Outside a Tokio runtime with a timer.
    ///
    /// # Cancel safety
    /// If this is dropped, the child is aborted, and nobody waits until it is gone.
    pub async fn run<E, Fut>(
        &self,
        stop: &CancellationToken,
        rng: &mut (impl Rng + ?Sized),
        mut start: impl FnMut(CancellationToken) -> Fut,
    ) -> Result<(), SupervisorError<E>>
    where
        E: Error + Send + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
    {
        let mut restarts = self.restarts.clone();
        while !stop.is_cancelled() {
            let began = Instant::now();
            let child = AbortOnDropHandle::new(tokio::spawn(start(stop.child_token())));
            let last = match self.end(child, stop).await {
                End::Done => return Ok(()),
                End::Stopped(last) => return Err(SupervisorError::Cancelled { last }),
                End::Failed(last) => last,
            };
            let Some(wait) = restarts.next(began.elapsed(), rng) else {
                return Err(self.exhausted(last));
            };
            stop.run_until_cancelled(sleep(wait)).await;
        }
        Err(SupervisorError::Cancelled { last: None })
    }
}
// ANCHOR_END: run

// ANCHOR: end
enum End<E: Error + 'static> {
    Done,
    Failed(ChildError<E>),
    Stopped(Option<ChildError<E>>),
}

impl Supervisor {
    /// Waits for the end of the child, and stops it when `stop` is cancelled.
    async fn end<E: Error + 'static>(
        &self,
        mut child: AbortOnDropHandle<Result<(), E>>,
        stop: &CancellationToken,
    ) -> End<E> {
        if let Some(ended) = stop.run_until_cancelled(&mut child).await {
            return classify(ended);
        }
        let grace = self.restarts.policy().grace;
        if let Ok(ended) = timeout(grace, &mut child).await {
            return match classify(ended) {
                End::Failed(last) => End::Stopped(Some(last)),
                End::Done | End::Stopped(_) => End::Stopped(None),
            };
        }
        child.abort();
        let _gone = child.await; // from here on, the child holds nothing
        End::Stopped(Some(ChildError::Aborted(grace)))
    }

    fn exhausted<E: Error + 'static>(&self, last: ChildError<E>) -> SupervisorError<E> {
        let policy = self.restarts.policy();
        let (restarts, window) = (policy.restarts.get(), policy.window);
        SupervisorError::Exhausted { restarts, window, last }
    }
}
// ANCHOR_END: end

// ANCHOR: classify
fn classify<E: Error + 'static>(ended: Result<Result<(), E>, JoinError>) -> End<E> {
    match ended {
        Ok(Ok(())) => End::Done,
        Ok(Err(error)) => End::Failed(ChildError::Failed(error)),
        // Its owner aborted it, or its runtime ended: nobody wants it again.
        Err(error) if error.is_cancelled() => End::Stopped(None),
        Err(error) => End::Failed(ChildError::Panicked(error)),
    }
}
// ANCHOR_END: classify

// ANCHOR: one_for_all
/// Several tasks as one child: if one fails, the others are aborted. When this returns,
/// all of them are gone.
///
/// # Errors
/// How the first of them failed.
///
/// # Cancel safety
/// If this is dropped, the tasks are aborted, and nobody waits until they are gone.
pub async fn one_for_all<E: Error + Send + 'static>(
    mut tasks: JoinSet<Result<(), E>>,
) -> Result<(), ChildError<E>> {
    while let Some(ended) = tasks.join_next().await {
        if let End::Failed(error) = classify(ended) {
            tasks.shutdown().await;
            return Err(error);
        }
    }
    Ok(())
}
// ANCHOR_END: one_for_all

// ANCHOR: in_each_run
/// Counts orders; each run of the child has a counter of its own.
///
/// # Errors
/// See [`Supervisor::run`].
///
/// # Cancel safety
/// See [`Supervisor::run`].
pub async fn count<E, Fut>(
    supervisor: &Supervisor,
    stop: &CancellationToken,
    rng: &mut (impl Rng + ?Sized),
    mut consume: impl FnMut(Arc<Mutex<u32>>) -> Fut,
) -> Result<(), SupervisorError<E>>
where
    E: Error + Send + 'static,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
{
    // ANCHOR: counter_of_a_run
    let start = |_stop| {
        let counter = Arc::new(Mutex::new(0));
        consume(Arc::clone(&counter))
    };
    // ANCHOR_END: counter_of_a_run
    supervisor.run(stop, rng, start).await
}
// ANCHOR_END: in_each_run

// ANCHOR: limit
/// Handles jobs until there is none; a job that hangs is an error after `limit`.
///
/// # Errors
/// A job needed longer than `limit`.
///
/// # Cancel safety
/// If this is dropped, the job in hand is dropped where it waits.
pub async fn consume<J, Fut: Future<Output = ()>>(
    limit: Duration,
    mut jobs: mpsc::Receiver<J>,
    mut handle: impl FnMut(J) -> Fut,
) -> Result<(), Elapsed> {
    // ANCHOR: with_a_limit
    while let Some(job) = jobs.recv().await {
        timeout(limit, handle(job)).await?;
    }
    // ANCHOR_END: with_a_limit
    Ok(())
}
// ANCHOR_END: limit

/// How it goes wrong.
pub mod naive {
    use super::*;

    // ANCHOR: supervise
    /// Wrong: at once, and only after a panic; and the child outlives its supervisor.
    pub async fn supervise<T, Fut>(max: u32, mut start: impl FnMut() -> Fut)
    where
        T: Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
    {
        // ANCHOR: naive_loop
        for _run in 0..=max {
            match tokio::spawn(start()).await {
                Ok(_ended) => return,
                Err(_panicked) => {} // again
            }
        }
        // ANCHOR_END: naive_loop
    }
    // ANCHOR_END: supervise

    /// Wrong: one counter for all runs.
    ///
    /// # Errors
    /// See [`Supervisor::run`].
    pub async fn count<E, Fut>(
        supervisor: &Supervisor,
        stop: &CancellationToken,
        rng: &mut (impl Rng + ?Sized),
        mut consume: impl FnMut(Arc<Mutex<u32>>) -> Fut,
    ) -> Result<(), SupervisorError<E>>
    where
        E: Error + Send + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
    {
        // ANCHOR: counter_of_all
        let counter = Arc::new(Mutex::new(0));
        let start = |_stop| consume(Arc::clone(&counter));
        // ANCHOR_END: counter_of_all
        supervisor.run(stop, rng, start).await
    }

    /// Wrong: a job that hangs is no end, so nobody starts it again.
    pub async fn consume<J, Fut: Future<Output = ()>>(
        mut jobs: mpsc::Receiver<J>,
        mut handle: impl FnMut(J) -> Fut,
    ) {
        // ANCHOR: without_a_limit
        while let Some(job) = jobs.recv().await {
            handle(job).await;
        }
        // ANCHOR_END: without_a_limit
    }
}

#[cfg(test)]
mod tests;

//! A service in the background, which is told to stop by a flag.

use std::future::Future; // only edition 2021 needs this line
use std::time::Duration;

use tokio::select;
use tokio::sync::watch;
use tokio::task::JoinError;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::task::AbortOnDropHandle;

// ANCHOR: stopped
/// Why a service has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The flag was `true`.
    Asked,
    /// The sender of the flag is gone, so nobody could ask any more.
    Abandoned,
}
// ANCHOR_END: stopped

// ANCHOR: run
/// Runs `unit` at once, and then once a `period`, until `stop` is `true` or its sender
/// is gone. A unit that has begun is finished first. After a unit that was longer than
/// `period`, the next one begins at once, and the period counts from there.
///
/// # Panics
/// `period` is zero, or this runs outside a Tokio runtime.
///
/// # Cancel safety
/// If this is dropped, a unit that runs ends at the await where it waits.
pub async fn run<Fut: Future<Output = ()>>(
    mut stop: watch::Receiver<bool>,
    period: Duration,
    mut unit: impl FnMut() -> Fut,
) -> Stopped {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        select! {
            biased; // looks at the flag first
            asked = stop.wait_for(|stop| *stop) => return match asked {
                Ok(_) => Stopped::Asked,
                Err(_) => Stopped::Abandoned,
            },
            _ = ticks.tick() => {}
        }
        // ANCHOR: outside_of_the_select
        unit().await; // the flag does not end it
        // ANCHOR_END: outside_of_the_select
    }
}
// ANCHOR_END: run

// ANCHOR: service
/// A service that runs in a task. If you drop it, the task is aborted.
#[must_use = "if you drop it, the service is aborted"]
#[derive(Debug)]
pub struct Service {
    stop: watch::Sender<bool>,
    task: AbortOnDropHandle<Stopped>,
}

impl Service {
    /// Starts a task that [`run`]s `unit`.
    ///
    /// # Panics
    /// Outside a Tokio runtime. The task panics if `period` is zero.
    pub fn start<Fut>(
        period: Duration,
        unit: impl FnMut() -> Fut + Send + 'static,
    ) -> Self
    where
        Fut: Future<Output = ()> + Send + 'static,
    {
        let (stop, flag) = watch::channel(false);
        let task = tokio::spawn(run(flag, period, unit));
        Self { stop, task: AbortOnDropHandle::new(task) }
    }
}
// ANCHOR_END: service

// ANCHOR: stop
impl Service {
    /// Asks the service to stop, and waits until the unit that runs has ended, for at
    /// most `grace`. Then the task is aborted, and this waits until it is gone.
    ///
    /// # Errors
    /// The unit did not end within `grace`, or it has panicked.
    ///
    /// # Cancel safety
    /// If this is dropped, the task is aborted.
    pub async fn stop(mut self, grace: Duration) -> Result<Stopped, NotStopped> {
        self.stop.send_replace(true);
        // ANCHOR: bounded_wait
        if let Ok(ended) = timeout(grace, &mut self.task).await {
            return Ok(ended?); // in time
        }
        self.task.abort();
        let _ = self.task.await; // gone now
        Err(NotStopped::TooLate { grace })
        // ANCHOR_END: bounded_wait
    }
}

/// Why a service did not stop in the right way.
#[derive(Debug, thiserror::Error)]
pub enum NotStopped {
    /// Its unit of work was cut off.
    #[error("the service did not stop within {grace:?}")]
    TooLate {
        /// How long it had.
        grace: Duration,
    },
    /// Its unit of work has panicked, maybe long ago.
    #[error("the service has ended early")]
    EndedEarly(#[from] JoinError),
}
// ANCHOR_END: stop

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: it hears that the flag was set, and never looks at what it is.
    pub async fn run<Fut: Future<Output = ()>>(
        mut stop: watch::Receiver<bool>,
        period: Duration,
        mut unit: impl FnMut() -> Fut,
    ) {
        let mut ticks = interval(period);
        loop {
            // ANCHOR: wait_for_a_change
            select! {
                _ = stop.changed() => return,
                _ = ticks.tick() => {}
            }
            // ANCHOR_END: wait_for_a_change
            unit().await;
        }
    }

    /// Wrong: the flag ends a unit in the middle.
    pub async fn run_and_cut_off<Fut: Future<Output = ()>>(
        mut stop: watch::Receiver<bool>,
        period: Duration,
        mut unit: impl FnMut() -> Fut,
    ) {
        let mut ticks = interval(period);
        loop {
            ticks.tick().await;
            // ANCHOR: inside_of_the_select
            select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = unit() => {}
            }
            // ANCHOR_END: inside_of_the_select
        }
    }

    /// Wrong: nothing bounds the wait.
    ///
    /// # Errors
    /// The service has panicked.
    pub async fn stop(
        stop: watch::Sender<bool>,
        task: AbortOnDropHandle<Stopped>,
    ) -> Result<Stopped, NotStopped> {
        stop.send_replace(true);
        // ANCHOR: endless_wait
        Ok(task.await?)
        // ANCHOR_END: endless_wait
    }
}

#[cfg(test)]
mod tests;

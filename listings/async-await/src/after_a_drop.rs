//! Clean-up that has to wait, when the work was dropped and only destructors run.

use std::future::Future;
use std::panic::Location;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

// ANCHOR: clean_ups
/// Clean-up that begins when a guard is dropped, and that the end of the program waits
/// for. Clones share their guards.
#[derive(Clone, Debug)]
pub struct CleanUps {
    tasks: TaskTracker,
    runtime: Handle,
}

impl CleanUps {
    /// Clean-up on this runtime.
    pub fn on(runtime: Handle) -> Self {
        Self { tasks: TaskTracker::new(), runtime }
    }

    /// A guard; when it is dropped, a task runs `clean_up`.
    pub fn on_drop<F>(&self, clean_up: F) -> OnDrop<F>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        OnDrop {
            clean_up: Some(clean_up),
            clean_ups: self.clone(),
            _counted: self.tasks.token(),
        }
    }
}
// ANCHOR_END: clean_ups

// ANCHOR: finish
impl CleanUps {
    /// Waits until no guard is left, and all their clean-ups have ended.
    ///
    /// # Errors
    /// It took longer than `limit`. What is left goes on while the runtime lives.
    ///
    /// # Cancel safety
    /// If this is dropped, no clean-up stops. Call it again to wait again.
    pub async fn finish(&self, limit: Duration) -> Result<(), Unfinished> {
        self.tasks.close();
        let finished = timeout(limit, self.tasks.wait()).await;
        finished.map_err(|_| Unfinished { left: self.tasks.len() })
    }
}
// ANCHOR_END: finish

// ANCHOR: on_drop
/// Begins its clean-up when it is dropped.
#[must_use = "dropped at once, it begins at once"]
#[derive(Debug)]
pub struct OnDrop<F: Future<Output = ()> + Send + 'static> {
    clean_up: Option<F>,
    clean_ups: CleanUps,
    _counted: TaskTrackerToken, // `finish` waits for this guard, too
}

impl<F: Future<Output = ()> + Send + 'static> Drop for OnDrop<F> {
    fn drop(&mut self) {
        let Some(clean_up) = self.clean_up.take() else { return };
        // ANCHOR: counted_task
        // `spawn_on` works on any thread, also outside of the runtime.
        self.clean_ups.tasks.spawn_on(clean_up, &self.clean_ups.runtime);
        // ANCHOR_END: counted_task
    }
}
// ANCHOR_END: on_drop

// ANCHOR: unfinished
/// Not all clean-up was done in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{left} guards or clean-ups are left")]
pub struct Unfinished {
    /// Guards that nobody dropped, and clean-ups that have not ended.
    pub left: usize,
}
// ANCHOR_END: unfinished

// ANCHOR: must_close
/// Stands for something that has to be closed. If it is not, `report` gets the place
/// where it was made.
#[must_use = "dropped, it reports that nobody closed it"]
#[derive(Debug)]
pub struct MustClose<R: FnOnce(&'static Location<'static>)> {
    made_at: &'static Location<'static>,
    report: Option<R>,
}

impl<R: FnOnce(&'static Location<'static>)> MustClose<R> {
    /// Notes the line that calls this.
    #[track_caller]
    pub fn new(report: R) -> Self {
        Self { made_at: Location::caller(), report: Some(report) }
    }

    /// Awaits `closing`. The caller gets its output, so nothing is reported, whatever
    /// the output is.
    ///
    /// # Cancel safety
    /// If this is dropped at its await, `report` is called, and `closing` is dropped.
    pub async fn close<T>(mut self, closing: impl Future<Output = T>) -> T {
        // ANCHOR: defused_after
        let output = closing.await;
        self.report = None; // only now: a drop at the await above is reported
        // ANCHOR_END: defused_after
        output
    }
}

impl<R: FnOnce(&'static Location<'static>)> Drop for MustClose<R> {
    fn drop(&mut self) {
        if let Some(report) = self.report.take() {
            report(self.made_at);
        }
    }
}
// ANCHOR_END: must_close

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Runs its clean-up when it is dropped.
    #[derive(Debug)]
    pub struct OnDrop<F: Future<Output = ()> + Send + 'static> {
        clean_up: Option<F>,
    }

    impl<F: Future<Output = ()> + Send + 'static> OnDrop<F> {
        /// Keeps `clean_up` for the drop.
        pub fn new(clean_up: F) -> Self {
            Self { clean_up: Some(clean_up) }
        }
    }

    /// Wrong: nobody waits for the task, so the end of the runtime drops it.
    impl<F: Future<Output = ()> + Send + 'static> Drop for OnDrop<F> {
        fn drop(&mut self) {
            let Some(clean_up) = self.clean_up.take() else { return };
            // ANCHOR: nobody_waits
            tokio::spawn(clean_up);
            // ANCHOR_END: nobody_waits
        }
    }

    /// Wrong: it no longer reports when its future is dropped at the await.
    pub async fn close<R: FnOnce(&'static Location<'static>), T>(
        mut bomb: MustClose<R>,
        closing: impl Future<Output = T>,
    ) -> T {
        // ANCHOR: defused_before
        bomb.report = None; // `self` in the right code
        let output = closing.await;
        // ANCHOR_END: defused_before
        output
    }
}

#[cfg(test)]
mod tests;

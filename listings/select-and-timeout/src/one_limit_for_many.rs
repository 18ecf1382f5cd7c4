//! One limit over many calls: what has come is kept, the rest is named and ended.

use std::future::Future; // only edition 2021 needs this line
use std::num::NonZeroUsize;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::timeout;

// ANCHOR: report
/// What became of some calls. Each call has a name of the type `N`.
#[derive(Debug)]
pub struct Report<N, T> {
    /// Calls that have ended, with their results, in the order in which they ended.
    pub done: Vec<(N, T)>,
    /// Calls that have panicked.
    pub panicked: Vec<(N, JoinError)>,
    /// Calls that were ended from outside, in the order in which they began.
    pub unfinished: Vec<N>,
}
// ANCHOR_END: report

// ANCHOR: calls
/// Calls that run, each in a task, and what became of the others.
///
/// If you drop this, the tasks are aborted, and nobody waits for them.
#[derive(Debug)]
pub struct Calls<N, T> {
    tasks: JoinSet<T>,
    /// Of the calls that run.
    names: Vec<(Id, N)>,
    report: Report<N, T>,
}

impl<N, T: Send + 'static> Calls<N, T> {
    /// Starts each call in a task of its own.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn start<F>(calls: impl IntoIterator<Item = (N, F)>) -> Self
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut tasks = JoinSet::new();
        let start = |(name, call)| (tasks.spawn(call).id(), name);
        let names = calls.into_iter().map(start).collect();
        let (done, panicked, unfinished) = (Vec::new(), Vec::new(), Vec::new());
        Self { tasks, names, report: Report { done, panicked, unfinished } }
    }
}
// ANCHOR_END: calls

impl<N, T: 'static> Calls<N, T> {
    /// Waits until the next call has ended. Gives `false` if none is left.
    ///
    /// # Cancel safety
    /// If you drop this, no result is lost: what has ended is still in the set of tasks.
    // ANCHOR: next
    pub async fn next(&mut self) -> bool {
        let Some(end) = self.tasks.join_next_with_id().await else { return false };
        match end {
            Ok((task, result)) => {
                let name = self.name_of(task);
                self.report.done.extend(name.map(|name| (name, result)));
            }
            Err(error) if error.is_panic() => {
                let name = self.name_of(error.id());
                self.report.panicked.extend(name.map(|name| (name, error)));
            }
            Err(_aborted) => {} // its name stays in `names`
        }
        true
    }
    // ANCHOR_END: next

    fn name_of(&mut self, task: Id) -> Option<N> {
        let place = self.names.iter().position(|(id, _)| *id == task)?;
        Some(self.names.remove(place).1)
    }

    /// Aborts the calls that run, waits until their tasks are gone, and reports on all.
    ///
    /// # Cancel safety
    /// If you drop this, the tasks are aborted all the same, and all results are lost.
    // ANCHOR: stop
    pub async fn stop(mut self) -> Report<N, T> {
        // ANCHOR: abort_then_drain
        self.tasks.abort_all();
        while self.next().await {} // a call that has just ended still gives its result
        // ANCHOR_END: abort_then_drain
        self.report.unfinished = self.names.into_iter().map(|(_, name)| name).collect();
        self.report
    }
    // ANCHOR_END: stop

    /// What has ended so far.
    pub fn so_far(&self) -> &Report<N, T> {
        &self.report
    }
}

/// Runs all calls at the same time, each in a task, until `limit` at most. When this
/// returns, no task is left.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, the tasks are aborted, nobody waits for them, and all results are
/// lost.
// ANCHOR: all_within
pub async fn all_within<N, T, F>(
    limit: Duration,
    calls: impl IntoIterator<Item = (N, F)>,
) -> Report<N, T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    // ANCHOR: limit_on_the_wait
    let mut running = Calls::start(calls);
    let all = async { while running.next().await {} };
    let _late = timeout(limit, all).await; // drops `all`, and not `running`
    running.stop().await
    // ANCHOR_END: limit_on_the_wait
}
// ANCHOR_END: all_within

/// Like [`all_within`], and also ends as soon as `wanted` calls have ended. Gives more
/// than `wanted` if more have ended by then.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// As for [`all_within`].
// ANCHOR: first_within
pub async fn first_within<N, T, F>(
    limit: Duration,
    wanted: usize,
    calls: impl IntoIterator<Item = (N, F)>,
) -> Report<N, T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut running = Calls::start(calls);
    // ANCHOR: until_wanted
    let first =
        async { while running.so_far().done.len() < wanted && running.next().await {} };
    // ANCHOR_END: until_wanted
    let _late = timeout(limit, first).await;
    running.stop().await
}
// ANCHOR_END: first_within

// ANCHOR: no_quorum
/// Too few calls gave a good answer.
#[derive(Debug, thiserror::Error)]
#[error("only {} of {needed} good answers", self.good())]
pub struct NoQuorum<N, T, E> {
    /// How many are needed.
    pub needed: NonZeroUsize,
    /// What became of the calls.
    pub report: Report<N, Result<T, E>>,
}
// ANCHOR_END: no_quorum

impl<N, T, E> NoQuorum<N, T, E> {
    /// How many good answers there are.
    pub fn good(&self) -> usize {
        self.report.good()
    }
}

impl<N, T, E> Report<N, Result<T, E>> {
    /// How many calls gave `Ok`.
    pub fn good(&self) -> usize {
        self.done.iter().filter(|(_, answer)| answer.is_ok()).count()
    }
}

/// Waits for `needed` good answers: calls that gave `Ok`. Ends as soon as they are there,
/// as soon as they cannot come any more, or at `limit`. Then no task is left.
///
/// # Errors
/// Too few calls gave `Ok`. The error has the report.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// As for [`all_within`].
// ANCHOR: quorum
pub async fn quorum<N, T, E, F>(
    limit: Duration,
    needed: NonZeroUsize,
    calls: impl IntoIterator<Item = (N, F)>,
) -> Result<Vec<(N, T)>, NoQuorum<N, T, E>>
where
    T: Send + 'static,
    E: Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    let mut running = Calls::start(calls);
    // ANCHOR: until_decided
    let decided = async {
        loop {
            let good = running.so_far().good();
            let possible = good + running.tasks.len(); // if all that run give `Ok`
            let is_decided = good >= needed.get() || possible < needed.get();
            if is_decided || !running.next().await {
                break;
            }
        }
    };
    // ANCHOR_END: until_decided
    let _late = timeout(limit, decided).await;
    let report = running.stop().await;
    if report.good() < needed.get() {
        return Err(NoQuorum { needed, report });
    }
    let good = |(name, answer): (N, Result<T, E>)| Some((name, answer.ok()?));
    Ok(report.done.into_iter().filter_map(good).collect())
}
// ANCHOR_END: quorum

/// What most code starts with, kept to be measured against.
pub mod naive {
    use futures::future::join_all;

    use super::*;

    /// Wrong: at the limit the results are dropped, and the tasks run on.
    ///
    /// # Panics
    /// One of the calls has panicked.
    pub async fn all_or_nothing<T, F>(
        limit: Duration,
        calls: impl IntoIterator<Item = F>,
    ) -> Option<Vec<T>>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        // ANCHOR: all_or_nothing
        let tasks = calls.into_iter().map(tokio::spawn);
        let ends = timeout(limit, join_all(tasks)).await.ok()?;
        Some(ends.into_iter().map(|end| end.unwrap()).collect())
        // ANCHOR_END: all_or_nothing
    }

    impl<N, T: 'static> Calls<N, T> {
        /// Wrong: what has ended, and was not taken yet, is lost.
        pub async fn shut_down(mut self) -> Report<N, T> {
            // ANCHOR: shutdown
            self.tasks.shutdown().await; // drops results too
            // ANCHOR_END: shutdown
            self.report.unfinished =
                self.names.into_iter().map(|(_, name)| name).collect();
            self.report
        }

        /// Wrong: the tasks are still there when this returns.
        pub fn only_abort(mut self) -> Report<N, T> {
            // ANCHOR: only_abort
            self.tasks.abort_all();
            // ANCHOR_END: only_abort
            self.report.unfinished =
                self.names.into_iter().map(|(_, name)| name).collect();
            self.report
        }
    }
}

#[cfg(test)]
mod tests;

//! Stops a whole program in a time that is fixed: its tasks, what comes after them, and its runtime.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

// ANCHOR: report
/// How many tasks ended, and how.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// Ended by themselves.
    pub clean: usize,
    /// Ended by a panic.
    pub panicked: usize,
    /// Were dropped at an await, because they did not end in time.
    pub aborted: usize,
    /// Not ended at `gone`: a task that blocks its thread, or a closure that runs.
    pub stuck: usize,
}
// ANCHOR_END: report

// ANCHOR: count
impl Report {
    /// Counts each task that ends, until none is left.
    ///
    /// # Cancel safety
    /// If you drop this, no task is lost, and those that have ended are counted.
    async fn count(&mut self, tasks: &mut JoinSet<()>) {
        while let Some(ended) = tasks.join_next().await {
            match ended {
                Ok(()) => self.clean += 1,
                Err(error) if error.is_panic() => self.panicked += 1,
                Err(_aborted) => self.aborted += 1,
            }
        }
    }
}
// ANCHOR_END: count

// ANCHOR: stop_tasks
/// Asks all `tasks` to stop, and waits for them until `finish`. Aborts those that are
/// left, and waits until `gone` for their end.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, all tasks are aborted, and nobody waits for their end.
pub async fn stop_tasks(
    mut tasks: JoinSet<()>,
    stop: &CancellationToken,
    finish: Instant,
    gone: Instant,
) -> Report {
    let mut report = Report::default();
    // ANCHOR: steps
    stop.cancel(); // 1. ask
    let _ended = timeout_at(finish, report.count(&mut tasks)).await; // 2. wait
    tasks.abort_all(); // 3. drops each task where it must wait
    let _ended = timeout_at(gone, report.count(&mut tasks)).await; // 4. wait again
    report.stuck = tasks.len();
    // ANCHOR_END: steps
    report
}
// ANCHOR_END: stop_tasks

// ANCHOR: plan
/// When each step of a stop must have ended, counted from the start of the stop.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Until then, new requests are still accepted.
    pub not_ready: Duration,
    /// Until then, tasks may finish what they have begun.
    pub finish: Duration,
    /// Until then, the stop waits for aborted tasks.
    pub gone: Duration,
    /// Until then, logs are written.
    pub flush: Duration,
    /// Then the runtime has ended too.
    pub end: Duration,
}
// ANCHOR_END: plan

// ANCHOR: stopped
/// What a stop did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stopped {
    /// How the tasks ended.
    pub tasks: Report,
    /// The flush has ended in time.
    pub flushed: bool,
    /// How much time is left for the end of the runtime.
    pub left: Duration,
}
// ANCHOR_END: stopped

// ANCHOR: stop_program
/// All steps of a stop that need the runtime, each until its moment in `plan`.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, all tasks are aborted, and the steps that are left do not run.
pub async fn stop_program<F: Future<Output = ()>>(
    tasks: JoinSet<()>,
    stop: &CancellationToken,
    plan: &Plan,
    not_ready: impl FnOnce(),
    flush: impl FnOnce(Report) -> F,
) -> Stopped {
    let begun = Instant::now();
    not_ready();
    sleep_until(begun + plan.not_ready).await;

    let (finish, gone) = (begun + plan.finish, begun + plan.gone);
    let report = stop_tasks(tasks, stop, finish, gone).await;

    let flushed = timeout_at(begun + plan.flush, flush(report)).await.is_ok();
    let left = plan.end.saturating_sub(begun.elapsed());
    Stopped { tasks: report, flushed, left }
}
// ANCHOR_END: stop_program

// ANCHOR: run_program
/// Runs `program`, and then ends `runtime` in the time that is left.
///
/// # Panics
/// In async code, or if `program` panics.
pub fn run_program(
    runtime: Runtime,
    program: impl Future<Output = Stopped>,
) -> Stopped {
    // ANCHOR: in_time
    let stopped = runtime.block_on(program);
    runtime.shutdown_timeout(stopped.left);
    stopped
    // ANCHOR_END: in_time
}
// ANCHOR_END: run_program

/// What most code starts with, kept to be measured against.
pub mod naive {
    use futures::future::join_all;
    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    use super::*;

    /// Wrong: at the end of `grace` it drops the handles, and that stops no worker. A
    /// panic counts as a worker that has stopped. Gives what it would print.
    pub async fn shut_down(
        workers: Vec<JoinHandle<()>>,
        grace: Duration,
    ) -> &'static str {
        // ANCHOR: said
        // ANCHOR: handles
        match timeout(grace, join_all(workers)).await {
            Ok(_) => "all workers have stopped",
            Err(_) => "the workers were forced to stop",
        }
        // ANCHOR_END: handles
        // ANCHOR_END: said
    }

    /// Wrong: the runtime is dropped at the end, and waits for all blocking work.
    pub fn run_program(
        runtime: Runtime,
        program: impl Future<Output = Stopped>,
    ) -> Stopped {
        // ANCHOR: for_ever
        let stopped = runtime.block_on(program);
        drop(runtime); // `#[tokio::main]` does the same
        stopped
        // ANCHOR_END: for_ever
    }
}

#[cfg(test)]
mod tests;

//! A pool of workers: each owns something, one bounded queue, a result for each job.

use std::any::Any;
use std::fmt;
use std::future::Future; // only edition 2021 needs this line
use std::num::NonZeroUsize;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::mpsc::Permit;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{AcquireError, Mutex, Semaphore, mpsc, oneshot};
use tokio::task::{JoinError, JoinSet, spawn_blocking};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

// ANCHOR: worker
/// Something that does one job at a time, and keeps what it owns between two jobs.
pub trait Worker: Send + 'static {
    /// What is submitted.
    type Job: Send + 'static;
    /// What comes back.
    type Output: Send + 'static;

    /// Does one job. The pool drops this future where it waits if the pool is dropped.
    fn run(&mut self, job: Self::Job) -> impl Future<Output = Self::Output> + Send;
}
// ANCHOR_END: worker

// ANCHOR: settings
/// How large a pool is, and what it does with a job that nobody waits for.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How many jobs run at a time.
    pub workers: NonZeroUsize,
    /// How many more may wait.
    pub queue: NonZeroUsize,
    /// What happens to a job whose [`JobHandle`] was dropped before it began.
    pub abandoned: Abandoned,
}

/// What a pool does with a job that has not begun, and that nobody waits for any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abandoned {
    /// The job runs, and its result is dropped.
    Run,
    /// The job is dropped when its turn comes.
    Skip,
}
// ANCHOR_END: settings

// ANCHOR: results
/// The result of a job, with its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done<T> {
    /// What the worker returned.
    pub output: T,
    /// From the call of `submit` until the job began.
    pub waited: Duration,
    /// From then until its end.
    pub ran: Duration,
}
// ANCHOR_END: results

// ANCHOR: errors
/// A job has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// The worker panicked; the pool has replaced it.
    #[error("the job panicked: {message}")]
    Panicked {
        /// What the panic said.
        message: String,
    },
    /// The pool was dropped before the job had ended.
    #[error("the pool was dropped before the job had ended")]
    Lost,
}

/// The pool is shut down. Here is the job again.
#[derive(PartialEq, Eq, thiserror::Error)]
#[error("the pool is shut down")]
pub struct Closed<J>(pub J);

/// The pool has not taken the job. Here it is again.
#[derive(PartialEq, Eq, thiserror::Error)]
pub enum Refused<J> {
    /// The queue has no room now.
    #[error("the queue is full")]
    Full(J),
    /// The pool is shut down.
    #[error("the pool is shut down")]
    Closed(J),
}
// ANCHOR_END: errors

// ANCHOR: debug
// By hand, so that a job need not be `Debug`: it may be a closure.
impl<J> fmt::Debug for Closed<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").finish_non_exhaustive()
    }
}

impl<J> fmt::Debug for Refused<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Full(_) => "Full",
            Self::Closed(_) => "Closed",
        };
        f.debug_struct(name).finish_non_exhaustive()
    }
}
// ANCHOR_END: debug

// ANCHOR: pool
/// Workers and their queue. Share it by reference, or in an `Arc`.
///
/// Dropping it aborts the workers: jobs that wait are dropped, jobs that run are
/// dropped where they wait. Call [`shutdown`](Self::shutdown) to lose none.
pub struct WorkerPool<W: Worker> {
    queue: mpsc::Sender<Queued<W>>,
    closing: CancellationToken,
    workers: Mutex<JoinSet<()>>, // aborts its tasks when it is dropped
}

struct Queued<W: Worker> {
    job: W::Job,
    since: Instant,
    answer: oneshot::Sender<Result<Done<W::Output>, JobError>>,
}

/// Waits for the result of one job. Dropping it does not stop the job.
#[must_use = "without it, nobody sees the result, nor a panic"]
#[derive(Debug)]
pub struct JobHandle<T> {
    answer: oneshot::Receiver<Result<Done<T>, JobError>>,
}
// ANCHOR_END: pool

// ANCHOR: new
impl<W: Worker> WorkerPool<W> {
    /// Starts the workers. `make` is called with a worker's number, from 0, when it
    /// gets its first job, and again after a panic.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn new<F>(settings: Settings, make: F) -> Self
    where
        F: FnMut(usize) -> W + Clone + Send + 'static,
    {
        // A Tokio channel panics if it is asked for more places.
        let places = settings.queue.get().min(Semaphore::MAX_PERMITS);
        let (queue, jobs) = mpsc::channel(places);
        let (jobs, closing) = (Arc::new(Mutex::new(jobs)), CancellationToken::new());
        let mut workers = JoinSet::new();
        for number in 0..settings.workers.get() {
            let (jobs, closing) = (Arc::clone(&jobs), closing.clone());
            let mut make = make.clone();
            let make = move || make(number);
            workers.spawn(work(jobs, closing, settings.abandoned, make));
        }
        Self { queue, closing, workers: Mutex::new(workers) }
    }
}
// ANCHOR_END: new

// ANCHOR: submit
impl<W: Worker> WorkerPool<W> {
    /// Puts a job into the queue. Waits while the queue is full.
    ///
    /// # Errors
    /// The pool is shut down, or is being shut down: the job comes back.
    ///
    /// # Cancel safety
    /// If this is dropped while it waits, the job is dropped too, and never runs.
    pub async fn submit(
        &self,
        job: W::Job,
    ) -> Result<JobHandle<W::Output>, Closed<W::Job>> {
        let since = Instant::now();
        let room = self.closing.run_until_cancelled(self.queue.reserve()).await;
        match room {
            Some(Ok(place)) => Ok(put(place, job, since)),
            _ => Err(Closed(job)),
        }
    }
}

fn put<W: Worker>(
    place: Permit<'_, Queued<W>>,
    job: W::Job,
    since: Instant,
) -> JobHandle<W::Output> {
    let (sender, answer) = oneshot::channel();
    place.send(Queued { job, since, answer: sender });
    JobHandle { answer }
}
// ANCHOR_END: submit

// ANCHOR: try_submit
impl<W: Worker> WorkerPool<W> {
    /// Puts a job into the queue if there is room now.
    ///
    /// # Errors
    /// The queue is full, or the pool is shut down: the job comes back.
    pub fn try_submit(
        &self,
        job: W::Job,
    ) -> Result<JobHandle<W::Output>, Refused<W::Job>> {
        let since = Instant::now();
        if self.closing.is_cancelled() {
            return Err(Refused::Closed(job));
        }
        match self.queue.try_reserve() {
            Ok(place) => Ok(put(place, job, since)),
            Err(TrySendError::Full(())) => Err(Refused::Full(job)),
            Err(TrySendError::Closed(())) => Err(Refused::Closed(job)),
        }
    }
}
// ANCHOR_END: try_submit

// ANCHOR: shutdown
impl<W: Worker> WorkerPool<W> {
    /// Takes no more jobs, and returns when all jobs in the queue are done and all
    /// workers are dropped. May be called more than once.
    ///
    /// # Cancel safety
    /// If this is dropped, the pool stays closed, and the workers go on. Call it again
    /// to wait for them.
    pub async fn shutdown(&self) {
        self.closing.cancel();
        let mut workers = self.workers.lock().await;
        while workers.join_next().await.is_some() {}
    }
}
// ANCHOR_END: shutdown

// ANCHOR: result
impl<T> JobHandle<T> {
    /// Waits until the job is done.
    ///
    /// # Errors
    /// The job panicked, or the pool was dropped before its end.
    ///
    /// # Cancel safety
    /// If this is dropped, the job stays in the pool, and its result is dropped.
    pub async fn result(self) -> Result<Done<T>, JobError> {
        self.answer.await.unwrap_or(Err(JobError::Lost))
    }
}
// ANCHOR_END: result

// ANCHOR: work
async fn work<W: Worker>(
    jobs: Arc<Mutex<mpsc::Receiver<Queued<W>>>>,
    closing: CancellationToken,
    abandoned: Abandoned,
    mut make: impl FnMut() -> W + Send,
) {
    let mut worker = None;
    while let Some(Queued { job, since, answer }) = next(&jobs, &closing).await {
        if abandoned == Abandoned::Skip && answer.is_closed() {
            continue;
        }
        let began = Instant::now();
        let run = async { worker.get_or_insert_with(&mut make).run(job).await };
        // A worker that panicked is replaced, so nobody sees what it left half done.
        let result = match AssertUnwindSafe(run).catch_unwind().await {
            Ok(output) => {
                let (waited, ran) = (began - since, began.elapsed());
                Ok(Done { output, waited, ran })
            }
            Err(panic) => {
                worker = None;
                Err(JobError::Panicked { message: message(&*panic) })
            }
        };
        let _nobody_waits = answer.send(result);
    }
}
// ANCHOR_END: work

// ANCHOR: next
/// The next job; `None` when the pool is shut down, and the queue is empty.
async fn next<J>(
    jobs: &Mutex<mpsc::Receiver<J>>,
    closing: &CancellationToken,
) -> Option<J> {
    // The lock is released when this function returns, so before the job runs.
    let mut jobs = jobs.lock().await;
    if let Some(job) = closing.run_until_cancelled(jobs.recv()).await {
        return job;
    }
    jobs.close(); // from now on, `recv` gives what is in the queue, and then `None`
    jobs.recv().await
}
// ANCHOR_END: next

// ANCHOR: message
/// `panic!` with a text carries a `&str` or a `String`.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "not a text".to_owned())
}
// ANCHOR_END: message

/// Works off a channel that several workers read, until it is closed and empty.
///
/// # Cancel safety
/// Dropping this drops the job that runs. A job in the channel stays there.
pub async fn work_off<J, Fut: Future<Output = ()>>(
    jobs: Arc<Mutex<mpsc::Receiver<J>>>,
    mut work: impl FnMut(J) -> Fut,
) {
    // ANCHOR: let_of_its_own
    loop {
        let job = jobs.lock().await.recv().await;
        let Some(job) = job else { break };
        work(job).await;
    }
    // ANCHOR_END: let_of_its_own
}

/// Runs `work` for each job on a task of its own, at most as many at a time as there
/// are `permits`. The results come in the order in which the tasks end.
///
/// # Errors
/// The semaphore was closed.
///
/// # Panics
/// Outside a Tokio runtime; or one of the tasks panicked.
///
/// # Cancel safety
/// Dropping this aborts the tasks; jobs that have no task yet are dropped.
pub async fn few_tasks<J, Fut>(
    permits: Arc<Semaphore>,
    jobs: impl IntoIterator<Item = J>,
    mut work: impl FnMut(J) -> Fut,
) -> Result<Vec<Fut::Output>, AcquireError>
where
    Fut: Future<Output: Send + 'static> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for job in jobs {
        // ANCHOR: permit_in_the_task
        let permit = Arc::clone(&permits).acquire_owned().await?;
        let work = work(job);
        tasks.spawn(async move {
            let _permit = permit;
            work.await
        });
        // ANCHOR_END: permit_in_the_task
    }
    Ok(tasks.join_all().await)
}

/// Runs `render`, which blocks or computes, on one of the runtime's blocking threads.
///
/// # Errors
/// `render` panicked.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If this is dropped, `render` goes on if it has begun, and its result is dropped.
pub async fn render_label<T: Send + 'static>(
    order: u32,
    render: impl FnOnce(u32) -> T + Send + 'static,
) -> Result<T, JoinError> {
    // ANCHOR: blocking_thread
    spawn_blocking(move || render(order)).await
    // ANCHOR_END: blocking_thread
}

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: one worker holds the lock while its job runs, so all others wait.
    pub async fn work_off<J, Fut: Future<Output = ()>>(
        jobs: Arc<Mutex<mpsc::Receiver<J>>>,
        mut work: impl FnMut(J) -> Fut,
    ) {
        // ANCHOR: each_worker
        // ANCHOR: guard_in_the_loop
        while let Some(job) = jobs.lock().await.recv().await {
            work(job).await;
        }
        // ANCHOR_END: guard_in_the_loop
        // ANCHOR_END: each_worker
    }

    // ANCHOR: detached
    /// Wrong: nobody keeps the tasks. A panic ends its worker, nobody can wait for the
    /// rest, and with the runtime all of them are dropped.
    pub fn start<J, Fut>(
        workers: usize,
        queue: usize,
        work: impl FnMut(J) -> Fut + Clone + Send + 'static,
    ) -> mpsc::Sender<J>
    where
        J: Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let (sender, jobs) = mpsc::channel(queue);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..workers {
            tokio::spawn(super::work_off(Arc::clone(&jobs), work.clone()));
        }
        sender
    }
    // ANCHOR_END: detached

    /// Wrong: the permits are given back before the tasks have begun.
    ///
    /// # Errors
    /// The semaphore was closed.
    pub async fn few_tasks<J, Fut>(
        permits: Arc<Semaphore>,
        jobs: impl IntoIterator<Item = J>,
        mut work: impl FnMut(J) -> Fut,
    ) -> Result<Vec<Fut::Output>, AcquireError>
    where
        Fut: Future<Output: Send + 'static> + Send + 'static,
    {
        let mut tasks = JoinSet::new();
        for job in jobs {
            // ANCHOR: permit_in_the_loop
            let permit = Arc::clone(&permits).acquire_owned().await?;
            let work = work(job);
            tasks.spawn(async move {
                let _ = permit;
                work.await
            });
            // ANCHOR_END: permit_in_the_loop
        }
        Ok(tasks.join_all().await)
    }

    /// Wrong: while `render` runs, its thread runs nothing else of the runtime.
    #[expect(clippy::unused_async, reason = "that it never waits is what is wrong")]
    pub async fn render_label<T>(order: u32, render: impl FnOnce(u32) -> T) -> T {
        // ANCHOR: runtime_thread
        render(order)
        // ANCHOR_END: runtime_thread
    }
}

#[cfg(test)]
mod tests;

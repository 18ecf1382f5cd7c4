//! What a runtime costs: small programs that do nothing but spawn, wake and switch tasks, on seven runtimes.

use std::future::{Future, pending, poll_fn};
use std::io;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use embassy_executor::raw::TaskStorage;
use futures::channel::{mpsc, oneshot};
use futures::executor::{LocalPool, LocalSpawner};
use futures::future::RemoteHandle;
use futures::task::LocalSpawnExt;
use futures::{SinkExt, StreamExt};
use smol::LocalExecutor;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
/// What the programs need of a runtime.
pub trait Runtime: Clone + 'static {
    /// What `spawn` returns.
    type Task<T: Send + 'static>;

    /// Starts a task.
    fn spawn<F>(&self, work: F) -> Self::Task<F::Output>
    where
        F: Future<Output: Send> + Send + 'static;

    /// Waits for the end of a task, and gives its value.
    ///
    /// # Panics
    /// The task has panicked.
    ///
    /// # Cancel safety
    /// If you drop it, what becomes of the task depends on the runtime.
    fn join<T: Send + 'static>(task: Self::Task<T>) -> impl Future<Output = T>;

    /// Lets other tasks run.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    fn yield_now() -> impl Future<Output = ()> {
        yield_by_hand()
    }

    /// Waits by a timer of the runtime. Without one, it waits for ever.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    fn sleep(_time: Duration) -> impl Future<Output = ()> + Send + 'static {
        pending()
    }
}

/// Lets other tasks run once, on any runtime: the first poll wakes its own task.
///
/// # Cancel safety
/// If you drop it after its first poll, its task has been woken all the same.
// ANCHOR: yield_by_hand
pub async fn yield_by_hand() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
// ANCHOR_END: yield_by_hand

const MICROSECOND: Duration = Duration::from_micros(1);

/// What a runtime is to do many times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Spawn tasks that have nothing to do, a thousand at once, and await them.
    SpawnAndJoin,
    /// Send a number to another task and wait until it comes back.
    PingPong,
    /// Ask an actor, with a oneshot channel for the answer.
    Request,
    /// Let others run, by [`yield_by_hand`].
    YieldByHand,
    /// Let others run, by the function that the runtime has for it.
    OwnYield,
    /// Sleep for one microsecond, one after the other.
    Sleep,
    /// Spawn tasks that sleep for one microsecond, a thousand at once, and await them.
    Naps,
}

impl Work {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::SpawnAndJoin,
        Self::PingPong,
        Self::Request,
        Self::YieldByHand,
        Self::OwnYield,
        Self::Sleep,
        Self::Naps,
    ];

    /// Its name in a table.
    pub fn name(self) -> &'static str {
        match self {
            Self::SpawnAndJoin => "spawn and join a task",
            Self::PingPong => "ping-pong over channels",
            Self::Request => "ask an actor",
            Self::YieldByHand => "yield by hand",
            Self::OwnYield => "the runtime's own yield",
            Self::Sleep => "sleep for 1 µs",
            Self::Naps => "1,000 tasks that sleep for 1 µs",
        }
    }

    /// Does it `times` times, and gives a number that is `times` only if nothing was left out.
    ///
    /// # Cancel safety
    /// If you drop it, the tasks that it has spawned go on or end, as the runtime has it.
    pub async fn run<R: Runtime>(self, runtime: R, times: usize) -> usize {
        match self {
            Self::SpawnAndJoin => spawn_and_join(runtime, times, || async {}).await,
            Self::PingPong => ping_pong(runtime, times).await,
            Self::Request => request(runtime, times).await,
            Self::YieldByHand => repeat(yield_by_hand, times).await,
            Self::OwnYield => repeat(R::yield_now, times).await,
            Self::Sleep => repeat(|| R::sleep(MICROSECOND), times).await,
            Self::Naps => {
                spawn_and_join(runtime, times, || R::sleep(MICROSECOND)).await
            }
        }
    }
}

// ANCHOR: spawn_and_join
/// So many tasks are spawned before the first of them is awaited.
const AT_ONCE: usize = 1000;

async fn spawn_and_join<R, F>(runtime: R, tasks: usize, work: impl Fn() -> F) -> usize
where
    R: Runtime,
    F: Future<Output = ()> + Send + 'static,
{
    let mut started = Vec::with_capacity(AT_ONCE);
    let mut done = 0;
    for first in (0..tasks).step_by(AT_ONCE) {
        let batch = AT_ONCE.min(tasks - first);
        started.extend((0..batch).map(|_| runtime.spawn(work())));
        for task in started.drain(..) {
            R::join(task).await;
            done += 1;
        }
    }
    done
}
// ANCHOR_END: spawn_and_join
async fn ping_pong<R: Runtime>(runtime: R, rounds: usize) -> usize {
    let (mut there, mut arrivals) = mpsc::channel(1);
    let (mut pongs, mut back) = mpsc::channel(1);
    let other = runtime.spawn(async move {
        while let Some(number) = arrivals.next().await {
            if pongs.send(number + 1).await.is_err() {
                break; // nobody waits any more
            }
        }
    });
    let mut number = 0;
    for _ in 0..rounds {
        if there.send(number).await.is_err() {
            break;
        }
        number = back.next().await.unwrap_or(0);
    }
    drop(there); // the end of `arrivals`
    R::join(other).await;
    number
}
async fn request<R: Runtime>(runtime: R, requests: usize) -> usize {
    let (mut ask, mut asked) = mpsc::channel::<oneshot::Sender<usize>>(1);
    let actor = runtime.spawn(async move {
        let mut count = 0;
        while let Some(reply) = asked.next().await {
            count += 1;
            reply.send(count).ok(); // whoever asked may have gone
        }
    });
    let mut last = 0;
    for _ in 0..requests {
        let (reply, answer) = oneshot::channel();
        if ask.send(reply).await.is_err() {
            break;
        }
        last = answer.await.unwrap_or(0);
    }
    drop(ask); // the end of `asked`
    R::join(actor).await;
    last
}

async fn repeat<F: Future<Output = ()>>(step: impl Fn() -> F, times: usize) -> usize {
    let mut done = 0;
    for _ in 0..times {
        step().await;
        done += 1;
    }
    done
}

/// How long a [`Work`] took, and what it gave.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// As many times as it was done.
    pub done: usize,
    /// Without the start and the end of the runtime.
    pub time: Duration,
}
async fn timed(work: impl Future<Output = usize>) -> Run {
    let start = Instant::now();
    let done = work.await;
    Run { done, time: start.elapsed() }
}

/// A runtime, as it is started here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Tokio, one thread.
    CurrentThread,
    /// Tokio's `LocalRuntime`.
    Local,
    /// Tokio, two workers.
    MultiThread,
    /// `smol::LocalExecutor` in `smol::block_on`.
    SmolLocal,
    /// `futures::executor::LocalPool`.
    FuturesLocal,
    /// `embassy_executor::Executor` on a thread of the operating system.
    Embassy,
    /// `pollster::block_on`, which has no tasks.
    Pollster,
}

impl Mode {
    /// All of them. The first is what others are compared with.
    pub const ALL: [Self; 7] = [
        Self::CurrentThread,
        Self::Local,
        Self::SmolLocal,
        Self::FuturesLocal,
        Self::Embassy,
        Self::Pollster,
        Self::MultiThread,
    ];

    /// Its name in a table.
    pub fn name(self) -> &'static str {
        match self {
            Self::CurrentThread => "Tokio current_thread",
            Self::Local => "Tokio LocalRuntime",
            Self::MultiThread => "Tokio multi_thread, 2 workers",
            Self::SmolLocal => "smol LocalExecutor",
            Self::FuturesLocal => "futures LocalPool",
            Self::Embassy => "embassy",
            Self::Pollster => "pollster",
        }
    }

    /// This runtime has what the work needs. Without tasks, one can only yield by hand; tasks of embassy are
    /// statics and cannot be joined; and some have no yield or no timer of their own.
    pub fn can(self, work: Work) -> bool {
        match self {
            Self::CurrentThread | Self::Local | Self::MultiThread | Self::SmolLocal => {
                true
            }
            Self::FuturesLocal => {
                !matches!(work, Work::OwnYield | Work::Sleep | Work::Naps)
            }
            Self::Embassy => {
                !matches!(work, Work::OwnYield | Work::SpawnAndJoin | Work::Naps)
            }
            Self::Pollster => work == Work::YieldByHand,
        }
    }

    /// Starts the runtime, does the work in a task `times` times, and ends the runtime. `None`
    /// if it [cannot](Self::can).
    ///
    /// A run on embassy leaks its executor and its tasks, because they have to be statics.
    ///
    /// # Errors
    /// The system gives Tokio nothing to wait for sockets with, or no thread.
    ///
    /// # Panics
    /// In a runtime.
    pub fn run(self, work: Work, times: usize) -> io::Result<Option<Run>> {
        if !self.can(work) {
            return Ok(None);
        }
        let run = match self {
            Self::CurrentThread => on_tokio(
                &tokio::runtime::Builder::new_current_thread().enable_all().build()?,
                work,
                times,
            ),
            Self::MultiThread => on_tokio(
                &tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .enable_all()
                    .build()?,
                work,
                times,
            ),
            Self::Local => {
                let runtime = tokio::runtime::LocalRuntime::new()?;
                let main = timed(work.run(TokioLocal, times));
                runtime.block_on(async { joined(tokio::task::spawn_local(main)).await })
            }
            Self::SmolLocal => {
                let executor = Rc::new(LocalExecutor::new());
                let main = timed(work.run(Smol(Rc::clone(&executor)), times));
                smol::block_on(executor.run(executor.spawn(main)))
            }
            Self::FuturesLocal => {
                let mut pool = LocalPool::new();
                let spawner = pool.spawner();
                let main = timed(work.run(Pool(spawner.clone()), times));
                let task = spawner.spawn_local_with_handle(main);
                pool.run_until(task.expect("the pool is there"))
            }
            Self::Embassy => on_embassy(work, times),
            Self::Pollster => pollster::block_on(timed(repeat(yield_by_hand, times))),
        };
        Ok(Some(run))
    }
}

/// Tokio, where a task may be sent to another thread.
#[derive(Clone, Copy, Debug)]
pub struct Tokio;
impl Runtime for Tokio {
    type Task<T: Send + 'static> = JoinHandle<T>;

    fn spawn<F>(&self, work: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        tokio::spawn(work)
    }

    async fn join<T: Send + 'static>(task: JoinHandle<T>) -> T {
        joined(task).await
    }

    async fn yield_now() {
        tokio::task::yield_now().await;
    }

    async fn sleep(time: Duration) {
        sleep(time).await;
    }
}

/// A local runtime of Tokio.
#[derive(Clone, Copy, Debug)]
pub struct TokioLocal;

impl Runtime for TokioLocal {
    type Task<T: Send + 'static> = JoinHandle<T>;

    fn spawn<F>(&self, work: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        tokio::task::spawn_local(work)
    }

    async fn join<T: Send + 'static>(task: JoinHandle<T>) -> T {
        joined(task).await
    }

    async fn yield_now() {
        tokio::task::yield_now().await;
    }

    async fn sleep(time: Duration) {
        sleep(time).await;
    }
}

/// The value of a task that is never aborted.
async fn joined<T>(task: JoinHandle<T>) -> T {
    match task.await {
        Ok(value) => value,
        Err(panic) => resume_unwind(panic.into_panic()),
    }
}

fn on_tokio(runtime: &tokio::runtime::Runtime, work: Work, times: usize) -> Run {
    let main = timed(work.run(Tokio, times));
    runtime.block_on(async { joined(tokio::spawn(main)).await })
}

/// An executor of smol.
#[derive(Clone, Debug)]
pub struct Smol(Rc<LocalExecutor<'static>>);
impl Runtime for Smol {
    type Task<T: Send + 'static> = smol::Task<T>;

    fn spawn<F>(&self, work: F) -> smol::Task<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.0.spawn(work)
    }

    async fn join<T: Send + 'static>(task: smol::Task<T>) -> T {
        task.await
    }

    async fn yield_now() {
        smol::future::yield_now().await;
    }

    async fn sleep(time: Duration) {
        smol::Timer::after(time).await;
    }
}

/// A pool of `futures`.
#[derive(Clone, Debug)]
pub struct Pool(LocalSpawner);

impl Runtime for Pool {
    type Task<T: Send + 'static> = RemoteHandle<T>;

    fn spawn<F>(&self, work: F) -> RemoteHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.0.spawn_local_with_handle(work).expect("the pool is there")
    }

    async fn join<T: Send + 'static>(task: RemoteHandle<T>) -> T {
        task.await
    }
}

/// An executor of embassy.
#[derive(Clone, Copy)]
pub struct Embassy(embassy_executor::Spawner);

impl Runtime for Embassy {
    type Task<T: Send + 'static> = oneshot::Receiver<T>;

    /// It leaks the task.
    fn spawn<F>(&self, work: F) -> oneshot::Receiver<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (sender, value) = oneshot::channel();
        let storage: &'static TaskStorage<_> = Box::leak(Box::new(TaskStorage::new()));
        let token = storage.spawn(|| async move {
            sender.send(work.await).ok(); // its handle may be gone
        });
        self.0.spawn(token.expect("a new storage is free"));
        value
    }

    async fn join<T: Send + 'static>(task: oneshot::Receiver<T>) -> T {
        task.await.expect("a panic ends the thread of embassy")
    }

    async fn sleep(time: Duration) {
        let time = embassy_time::Duration::from_micros(time.as_micros() as u64);
        embassy_time::Timer::after(time).await;
    }
}

fn on_embassy(work: Work, times: usize) -> Run {
    let executor = Box::leak(Box::new(embassy_executor::Executor::new()));
    let end = Rc::new(std::cell::Cell::new(None));
    let main = Rc::clone(&end);
    executor.run_until(
        |spawner| {
            let storage: &'static TaskStorage<_> =
                Box::leak(Box::new(TaskStorage::new()));
            let token = storage.spawn(|| async move {
                main.set(Some(timed(work.run(Embassy(spawner), times)).await));
            });
            spawner.spawn(token.expect("a new storage is free"));
        },
        || end.get().is_some(),
    );
    end.get().expect("it has ended")
}

/// How long each of `tasks` tasks takes that have nothing to do.
///
/// # Panics
/// Outside of Tokio, or `tasks` is zero.
///
/// # Cancel safety
/// If you drop it, the tasks go on.
// ANCHOR: nothing_to_do
pub async fn time_of_a_task(tasks: u32) -> Duration {
    let start = Instant::now();
    let started: Vec<_> = (0..tasks).map(|_| tokio::spawn(async {})).collect();
    for task in started {
        task.await.ok();
    }
    start.elapsed() / tasks
}
// ANCHOR_END: nothing_to_do

/// How it goes wrong.
pub mod naive {
    use super::*;

    /// Wrong: it measures the timer.
    ///
    /// # Panics
    /// Outside of Tokio, or `tasks` is zero.
    ///
    /// # Cancel safety
    /// If you drop it, the tasks go on.
    // ANCHOR: naps
    pub async fn time_of_a_task(tasks: u32) -> Duration {
        let start = Instant::now();
        // ANCHOR: spawn_naps
        let nap = || sleep(Duration::from_micros(1));
        let started: Vec<_> = (0..tasks).map(|_| tokio::spawn(nap())).collect();
        // ANCHOR_END: spawn_naps
        for task in started {
            task.await.ok();
        }
        start.elapsed() / tasks
    }
    // ANCHOR_END: naps
}

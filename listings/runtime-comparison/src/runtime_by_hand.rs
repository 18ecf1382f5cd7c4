//! A runtime for one thread: tasks, their wakers, and a queue.

use std::collections::VecDeque;
use std::future::Future;
use std::mem::take;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use futures::channel::oneshot;
use thiserror::Error;

// ANCHOR: wake_thread
/// The waker of [`block_on`]: wakes the thread that polls.
struct WakeThread {
    woken: AtomicBool,
    thread: Thread,
}

impl Wake for WakeThread {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}
// ANCHOR_END: wake_thread

// ANCHOR: block_on
/// Polls `future` on this thread until it is ready. Sleeps while nobody has woken it.
///
/// # Panics
/// If `future` panics.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let woken = AtomicBool::new(true); // so that it is polled once
    let wake_thread = Arc::new(WakeThread { woken, thread: thread::current() });
    let waker = Waker::from(Arc::clone(&wake_thread));
    let mut cx = Context::from_waker(&waker);
    loop {
        // ANCHOR: clear_and_poll
        if wake_thread.woken.swap(false, Ordering::Acquire) {
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                return output;
            }
        // ANCHOR_END: clear_and_poll
        } else {
            thread::park();
        }
    }
}
// ANCHOR_END: block_on

// ANCHOR: task
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A future that the runtime polls, and its waker at the same time.
struct Task {
    work: Mutex<Option<Work>>, // `None`: it has ended, or is being polled
    queued: AtomicBool,
    queue: Weak<Queue>, // weak, because the queue holds the task
}

/// The tasks that are worth a poll.
struct Queue {
    ready: Mutex<VecDeque<Arc<Task>>>,
    unpark: Waker, // wakes the thread of the runtime
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        if self.queued.swap(true, Ordering::AcqRel) {
            return; // it is in the queue already
        }
        if let Some(queue) = self.queue.upgrade() {
            queue.push(self);
        }
    }
}

impl Queue {
    fn push(&self, task: Arc<Task>) {
        lock(&self.ready).push_back(task); // unlocks at the semicolon
        self.unpark.wake_by_ref();
    }
}
// ANCHOR_END: task

// ANCHOR: poll_task
impl Task {
    fn step(self: Arc<Self>) {
        // ANCHOR: clear_first
        // First: a wake-up during the poll then puts the task into the queue again.
        self.queued.swap(false, Ordering::AcqRel);
        self.poll_work();
        // ANCHOR_END: clear_first
    }

    fn poll_work(self: Arc<Self>) {
        let waker = Waker::from(Arc::clone(&self));
        let mut cx = Context::from_waker(&waker);
        // ANCHOR: take_work
        let Some(mut work) = lock(&self.work).take() else {
            return; // it has ended, and somebody woke it once more
        };
        let poll = || Future::poll(work.as_mut(), &mut cx);
        if let Ok(Poll::Pending) = catch_unwind(AssertUnwindSafe(poll)) {
            *lock(&self.work) = Some(work);
        } // otherwise it was ready, or has panicked: drops its future
        // ANCHOR_END: take_work
    }
}
// ANCHOR_END: poll_task

// ANCHOR: lock
/// Locks, even if another thread panicked while it held the lock.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
// ANCHOR_END: lock

// ANCHOR: spawn
/// Spawns tasks on the runtime that made it, from any thread.
#[derive(Clone)]
pub struct Spawner {
    queue: Weak<Queue>,
}

impl Spawner {
    /// Puts a new task into the queue. If the runtime has ended, drops `future`.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let work = async move {
            let _ = sender.send(future.await); // an error: nobody waits for it
        };
        if let Some(queue) = self.queue.upgrade() {
            queue.push(Arc::new(Task {
                work: Mutex::new(Some(Box::pin(work))),
                queued: AtomicBool::new(true),
                queue: Weak::clone(&self.queue),
            }));
        }
        JoinHandle(receiver)
    }
}
// ANCHOR_END: spawn

// ANCHOR: join_handle
/// Waits for the output of a task. If you drop it, the task goes on.
///
/// # Errors
/// [`Lost`], if the task has panicked or was dropped.
///
/// # Cancel safety
/// Await `&mut handle`, and a drop of that loses nothing.
#[derive(Debug)]
#[must_use = "without it, nobody hears of a panic"]
pub struct JoinHandle<T>(oneshot::Receiver<T>);

/// The task has panicked, or was dropped before its end.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the task has panicked, or was dropped before its end")]
pub struct Lost;

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, Lost>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_err(|_| Lost)
    }
}
// ANCHOR_END: join_handle

// ANCHOR: run
/// Polls the future of `main` and all tasks, until the future of `main` is ready. Tasks
/// in the queue are then dropped, and no task is polled any more.
///
/// # Panics
/// If the future of `main` panics.
pub fn run<F: Future>(main: impl FnOnce(Spawner) -> F) -> F::Output {
    let driver = |idle| {
        if idle {
            thread::park();
        }
    };
    run_with(thread_waker(), driver, main)
}
// ANCHOR_END: run

// ANCHOR: run_with
/// As [`run`]. After each round, calls `driver`. If its argument is `true`, no task is
/// ready, and `driver` may wait until `unpark` is called.
///
/// # Panics
/// If the future of `main` panics, or `driver`.
pub fn run_with<F: Future>(
    unpark: Waker,
    mut driver: impl FnMut(bool),
    main: impl FnOnce(Spawner) -> F,
) -> F::Output {
    let queue = Arc::new(Queue { ready: Mutex::default(), unpark: unpark.clone() });
    let mut main = pin!(main(Spawner { queue: Arc::downgrade(&queue) }));
    let wake_main = Arc::new(WakeMain { woken: AtomicBool::new(true), unpark });
    let waker = Waker::from(Arc::clone(&wake_main));
    let mut cx = Context::from_waker(&waker);
    loop {
        let woken = wake_main.woken.swap(false, Ordering::Acquire);
        let poll = if woken { main.as_mut().poll(&mut cx) } else { Poll::Pending };
        if let Poll::Ready(output) = poll {
            return output;
        }
        // ANCHOR: round
        let round = take(&mut *lock(&queue.ready)); // unlocks at the semicolon
        for task in round {
            task.step();
        }
        // ANCHOR_END: round
        let main_waits = !wake_main.woken.load(Ordering::Acquire);
        driver(main_waits && lock(&queue.ready).is_empty());
    }
}
// ANCHOR_END: run_with

// ANCHOR: wake_main
/// The waker of the future that `run` was given.
struct WakeMain {
    woken: AtomicBool,
    unpark: Waker,
}

impl Wake for WakeMain {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.unpark.wake_by_ref();
    }
}

/// Ends one `thread::park` of this thread, also if it comes before the park.
pub fn thread_waker() -> Waker {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    Waker::from(Arc::new(Unpark(thread::current())))
}
// ANCHOR_END: wake_main

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: polls as fast as it can, although nobody has woken the future.
    pub fn block_on_that_spins<F: Future>(future: F) -> F::Output {
        // ANCHOR: spins
        let mut future = pin!(future);
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                return output;
            }
        }
        // ANCHOR_END: spins
    }

    /// Wrong: it loses a wake-up whose token somebody else has used.
    pub fn block_on_with_the_token_alone<F: Future>(future: F) -> F::Output {
        let mut future = pin!(future);
        let waker = thread_waker();
        let mut cx = Context::from_waker(&waker);
        loop {
            // ANCHOR: token_alone
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                return output;
            }
            thread::park();
            // ANCHOR_END: token_alone
        }
    }

    /// Wrong: it loses a wake-up that comes during the poll.
    pub fn block_on_that_clears_late<F: Future>(future: F) -> F::Output {
        let mut future = pin!(future);
        let woken = AtomicBool::new(true);
        let wake_thread = Arc::new(WakeThread { woken, thread: thread::current() });
        let waker = Waker::from(Arc::clone(&wake_thread));
        let mut cx = Context::from_waker(&waker);
        loop {
            if wake_thread.woken.load(Ordering::Acquire) {
                if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                    return output;
                }
                wake_thread.woken.store(false, Ordering::Release);
            } else {
                thread::park();
            }
        }
    }

    /// Wrong: it loses a wake-up that comes while a task is polled.
    pub fn run_that_clears_late(spawn: impl FnOnce(Spawner)) {
        until_idle(spawn, |queue| {
            let round = take(&mut *lock(&queue.ready));
            for task in round {
                // ANCHOR: clear_last
                Arc::clone(&task).poll_work();
                task.queued.swap(false, Ordering::AcqRel);
                // ANCHOR_END: clear_last
            }
        });
    }

    /// Wrong: it keeps the future of a task that has ended.
    pub fn run_that_keeps_the_work(spawn: impl FnOnce(Spawner)) {
        until_idle(spawn, |queue| {
            let round = take(&mut *lock(&queue.ready));
            for task in round {
                task.queued.swap(false, Ordering::AcqRel);
                let waker = Waker::from(Arc::clone(&task));
                let mut cx = Context::from_waker(&waker);
                // ANCHOR: keep_work
                if let Some(work) = lock(&task.work).as_mut() {
                    let _ = Future::poll(work.as_mut(), &mut cx);
                }
                // ANCHOR_END: keep_work
            }
        });
    }

    /// Wrong: the guard of the first line lives until the loop ends.
    pub fn run_under_the_lock(spawn: impl FnOnce(Spawner)) {
        until_idle(spawn, |queue| {
            // ANCHOR: round_under_the_lock
            for task in take(&mut *lock(&queue.ready)) {
                task.step();
            }
            // ANCHOR_END: round_under_the_lock
        });
    }

    /// Calls `round` until no task is ready.
    fn until_idle(spawn: impl FnOnce(Spawner), round: impl Fn(&Queue)) {
        let unpark = Waker::noop().clone();
        let queue = Arc::new(Queue { ready: Mutex::default(), unpark });
        spawn(Spawner { queue: Arc::downgrade(&queue) });
        while !lock(&queue.ready).is_empty() {
            round(&queue);
        }
    }
}

#[cfg(test)]
mod tests;

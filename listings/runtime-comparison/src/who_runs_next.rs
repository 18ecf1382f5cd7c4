//! Which task runs next? Experiments with the queues of Tokio's workers.

use std::future::Future; // only edition 2021 needs this line
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinSet, yield_now};

// ANCHOR: turns
/// Who had a turn, in the order of the turns. All clones write into one text.
#[derive(Clone, Debug, Default)]
pub struct Turns(Arc<Mutex<String>>);

impl Turns {
    /// Adds a letter.
    pub fn note(&self, who: char) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(who);
    }

    /// What was noted so far.
    pub fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
// ANCHOR_END: turns
/// Does the steps one after the other.
///
/// # Cancel safety
/// If you drop this, the current step is dropped. Later steps never begin.
pub async fn one_task<F>(steps: impl IntoIterator<Item = F>)
where
    F: Future<Output = ()>,
{
    // ANCHOR: each_awaited
    for step in steps {
        step.await;
    }
    // ANCHOR_END: each_awaited
}

// ANCHOR: ping_pong
/// A and B wake each other five times. C is spawned before. Returns who had a turn.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, its tasks are aborted.
pub async fn ping_pong() -> String {
    let (turns, mut tasks) = (Turns::default(), JoinSet::new());
    let (wakes_a, wakes_b) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let player = |name, mine: &Arc<Notify>, other: &Arc<Notify>| {
        let (turns, mine, other) = (turns.clone(), mine.clone(), other.clone());
        async move {
            for _ in 0..5 {
                mine.notified().await;
                turns.note(name);
                other.notify_one(); // wakes the other player
            }
        }
    };
    tasks.spawn(player('A', &wakes_a, &wakes_b));
    tasks.spawn(player('B', &wakes_b, &wakes_a));
    yield_now().await; // both wait now

    let c = turns.clone();
    tasks.spawn(async move { c.note('C') });
    wakes_a.notify_one(); // A takes the slot, and C goes from there to the queue
    tasks.join_all().await;
    turns.text()
}
// ANCHOR_END: ping_pong

// ANCHOR: outsider
/// How many turns a busy task has before a task from another thread gets one.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, the other task still runs.
pub async fn turns_before_an_outsider() -> u32 {
    let (runtime, here) = (Handle::current(), Arc::new(AtomicBool::new(false)));
    let arrives = Arc::clone(&here);
    thread::scope(|other_thread| {
        other_thread.spawn(move || {
            runtime.spawn(async move { arrives.store(true, Ordering::SeqCst) });
        });
    }); // waits for the thread, so the task is in a queue now
    let mut turns = 0;
    // `poll_fn` makes a future of a closure: each turn of the task is one call.
    poll_fn(|task| {
        if here.load(Ordering::SeqCst) {
            return Poll::Ready(turns);
        }
        turns += 1;
        task.waker().wake_by_ref(); // back into the queue at once
        Poll::Pending
    })
    .await
}
// ANCHOR_END: outsider

// ANCHOR: yields
/// Each of three tasks has three turns, with `yield_now` after each. Returns all turns.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, its tasks are aborted.
pub async fn yields() -> String {
    let (turns, mut tasks) = (Turns::default(), JoinSet::new());
    for name in ['a', 'b', 'c'] {
        let turns = turns.clone();
        tasks.spawn(async move {
            for _ in 0..3 {
                turns.note(name);
                yield_now().await;
            }
        });
    }
    tasks.join_all().await;
    turns.text()
}
// ANCHOR_END: yields

// ANCHOR: stolen
/// A task spawns eight others, and keeps its worker until none has run for `patience`.
/// Returns who ran by then, on the other worker. For `block_on`, with two workers.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, its tasks still run.
pub async fn stolen(patience: Duration) -> String {
    let ((starts, started), (open, gate)) = (oneshot::channel(), channel());
    // This task keeps the other worker away until all eight are there.
    tokio::spawn(async move { starts.send(()).is_ok() && gate.recv().is_ok() });
    let _has_started = started.await;
    until_a_worker_is_free();
    let crowd = tokio::spawn(async move {
        let (sender, receiver) = channel();
        for name in 'a'..='h' {
            let sender = sender.clone();
            tokio::spawn(async move { sender.send(name) });
        }
        drop(sender);
        let _opened = open.send(());
        heard(&receiver, patience)
    });
    crowd.await.unwrap_or_default()
}

/// Blocks its thread until a task has run. Tokio 1.54.1 may wake nobody for the first.
fn until_a_worker_is_free() {
    let (sender, receiver) = channel();
    while receiver.recv_timeout(Duration::from_millis(10)).is_err() {
        let sender = sender.clone();
        tokio::spawn(async move { sender.send(()) });
    }
}

/// Blocks its thread until nothing has come for `patience`, or nobody can send.
fn heard(receiver: &Receiver<char>, patience: Duration) -> String {
    std::iter::from_fn(|| receiver.recv_timeout(patience).ok()).collect()
}
// ANCHOR_END: stolen

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: the runtime chooses the order of the steps.
    pub async fn a_task_each<F>(steps: impl IntoIterator<Item = F>)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // ANCHOR: each_spawned
        let mut tasks = JoinSet::new();
        for step in steps {
            tasks.spawn(step);
        }
        tasks.join_all().await;
        // ANCHOR_END: each_spawned
    }
}

#[cfg(test)]
mod tests;

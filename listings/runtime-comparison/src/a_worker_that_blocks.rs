//! A task blocks its worker: what waits with it, and what brings it back.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::sleep;

// ANCHOR: handler
/// Sends `line` to the log, and computes on a thread of the blocking pool.
///
/// # Errors
/// `compute` panics, or the runtime ends before `compute` has begun.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this while it waits, the line is sent, and `compute` runs on. Only its
/// result is lost.
pub async fn handler<T: Send + 'static>(
    log: &UnboundedSender<String>,
    line: String,
    compute: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    // ANCHOR: elsewhere
    let _sent = log.send(line); // wakes the task that writes the log
    let result = spawn_blocking(compute).await;
    // ANCHOR_END: elsewhere
    result
}
// ANCHOR_END: handler

// ANCHOR: all_sleep
/// Blocks this thread until all workers of `runtime` sleep.
///
/// # Panics
/// Inside a runtime; or `runtime` has no timers.
pub fn until_all_sleep(runtime: &Runtime) {
    let metrics = runtime.metrics();
    let sleeps = |worker| metrics.worker_park_unpark_count(worker) % 2 == 1;
    loop {
        // First, because a worker that was just woken still looks as if it slept.
        runtime.block_on(async { sleep(Duration::from_millis(20)).await });
        if (0..metrics.num_workers()).all(sleeps) {
            return;
        }
    }
}
// ANCHOR_END: all_sleep

// ANCHOR: timer_fires
/// All workers sleep. A packet wakes a task, and the task runs `block`. Meanwhile this
/// thread waits for a timer of 1 ms. Returns what `block` returns.
///
/// `block` gets a function that waits until the timer has fired, for `longest` at most,
/// and says whether it has.
///
/// # Errors
/// There is no UDP on this machine, or `block` panics.
///
/// # Panics
/// Inside a runtime; or `runtime` has no I/O or no timers.
pub fn timer_fires(
    runtime: &Runtime,
    longest: Duration,
    block: impl FnOnce(&dyn Fn() -> bool) -> bool + Send + 'static,
) -> io::Result<bool> {
    let (rings, alarm) = channel();
    let (begins, begun) = channel();
    // ANCHOR: woken
    let task = runtime.spawn(async move {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        let _test_has_ended = begins.send(socket.local_addr()?);
        socket.recv(&mut [0]).await?; // the packet
        let _test_has_ended = begins.send(socket.local_addr()?);
        Ok(block(&|| alarm.recv_timeout(longest).is_ok()))
    });
    // ANCHOR_END: woken
    if let Ok(address) = begun.recv() {
        until_all_sleep(runtime);
        std::net::UdpSocket::bind("127.0.0.1:0")?.send_to(&[1], address)?;
        let _task_has_failed = begun.recv();
        runtime.block_on(async { sleep(Duration::from_millis(1)).await });
        let _nobody_waits = rings.send(());
    }
    runtime.block_on(task)?
}
// ANCHOR_END: timer_fires

// ANCHOR: nudge
/// A thread that spawns an empty task in each `every`. The task wakes a worker that
/// sleeps, and this worker looks after timers and sockets. If you drop this, it ends.
#[derive(Debug)]
pub struct Nudge {
    _stop: Sender<()>,
}

impl Nudge {
    /// # Panics
    /// The system gives no thread.
    pub fn start(runtime: Handle, every: Duration) -> Self {
        let (stop, stopped) = channel();
        thread::spawn(move || nudge(&runtime, every, &stopped));
        Self { _stop: stop }
    }
}

fn nudge(runtime: &Handle, every: Duration, stopped: &Receiver<()>) {
    while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
        runtime.spawn(async {});
    }
}
// ANCHOR_END: nudge

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong in a task: the worker is blocked, and the log waits in its slot.
    pub fn handler<T>(
        log: &UnboundedSender<String>,
        line: String,
        compute: impl FnOnce() -> T,
    ) -> T {
        // ANCHOR: here
        let _sent = log.send(line); // wakes the task that writes the log
        let result = compute();
        // ANCHOR_END: here
        result
    }
}

#[cfg(test)]
mod tests;

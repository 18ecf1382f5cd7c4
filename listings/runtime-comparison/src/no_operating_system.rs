//! Tasks without an operating system: embassy, here on threads of `std`.

use std::future::Future; // only edition 2021 needs this line
use std::pin::pin;

use embassy_executor::{Executor, Spawner};
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::channel::Channel;
use embassy_sync::signal::Signal;
use futures::future::{Either, select};

// ANCHOR: run
/// Runs an executor of embassy on this thread. After each round of polls, it returns if
/// `done` is true. On a microcontroller, an executor never returns.
///
/// # Panics
/// If a task panics. No task of this executor is polled any more.
pub fn run(init: impl FnOnce(Spawner), done: impl FnMut() -> bool) {
    let executor = Box::leak(Box::new(Executor::new())); // it must live for ever
    executor.run_until(init, done);
}
// ANCHOR_END: run

// ANCHOR: both
/// Waits for the results of two tasks.
///
/// # Cancel safety
/// If you drop it, a result that it has received is lost, and the other one is in
/// `results`.
pub async fn both(results: &Channel<CriticalSectionRawMutex, i32, 2>) -> [i32; 2] {
    // ANCHOR: by_a_channel
    let first = results.receive().await;
    let second = results.receive().await;
    [first, second]
    // ANCHOR_END: by_a_channel
}
// ANCHOR_END: both

// ANCHOR: unless_stopped
/// Does `work`. If somebody signals `stop`, drops `work` where it waits, and gives
/// `None`.
///
/// # Cancel safety
/// If you drop it, `work` is dropped. An unused signal stays in `stop`, and stops the
/// next call.
pub async fn unless_stopped<F: Future>(
    stop: &Signal<CriticalSectionRawMutex, ()>,
    work: F,
) -> Option<F::Output> {
    // On a microcontroller: `select` of `embassy-futures`.
    match select(pin!(stop.wait()), pin!(work)).await {
        Either::Left(((), _)) => None,
        Either::Right((output, _)) => Some(output),
    }
}
// ANCHOR_END: unless_stopped

/// How it goes wrong.
pub mod naive {
    use super::*;

    /// Wrong: a `Signal` keeps one value, the last one.
    ///
    /// # Cancel safety
    /// If you drop it, a result that it has received is lost.
    pub async fn both(results: &Signal<CriticalSectionRawMutex, i32>) -> [i32; 2] {
        // ANCHOR: by_a_signal
        let first = results.wait().await;
        let second = results.wait().await;
        [first, second]
        // ANCHOR_END: by_a_signal
    }
}

#[cfg(test)]
mod tests;

//! How often a future is polled until it ends, and one that is polled twice.
//!
//! Support: no page shows this file.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// A future that is polled so often spins.
const MOST: usize = 100_000;

/// What `future` gives, and how often it was polled.
///
/// # Panics
/// At the poll 100,000.
pub async fn polls<F: Future>(future: F) -> (F::Output, usize) {
    let mut future = pin!(future);
    let mut polls = 0;
    let output = poll_fn(|cx| {
        polls += 1;
        assert!(polls < MOST, "it spins");
        future.as_mut().poll(cx)
    });
    let output = output.await;
    (output, polls)
}

/// Wakes itself at its first poll, then calls `then`, and is ready at the second poll: on any executor.
pub async fn polled_twice(then: impl FnOnce()) {
    let mut then = Some(then);
    poll_fn(|cx| {
        let Some(then) = then.take() else { return Poll::Ready(()) };
        cx.waker().wake_by_ref();
        then();
        Poll::Pending
    })
    .await;
}

/// Lets other tasks run once: on any executor.
pub async fn let_others_run() {
    polled_twice(|| ()).await;
}

#[cfg(test)]
mod tests;

//! Cancellation at every await, one after another.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

// ANCHOR: every_await
/// Polls `future` at most `polls` times, and then drops it. `Some` is its output, if it
/// ended before. With zero polls, it is dropped before it ran at all.
pub async fn after_polls<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None), // that was the last poll
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Makes a future again and again and drops it after 0, 1, 2, … polls, until one ends
/// by itself. `check` gets the number of polls, and the output (`None`: dropped).
/// Returns how many were dropped.
///
/// An await that is ready at once is no place for a drop: let each await wait in the
/// test.
pub async fn at_every_await<F: Future>(
    mut make: impl FnMut() -> F,
    mut check: impl FnMut(usize, Option<F::Output>),
) -> usize {
    let mut polls = 0;
    loop {
        let output = after_polls(polls, make()).await;
        let ended = output.is_some();
        check(polls, output);
        if ended {
            return polls;
        }
        polls += 1;
    }
}
// ANCHOR_END: every_await

#[cfg(test)]
mod tests;

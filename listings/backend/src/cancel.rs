//! Cancellation at every await, one after another.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Polls `future` at most `polls` times, then drops it. `Some` is its output, if it ended before.
///
/// With zero polls the future is dropped before it ran at all.
pub async fn after_polls<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    if polls == 0 {
        drop(future);
        return None;
    }
    let mut future = pin!(future);
    let mut polled = 0;
    poll_fn(|cx| {
        polled += 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if polled == polls => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Runs `make()` again and again, dropped after 0, 1, 2, … polls, until a run ends by itself; `check`
/// sees each outcome (`None`: dropped). Returns at how many points it was dropped.
pub async fn at_every_await<F: Future>(
    mut make: impl FnMut() -> F,
    mut check: impl FnMut(usize, Option<F::Output>),
) -> usize {
    for polls in 0.. {
        let output = after_polls(polls, make()).await;
        let ended = output.is_some();
        check(polls, output);
        if ended {
            return polls;
        }
    }
    unreachable!("a run that never ends was dropped usize::MAX times")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::sleep;

    #[tokio::test(start_paused = true)]
    async fn each_await_is_a_point_of_its_own() {
        let two_awaits = || async {
            sleep(Duration::from_millis(1)).await;
            sleep(Duration::from_millis(1)).await;
        };
        let mut ends = Vec::new();
        let points = at_every_await(two_awaits, |_, end| ends.push(end)).await;
        assert_eq!(points, 3, "before the first poll, and at each await");
        assert_eq!(ends, [None, None, None, Some(())]);
    }
}

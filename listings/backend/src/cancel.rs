//! Cancellation at every await, one after another.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

// ANCHOR: every_await
/// Polls `future` at most `polls` times, as often as it is woken, then drops it.
/// `Some` is its output, if it ended before. Zero polls: dropped before it ran at all.
pub async fn after_polls<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx).map(Some) {
            Poll::Pending if left == 0 => Poll::Ready(None),
            end => end,
        }
    })
    .await
}

/// Makes a future again and again and drops it after 0, 1, 2, … polls, until one ends
/// by itself. `check` gets the number of polls, and the output (`None`: dropped).
/// Returns how many were dropped.
///
/// An await that is ready at once is not a drop point: let each await wait in the test.
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
mod tests {
    use super::*;
    use crate::Alive;
    use std::future::{pending, ready};
    use std::time::Duration;
    use tokio::time::{Instant, sleep};

    const MS: Duration = Duration::from_millis(1);

    /// Two awaits that wait, 1 ms each; tells how far it came.
    async fn two_awaits(reached: &mut usize) {
        sleep(MS).await;
        *reached = 1;
        sleep(MS).await;
        *reached = 2;
    }

    #[tokio::test(start_paused = true)]
    async fn each_await_is_a_point_of_its_own() {
        let mut ends = Vec::new();
        let points = at_every_await(
            || async {
                sleep(MS).await;
                sleep(MS).await;
            },
            |polls, end| ends.push((polls, end)),
        )
        .await;
        assert_eq!(points, 3, "before the first poll, and at each await");
        assert_eq!(ends, [(0, None), (1, None), (2, None), (3, Some(()))]);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_dropped_where_it_waits() {
        for (polls, expected) in [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2)] {
            let mut reached = 0;
            let end = after_polls(polls, two_awaits(&mut reached)).await;
            assert_eq!(
                (reached, end.is_some()),
                (expected, polls >= 3),
                "{polls} polls"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_drop_comes_with_the_last_poll() {
        let alive = Alive::default();
        let start = Instant::now();
        for polls in [0, 1] {
            let guard = alive.guard();
            let end = after_polls(polls, async move {
                let _guard = guard;
                pending::<()>().await;
            });
            assert_eq!(end.await, None);
            assert_eq!((alive.count(), alive.dropped()), (0, polls + 1));
        }
        assert_eq!(start.elapsed(), Duration::ZERO, "it waits for no wake-up after it");
    }

    #[tokio::test]
    async fn an_await_that_is_ready_at_once_is_no_point() {
        let points = at_every_await(|| async { ready(()).await }, |_, _| {}).await;
        assert_eq!(points, 1, "before the first poll only");
    }

    #[tokio::test(start_paused = true)]
    async fn it_can_be_spawned() {
        let points = tokio::spawn(at_every_await(|| sleep(MS), |_, _| {}));
        assert_eq!(points.await.unwrap(), 2);
    }
}

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
        assert_eq!((reached, end.is_some()), (expected, polls >= 3), "{polls} polls");
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

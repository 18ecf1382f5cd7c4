use std::cell::Cell;

use backend::ends;
use futures::FutureExt;
use tokio::time::{advance, sleep, timeout};

use super::*;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const LIMIT: Duration = ms(1_000);

/// Sends a message after each of these pauses, in milliseconds, and stays open.
fn sending(pauses: Vec<u64>) -> (mpsc::Sender<usize>, mpsc::Receiver<usize>) {
    let (sender, receiver) = mpsc::channel(16);
    let kept = sender.clone();
    tokio::spawn(async move {
        for (n, pause) in pauses.into_iter().enumerate() {
            sleep(ms(pause)).await;
            if sender.send(n).await.is_err() {
                return;
            }
        }
    });
    (kept, receiver)
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_messages_in_thirty_seconds_need_32_timers() {
    let (_open, mut messages) = sending(vec![3; 10_000]);
    let start = Instant::now();
    let read = ends(until_silent(&mut messages, LIMIT, |_| {})).await;
    assert_eq!(read, Read { messages: 10_000, timers: 32, silent: true });
    assert_eq!(start.elapsed(), ms(31_000));
}

#[tokio::test(start_paused = true)]
async fn with_a_timeout_each_they_need_ten_thousand_and_one() {
    let (_open, mut messages) = sending(vec![3; 10_000]);
    let start = Instant::now();
    let read = ends(naive::until_silent(&mut messages, LIMIT, |_| {})).await;
    assert_eq!(read, Read { messages: 10_000, timers: 10_001, silent: true });
    assert_eq!(start.elapsed(), ms(31_000));
}

#[tokio::test(start_paused = true)]
async fn both_see_the_silence_at_the_same_moment() {
    let schedules = [
        vec![],
        vec![999],
        vec![999, 999, 999, 2],
        vec![1, 998, 3, 700, 700, 700],
        vec![500, 400, 1_500, 1], // the silence comes before the third
    ];
    for pauses in schedules {
        let (_open, mut messages) = sending(pauses.clone());
        let start = Instant::now();
        let one = ends(until_silent(&mut messages, LIMIT, |_| {})).await;
        let with_one = (one.messages, one.silent, start.elapsed());
        let (_open, mut messages) = sending(pauses.clone());
        let start = Instant::now();
        let each = ends(naive::until_silent(&mut messages, LIMIT, |_| {})).await;
        let with_each = (each.messages, each.silent, start.elapsed());
        assert_eq!(with_one, with_each, "{pauses:?}");
        assert!(with_one.1, "{pauses:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_ends_is_no_silence() {
    let (open, mut messages) = sending(vec![10, 10]);
    drop(open);
    let mut handled = Vec::new();
    let start = Instant::now();
    let read = ends(until_silent(&mut messages, LIMIT, |n| handled.push(n))).await;
    assert_eq!(read, Read { messages: 2, timers: 1, silent: false });
    assert_eq!((handled, start.elapsed()), (vec![0, 1], ms(20)));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_waits_when_the_timer_fires_is_no_silence() {
    for _ in 0..100 {
        let (open, mut messages) = mpsc::channel(16);
        let handled = Cell::new(0);
        let mut reader = pin!(until_silent(&mut messages, LIMIT, |n| handled.set(n)));
        assert!(reader.as_mut().now_or_never().is_none());
        open.try_send(1).unwrap();
        advance(LIMIT + ms(1)).await; // its task has no turn meanwhile
        assert!(reader.as_mut().now_or_never().is_none(), "the message comes first");
        drop(open);
        assert!(!ends(reader).await.silent);
        assert_eq!(handled.get(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_dropped_loses_no_message() {
    let (_open, mut messages) = sending(vec![10; 20]);
    let mut handled = Vec::new();
    for _ in 0..30 {
        let reader = until_silent(&mut messages, LIMIT, |n| handled.push(n));
        assert!(timeout(ms(7), reader).await.is_err());
    }
    assert_eq!(handled, (0..20).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
#[should_panic = "overflow when adding duration to instant"]
async fn a_limit_that_no_instant_can_hold_panics() {
    let (_open, mut messages) = sending(vec![]);
    ends(until_silent(&mut messages, Duration::MAX, |_| {})).await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_is_pinned_once_ends_the_loop_before_the_next_message() {
    // Without the order of the branches, each of these would be a toss of a coin.
    for _ in 0..100 {
        let (open, mut messages) = mpsc::channel(16);
        for n in 0..10 {
            open.try_send(n).unwrap();
        }
        let stop = CancellationToken::new();
        let mut handled = Vec::new();
        ends(until_stopped(&mut messages, &stop, |n| {
            handled.push(n);
            if n == 2 {
                stop.cancel();
            }
        }))
        .await;
        assert_eq!((handled, messages.len()), (vec![0, 1, 2], 7));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_is_pinned_once_ends_the_wait_too() {
    let (_open, mut messages) = sending(vec![10, 10]);
    let stop = CancellationToken::new();
    let evening = stop.clone();
    tokio::spawn(async move {
        sleep(ms(35)).await;
        evening.cancel();
    });
    let (start, mut handled) = (Instant::now(), 0);
    ends(until_stopped(&mut messages, &stop, |_| handled += 1)).await;
    assert_eq!((handled, start.elapsed()), (2, ms(35)));
    let (open, mut messages) = sending(vec![10]);
    drop(open);
    let never = CancellationToken::new();
    ends(until_stopped(&mut messages, &never, |_| handled += 1)).await;
    assert_eq!(handled, 3);
}

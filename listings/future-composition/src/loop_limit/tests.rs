use super::*;
use backend::cancel;
use backend::channels::{ended, every, filled};
use std::cell::{Cell, RefCell};
use std::future;
use tokio::time::{Instant, timeout};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// What another branch of `select!` does to a future that waits: polls it once, and
/// drops it.
async fn lose<F: Future>(future: F) {
    assert!(cancel::after_polls(1, future).await.is_none(), "it waits");
}

/// Counts, and then awaits 1 ms.
async fn handler(saved: &Cell<u32>) {
    sleep(ms(1)).await;
    saved.set(saved.get() + 1);
}

#[tokio::test(start_paused = true)]
async fn a_timer_in_the_first_branch_ends_the_loop_at_the_limit() {
    let (_sender, mut messages) = filled(0..3000);
    let (start, saved) = (Instant::now(), Cell::new(0));
    until(&mut messages, ms(100), |_| handler(&saved)).await;
    assert_eq!((start.elapsed(), saved.get()), (ms(100), 100));
    assert_eq!(messages.len(), 2900, "the others are still in the channel");
}

#[tokio::test(start_paused = true)]
async fn a_timer_stops_no_handler() {
    let (_sender, mut messages) = filled([()]);
    let (start, saved) = (Instant::now(), Cell::new(false));
    let handle = |()| async {
        sleep(SECOND).await;
        saved.set(true);
    };
    until(&mut messages, ms(100), handle).await;
    assert_eq!((start.elapsed(), saved.get()), (SECOND, true));
}

#[tokio::test(start_paused = true)]
async fn until_the_limit_each_message_is_handled_in_order_and_the_end_ends_it() {
    let (start, seen) = (Instant::now(), RefCell::new(Vec::new()));
    let handle = |message| {
        seen.borrow_mut().push(message);
        future::ready(())
    };
    let mut three = ended([1, 2, 3]);
    let end = cancel::after_polls(100, until(&mut three, HOUR, handle)).await;
    assert_eq!(end, Some(()), "it does not spin after the end");
    assert_eq!((seen.take(), start.elapsed()), (vec![1, 2, 3], ms(0)));
    let mut messages = every(ms(60), 0..100);
    until(&mut messages, ms(100), handle).await;
    assert_eq!((seen.take(), start.elapsed()), (vec![0], ms(100)));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_its_await_a_handler_takes_its_message_with_it() {
    let (_sender, mut messages) = filled([1, 2]);
    let started = Cell::new(0);
    let handle = |_| {
        started.set(started.get() + 1);
        future::pending()
    };
    lose(until(&mut messages, HOUR, handle)).await;
    assert_eq!((started.get(), messages.len()), (1, 1));
}

/// The same as `until`, with `timeout`.
async fn read_all(messages: &mut mpsc::Receiver<i32>, saved: &Cell<u32>) {
    loop {
        select! {
            Some(_) = messages.recv() => handler(saved).await,
            else => break,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_ends_the_loop_at_the_limit_and_its_handler_with_it() {
    let (_sender, mut messages) = filled(0..3000);
    let (start, saved) = (Instant::now(), Cell::new(0));
    timeout(ms(100), read_all(&mut messages, &saved)).await.unwrap_err();
    assert_eq!((start.elapsed(), saved.get()), (ms(100), 100));
    assert_eq!(messages.len(), 2899, "message 101 was taken, and not saved");
    assert_eq!(messages.recv().await, Some(101), "counted from 0");
}

#[tokio::test(start_paused = true)]
async fn a_timer_in_the_last_branch_ends_the_loop_when_the_channel_is_empty() {
    let (_sender, mut messages) = filled(0..3000);
    let (start, saved) = (Instant::now(), Cell::new(0));
    let mut limit = pin!(sleep(ms(100)));
    loop {
        select! {
            biased;
            Some(_) = messages.recv() => handler(&saved).await,
            () = &mut limit => break,
        }
    }
    assert_eq!((start.elapsed(), saved.get()), (ms(3000), 3000));
}

#[tokio::test(start_paused = true)]
async fn without_biased_a_timer_ends_the_loop_a_few_rounds_late() {
    let mut late = 0;
    for _ in 0..200 {
        let (_sender, mut messages) = filled(0..3000);
        let (start, saved) = (Instant::now(), Cell::new(0));
        let mut limit = pin!(sleep(ms(100)));
        loop {
            select! {
                Some(_) = messages.recv() => handler(&saved).await,
                () = &mut limit => break,
            }
        }
        let needed = start.elapsed();
        assert!((ms(100)..=ms(140)).contains(&needed), "{needed:?}");
        late += u32::from(needed > ms(100));
    }
    assert!((1..200).contains(&late), "{late} of 200 were late");
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_each_round_makes_ends_after_the_last_message() {
    for (limited_once, after) in [(true, ms(100)), (false, ms(6100))] {
        let start = Instant::now();
        let mut messages = every(ms(60), 0..100);
        let handle = |_| future::ready(());
        if limited_once {
            until(&mut messages, ms(100), handle).await;
        } else {
            naive::until(&mut messages, ms(100), handle).await;
        }
        assert_eq!(start.elapsed(), after);
    }
}

#[tokio::test(start_paused = true)]
async fn a_loop_with_a_limit_can_be_spawned() {
    let limited = async {
        let (_open, mut messages) = filled([1]);
        until(&mut messages, ms(10), |_| sleep(ms(1))).await;
    };
    tokio::spawn(limited).await.unwrap();
}

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use backend::cancel::after_polls;
use backend::turns::{BUDGET, Done, turns_beside};
use backend::{Alive, ends, polls};
use futures::FutureExt;
use tokio::sync::{Mutex, Semaphore, TryAcquireError, broadcast, oneshot, watch};
use tokio::task::{JoinSet, unconstrained, yield_now};
use tokio::time::{Instant, sleep, timeout};

use super::*;

const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A channel with these messages in it, still open.
fn holds<T>(
    messages: impl IntoIterator<Item = T>,
) -> (mpsc::Sender<T>, mpsc::Receiver<T>) {
    let (sender, receiver) = mpsc::channel(1_000);
    for message in messages {
        assert!(sender.try_send(message).is_ok());
    }
    (sender, receiver)
}

// `else`

#[tokio::test(start_paused = true)]
async fn on_an_open_empty_channel_else_waits_for_ever() {
    let (_sender, mut messages) = holds::<u32>([]);
    let start = Instant::now();
    assert!(timeout(HOUR, naive::with_else(&mut messages)).await.is_err());
    assert_eq!(start.elapsed(), HOUR);
}

#[tokio::test(start_paused = true)]
async fn else_runs_when_the_channel_has_ended() {
    let (sender, mut messages) = holds([1]);
    drop(sender);
    assert_eq!(ends(naive::with_else(&mut messages)).await, Some(1));
    assert_eq!(ends(naive::with_else(&mut messages)).await, None);
}

// `try_recv`

#[tokio::test(start_paused = true)]
async fn try_recv_says_empty_while_more_can_come_and_disconnected_at_the_end() {
    let (sender, mut messages) = holds([1]);
    assert_eq!(messages.try_recv(), Ok(1));
    assert_eq!(messages.try_recv(), Err(TryRecvError::Empty));
    sender.send(2).await.unwrap();
    drop(sender);
    assert_eq!(messages.try_recv(), Ok(2)); // what was sent before the end still comes
    assert_eq!(messages.try_recv(), Err(TryRecvError::Disconnected));
}

#[tokio::test(start_paused = true)]
async fn take_all_gives_1000_messages_in_order_in_no_time_and_says_whether_more_can_come()
 {
    let start = Instant::now();
    let (sender, mut messages) = holds(0..1_000);
    let mut taken = Vec::new();
    assert_eq!(take_all(&mut messages, |n| taken.push(n)), Channel::Open);
    assert!(taken.iter().copied().eq(0..1_000));
    assert_eq!(take_all(&mut messages, |n| panic!("{n}")), Channel::Open);
    sender.send(1_000).await.unwrap();
    drop(sender);
    assert_eq!(take_all(&mut messages, |n| taken.push(n)), Channel::Closed);
    assert_eq!(taken.len(), 1_001);
    assert_eq!(start.elapsed(), ms(0));
}

#[tokio::test(start_paused = true)]
async fn take_all_also_takes_what_comes_meanwhile() {
    let (sender, mut messages) = holds([0]);
    let mut count = 0;
    let each = |n| {
        count += 1;
        if n < 10_000 {
            assert!(sender.try_send(n + 1).is_ok()); // as a quick sender on another thread
        }
    };
    assert_eq!(take_all(&mut messages, each), Channel::Open);
    assert_eq!(count, 10_001);
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_send_waits_for_room_is_not_in_the_channel_yet() {
    let (sender, mut messages) = mpsc::channel(4);
    let sending = tokio::spawn(async move {
        for n in 0..10 {
            sender.send(n).await.unwrap();
        }
    });
    yield_now().await; // it has sent four, and waits with the fifth
    let mut taken = Vec::new();
    assert_eq!(take_all(&mut messages, |n| taken.push(n)), Channel::Open);
    assert_eq!(taken, [0, 1, 2, 3]);
    // None is lost: it comes when the sender has had its turn.
    let mut turns = 0;
    while take_all(&mut messages, |n| taken.push(n)) == Channel::Open {
        turns += 1;
        assert!(turns < 100, "the sender has ended");
        yield_now().await;
    }
    assert_eq!(taken, (0..10).collect::<Vec<_>>());
    ends(sending).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_permit_keeps_the_channel_open_after_the_last_sender() {
    let (sender, mut messages) = mpsc::channel::<u32>(4);
    let permit = sender.reserve_owned().await.unwrap();
    assert_eq!(messages.try_recv(), Err(TryRecvError::Empty));
    drop(permit.send(1));
    assert_eq!(messages.try_recv(), Ok(1));
    assert_eq!(messages.try_recv(), Err(TryRecvError::Disconnected));
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_never_awaits_keeps_a_sender_on_its_thread_from_sending() {
    let (sender, mut cancelled) = holds([]);
    tokio::spawn(async move { sender.send(3).await });
    let mut done = Vec::new();
    naive::work_and_look(1..=1_000, &mut cancelled, |n| done.push(n));
    assert_eq!(done.len(), 1_000); // also number 3
    assert_eq!(ends(cancelled.recv()).await, Some(3));
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_yields_hears_of_the_cancellation_in_its_first_round() {
    let start = Instant::now();
    let (sender, mut cancelled) = holds([]);
    tokio::spawn(async move {
        sender.send(1).await.unwrap();
        sender.send(3).await.unwrap();
    });
    let mut done = Vec::new();
    ends(work_and_look(1..=5, &mut cancelled, |n| done.push(n))).await;
    assert_eq!(done, [2, 4, 5]);
    assert_eq!(start.elapsed(), ms(0));
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_that_comes_later_counts_from_the_next_look() {
    let (sender, mut cancelled) = holds([2]);
    let mut done = Vec::new();
    let work = |n| {
        done.push(n);
        if n == 3 {
            assert!(sender.try_send(1).is_ok()); // too late
            assert!(sender.try_send(4).is_ok());
        }
    };
    ends(work_and_look(1..=5, &mut cancelled, work)).await;
    assert_eq!(done, [1, 3, 5]);
}

#[tokio::test(start_paused = true)]
async fn dropped_between_two_items_the_loop_loses_the_cancellations_that_it_has_read() {
    let (_sender, mut cancelled) = holds([2, 3]);
    let mut done = Vec::new();
    let two_polls =
        after_polls(2, work_and_look(1..=5, &mut cancelled, |n| done.push(n)));
    assert_eq!(ends(two_polls).await, None);
    assert_eq!(done, [1]);
    assert_eq!(cancelled.try_recv(), Err(TryRecvError::Empty));
}

// `select!` with `ready`

#[tokio::test(start_paused = true)]
async fn either_now_takes_no_time_when_nothing_is_there() {
    let start = Instant::now();
    let (_urgent, mut first) = holds::<u32>([]);
    let (_normal, mut second) = holds::<u32>([]);
    assert_eq!(ends(either_now(&mut first, &mut second)).await, None);
    assert_eq!(either_now(&mut first, &mut second).now_or_never(), Some(None)); // in one poll
    assert_eq!(start.elapsed(), ms(0));
}

#[tokio::test(start_paused = true)]
async fn either_now_takes_what_is_urgent_first_and_loses_nothing() {
    let (_urgent, mut first) = holds([1, 2]);
    let (_normal, mut second) = holds([11, 12]);
    for message in [1, 2, 11, 12] {
        assert_eq!(ends(either_now(&mut first, &mut second)).await, Some(message));
    }
    assert_eq!(ends(either_now(&mut first, &mut second)).await, None);
}

#[tokio::test(start_paused = true)]
async fn for_either_now_an_ended_channel_is_one_with_nothing_in_it() {
    let (urgent, mut first) = holds([]);
    drop(urgent);
    let (normal, mut second) = holds([1]);
    assert_eq!(ends(either_now(&mut first, &mut second)).await, Some(1));
    assert_eq!(ends(either_now(&mut first, &mut second)).await, None);
    drop(normal);
    assert_eq!(ends(either_now(&mut first, &mut second)).await, None);
}

#[tokio::test(start_paused = true)]
async fn either_now_gets_all_1000_messages_and_other_tasks_get_a_turn_after_each_128() {
    let start = Instant::now();
    let (_urgent, mut first) = holds([]);
    let (_normal, mut second) = holds(0..1_000);
    let done = Done::default();
    let (taken, turns) = turns_beside(&done, async {
        let mut taken = Vec::new();
        for _ in 0..1_000 {
            taken.extend(either_now(&mut first, &mut second).await);
            done.one();
        }
        taken
    })
    .await;
    assert!(taken.into_iter().eq(0..1_000));
    let wanted: Vec<_> = (1..=7).map(|turn| turn * BUDGET).collect();
    assert_eq!(turns, wanted);
    assert_eq!(start.elapsed(), ms(0));
}

#[tokio::test(start_paused = true)]
async fn beside_take_all_no_other_task_gets_a_turn() {
    let (_sender, mut messages) = holds(0..1_000);
    let done = Done::default();
    let ((), turns) = turns_beside(&done, async {
        take_all(&mut messages, |_| done.one());
    })
    .await;
    assert_eq!((done.count(), turns), (1_000, vec![]));
}

// What stops at 128

#[tokio::test(start_paused = true)]
async fn recv_now_or_never_leaves_872_of_1000_messages_in_the_channel() {
    let (_sender, mut messages) = holds(0..1_000);
    assert_eq!(naive::count_now(&mut messages), BUDGET);
    assert_eq!(messages.len(), 872);
    assert_eq!(messages.recv().now_or_never(), None); // though 872 are there
    assert_eq!(messages.try_recv(), Ok(128));
}

#[tokio::test(start_paused = true)]
async fn try_recv_finds_all_1000() {
    let (_sender, mut messages) = holds(0..1_000);
    assert_eq!(count_now(&mut messages), 1_000);
    assert_eq!(messages.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_default_of_futures_runs_at_message_128_too() {
    let (_sender, mut messages) = holds(0..1_000);
    assert_eq!(naive::count_with_default(&mut messages), BUDGET);
    assert_eq!(messages.len(), 872);
}

#[tokio::test(start_paused = true)]
async fn unconstrained_now_or_never_finds_all_1000() {
    let (_sender, mut messages) = holds(0..1_000);
    let mut count = 0;
    while let Some(Some(_)) = unconstrained(messages.recv()).now_or_never() {
        count += 1;
    }
    assert_eq!(count, 1_000);
}

// Spinning

#[tokio::test(start_paused = true)]
async fn recv_is_polled_twice_for_a_message_that_comes_in_an_hour() {
    let (sender, mut messages) = holds([]);
    tokio::spawn(async move {
        sleep(HOUR).await;
        sender.send(1).await
    });
    let start = Instant::now();
    assert_eq!(ends(polls(wait(&mut messages))).await, (Some(1), 2));
    assert_eq!(start.elapsed(), HOUR);
}

#[tokio::test(start_paused = true)]
async fn a_spinning_loop_is_polled_for_each_of_the_10_000_turns_that_it_waits() {
    let (sender, mut messages) = holds([]);
    tokio::spawn(async move {
        for _ in 0..10_000 {
            yield_now().await; // something else that runs
        }
        sender.send(1).await
    });
    let (message, count) = polls(naive::wait(&mut messages)).await;
    assert_eq!(message, Some(1));
    assert!(count >= 10_000, "{count}");
    let (sender, mut messages) = holds([]);
    tokio::spawn(async move {
        for _ in 0..10_000 {
            yield_now().await;
        }
        sender.send(1).await
    });
    assert_eq!(polls(wait(&mut messages)).await, (Some(1), 2));
}

#[tokio::test(start_paused = true)]
async fn a_spinning_loop_ends_with_its_channel() {
    let (sender, mut messages) = holds([1]);
    drop(sender);
    assert_eq!(ends(naive::wait(&mut messages)).await, Some(1));
    assert_eq!(ends(naive::wait(&mut messages)).await, None);
    assert_eq!(ends(wait(&mut messages)).await, None);
}

#[tokio::test(start_paused = true)]
async fn while_a_loop_spins_the_paused_clock_stands_still() {
    let (sender, mut messages) = holds([]);
    tokio::spawn(async move {
        sleep(ms(1)).await;
        sender.send(1).await
    });
    let looks = Cell::new(0);
    let start = Instant::now();
    while messages.try_recv().is_err() && looks.get() < 10_000 {
        looks.set(looks.get() + 1);
        yield_now().await;
    }
    assert_eq!((looks.get(), start.elapsed()), (10_000, ms(0)));
    assert_eq!(ends(messages.recv()).await, Some(1));
    assert_eq!(start.elapsed(), ms(1));
}

// Other things that can be looked at

#[tokio::test(start_paused = true)]
async fn the_other_calls_that_do_not_wait() {
    let start = Instant::now();

    let semaphore = Semaphore::new(1);
    let permit = semaphore.try_acquire().unwrap();
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    drop(permit);
    semaphore.close();
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::Closed);

    let mutex = Mutex::new(1);
    let guard = mutex.try_lock().unwrap();
    assert!(mutex.try_lock().is_err());
    drop(guard);
    assert_eq!(*mutex.try_lock().unwrap(), 1);

    let (answer, mut question) = oneshot::channel();
    assert_eq!(question.try_recv(), Err(oneshot::error::TryRecvError::Empty));
    answer.send(1).unwrap();
    assert_eq!(question.try_recv(), Ok(1));
    assert_eq!(question.try_recv(), Err(oneshot::error::TryRecvError::Closed));

    let (sender, _receiver) = mpsc::channel(1);
    assert!(sender.try_send(1).is_ok());
    assert_eq!(sender.try_send(2), Err(mpsc::error::TrySendError::Full(2)));

    assert_eq!(start.elapsed(), ms(0));
}

#[tokio::test(start_paused = true)]
async fn try_join_next_says_none_for_a_task_that_runs_and_for_an_empty_set() {
    let mut tasks = JoinSet::new();
    assert!(tasks.try_join_next().is_none());
    tasks.spawn(sleep(ms(10)));
    assert!(tasks.try_join_next().is_none());
    assert_eq!(tasks.len(), 1); // this tells the two apart
    sleep(ms(20)).await;
    assert!(tasks.try_join_next().unwrap().is_ok());
    assert_eq!(tasks.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn try_join_next_finds_all_of_1000_tasks_that_have_ended() {
    let mut tasks: JoinSet<_> = (0..1_000).map(|_| async {}).collect();
    sleep(ms(1)).await;
    let mut count = 0;
    while tasks.try_join_next().is_some() {
        count += 1;
    }
    assert_eq!(count, 1_000);
}

#[tokio::test(start_paused = true)]
async fn has_changed_says_whether_there_is_a_value_that_was_not_seen() {
    let (sender, mut settings) = watch::channel(1);
    assert_eq!(settings.has_changed().ok(), Some(false));
    sender.send(2).unwrap();
    sender.send(3).unwrap();
    assert_eq!(settings.has_changed().ok(), Some(true));
    assert_eq!(*settings.borrow_and_update(), 3); // only the last
    assert_eq!(settings.has_changed().ok(), Some(false));
}

#[tokio::test(start_paused = true)]
async fn has_changed_is_an_error_after_the_last_sender_although_a_value_was_not_seen() {
    let (sender, mut settings) = watch::channel(1);
    sender.send(2).unwrap();
    drop(sender);
    assert!(settings.has_changed().is_err());
    assert!(settings.borrow().has_changed()); // the value itself says it
    assert_eq!(*settings.borrow_and_update(), 2);
    assert!(!settings.borrow().has_changed());
}

#[tokio::test(start_paused = true)]
async fn the_try_recv_of_broadcast_also_says_how_many_were_missed() {
    use broadcast::error::TryRecvError as Missed;
    let (sender, mut news) = broadcast::channel(2);
    assert_eq!(news.try_recv(), Err(Missed::Empty));
    for n in 1..=5 {
        sender.send(n).unwrap();
    }
    assert_eq!(news.try_recv(), Err(Missed::Lagged(3)));
    assert_eq!((news.try_recv(), news.try_recv()), (Ok(4), Ok(5)));
    drop(sender);
    assert_eq!(news.try_recv(), Err(Missed::Closed));
}

#[tokio::test(start_paused = true)]
async fn try_acquire_fails_while_others_wait_in_the_queue() {
    let semaphore = Arc::new(Semaphore::new(1));
    let waiter = Arc::clone(&semaphore);
    let alive = Alive::default();
    let guard = alive.guard();
    let two = tokio::spawn(async move {
        let _guard = guard;
        let permits = waiter.acquire_many(2).await;
        drop(permits);
    });
    yield_now().await;
    // One permit was free, and the task that waits for two has it.
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    semaphore.add_permits(1);
    ends(two).await.unwrap();
    assert_eq!(alive.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn dropped_before_its_first_poll_a_look_has_taken_nothing() {
    let (_urgent, mut first) = holds([1]);
    let (_normal, mut second) = holds([2]);
    drop(either_now(&mut first, &mut second));
    assert_eq!((first.len(), second.len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn dropped_while_it_lets_other_tasks_run_a_look_has_taken_nothing() {
    let (_urgent, mut first) = holds([]);
    let (_normal, mut second) = holds(0..1_000);
    // Without an await that waits, all of this is one poll of the task.
    let mut taken = 0;
    while let Some(Some(_)) = either_now(&mut first, &mut second).now_or_never() {
        taken += 1;
    }
    assert_eq!((taken, second.len()), (BUDGET, 872)); // the look at 129 was dropped
    assert_eq!(ends(either_now(&mut first, &mut second)).await, Some(128));
}

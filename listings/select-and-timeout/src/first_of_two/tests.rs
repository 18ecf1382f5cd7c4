use std::cell::Cell;
use std::panic;
use std::sync::Once;
use std::time::Duration;

use backend::alive::left_at_drops;
use backend::{Alive, ends};
use futures::FutureExt;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, sleep};

use super::*;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// `message`, after `delay`.
async fn after<T>(delay: Duration, message: T) -> T {
    sleep(delay).await;
    message
}

/// A supplier that answers after `delay`, and what became of its answer.
fn supplier(
    delay: u64,
    price: u32,
) -> (mpsc::Receiver<u32>, JoinHandle<Result<(), u32>>) {
    let (sender, receiver) = mpsc::channel(1);
    (receiver, tokio::spawn(answer(after(ms(delay), price), sender)))
}

/// A channel that has ended.
fn ended() -> mpsc::Receiver<u32> {
    mpsc::channel(1).1
}

/// A channel that holds one message, and has ended after it.
fn holds(message: u32) -> mpsc::Receiver<u32> {
    let (sender, receiver) = mpsc::channel(1);
    sender.try_send(message).expect("there is room");
    receiver
}

/// Panics of this thread: the hook is called by all tests, and each test has a thread of its own.
fn panics() -> u32 {
    thread_local!(static COUNT: Cell<u32> = const { Cell::new(0) });
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            COUNT.set(COUNT.get() + 1);
            before(info);
        }));
    });
    COUNT.get()
}

#[tokio::test(start_paused = true)]
async fn the_quicker_supplier_wins() {
    for (left, right, winner, time) in [
        (100, 200, First::Left(1), 100),
        (200, 100, First::Right(2), 100),
        (5, 7, First::Left(1), 5),
    ] {
        let start = Instant::now();
        let (mut left, _) = supplier(left, 1);
        let (mut right, _) = supplier(right, 2);
        assert_eq!(ends(first_of_two(&mut left, &mut right)).await, Some(winner));
        assert_eq!(start.elapsed(), ms(time));
    }
}

#[tokio::test(start_paused = true)]
async fn the_second_message_stays_in_its_channel() {
    let (mut left, _) = supplier(100, 1);
    let (mut right, sent) = supplier(200, 2);
    assert_eq!(ends(first_of_two(&mut left, &mut right)).await, Some(First::Left(1)));
    assert_eq!(ends(sent).await.unwrap(), Ok(())); // at 200 ms, after the first has won
    assert_eq!(ends(first_of_two(&mut left, &mut right)).await, Some(First::Right(2)));
    assert_eq!(ends(first_of_two(&mut left, &mut right)).await, None);
}

#[tokio::test(start_paused = true)]
async fn if_one_channel_has_ended_the_other_is_waited_for() {
    let start = Instant::now();
    let (mut right, _) = supplier(200, 2);
    assert_eq!(
        ends(first_of_two(&mut ended(), &mut right)).await,
        Some(First::Right(2))
    );
    assert_eq!(start.elapsed(), ms(200));
    let (mut left, _) = supplier(200, 1);
    assert_eq!(ends(first_of_two(&mut left, &mut ended())).await, Some(First::Left(1)));
    assert_eq!(start.elapsed(), ms(400));
}

#[tokio::test(start_paused = true)]
async fn if_both_channels_have_ended_the_answer_is_none() {
    assert_eq!(ends(first_of_two(&mut ended(), &mut ended())).await, None);
}

#[tokio::test(start_paused = true)]
async fn if_both_end_later_the_answer_is_none_when_the_last_has_ended() {
    let start = Instant::now();
    let (first, mut left) = mpsc::channel::<u32>(1);
    let (second, mut right) = mpsc::channel::<u32>(1);
    tokio::spawn(async move {
        sleep(ms(100)).await;
        drop(first);
        sleep(ms(200)).await;
        drop(second);
    });
    assert_eq!(ends(first_of_two(&mut left, &mut right)).await, None);
    assert_eq!(start.elapsed(), ms(300));
}

#[tokio::test(start_paused = true)]
async fn while_one_channel_is_open_and_empty_else_does_not_run() {
    let (_open, mut left) = mpsc::channel::<u32>(1);
    let limit = Duration::from_hours(1);
    let (mut ended, start) = (ended(), Instant::now());
    let look = tokio::time::timeout(limit, first_of_two(&mut left, &mut ended));
    assert!(look.await.is_err());
    assert_eq!(start.elapsed(), limit);
}

#[tokio::test(start_paused = true)]
async fn a_message_of_a_channel_that_has_ended_still_comes() {
    let (mut left, mut right) = (holds(1), ended());
    assert_eq!(ends(first_of_two(&mut left, &mut right)).await, Some(First::Left(1)));
    assert_eq!(ends(first_of_two(&mut left, &mut right)).await, None);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "all branches are disabled and there is no else branch")]
async fn without_else_two_ended_channels_are_a_panic() {
    ends(naive::without_else(&mut ended(), &mut ended())).await;
}

#[tokio::test(start_paused = true)]
async fn an_ended_channel_beats_the_supplier_that_would_have_answered() {
    let start = Instant::now();
    let (mut right, _) = supplier(200, 2);
    assert_eq!(ends(naive::any_answer(&mut ended(), &mut right)).await, None);
    assert_eq!(start.elapsed(), ms(0));
}

#[tokio::test(start_paused = true)]
async fn of_two_messages_that_are_there_either_may_win_and_none_is_lost() {
    let (mut left_first, mut right_first) = (0, 0);
    for _ in 0..1_000 {
        let (mut left, mut right) = (holds(1), holds(2));
        let first = ends(first_of_two(&mut left, &mut right)).await;
        let second = ends(first_of_two(&mut left, &mut right)).await;
        match (first, second) {
            (Some(First::Left(1)), Some(First::Right(2))) => left_first += 1,
            (Some(First::Right(2)), Some(First::Left(1))) => right_first += 1,
            lost => panic!("{lost:?}"),
        }
        assert_eq!(ends(first_of_two(&mut left, &mut right)).await, None);
    }
    // Each round is a toss of a coin: 300 of 1,000 or fewer come once in 10^36 runs.
    assert!(left_first > 300, "{left_first}");
    assert!(right_first > 300, "{right_first}");
}

#[tokio::test(start_paused = true)]
async fn on_several_threads_no_message_is_lost() {
    tokio::task::spawn_blocking(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap();
        runtime.block_on(async {
            for _ in 0..200 {
                let (first, mut left) = mpsc::channel(1);
                let (second, mut right) = mpsc::channel(1);
                tokio::spawn(answer(async { 1 }, first));
                tokio::spawn(answer(async { 2 }, second));
                let mut sum = 0;
                while let Some(message) = first_of_two(&mut left, &mut right).await {
                    sum += match message {
                        First::Left(n) | First::Right(n) => n,
                    };
                }
                assert_eq!(sum, 3);
            }
        });
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_dropped_has_taken_no_message() {
    let (first, mut left) = mpsc::channel(2);
    let (second, mut right) = mpsc::channel(2);
    for n in 0..10 {
        assert_eq!(first_of_two(&mut left, &mut right).now_or_never(), None); // waits, and is dropped
        first.send(n).await.unwrap();
        second.send(n).await.unwrap();
        // Dropped before it was polled at all.
        drop(first_of_two(&mut left, &mut right));
        assert_eq!((left.try_recv(), right.try_recv()), (Ok(n), Ok(n)));
    }
}

// The sender that goes on

#[tokio::test(start_paused = true)]
async fn a_sender_that_unwraps_panics_in_the_background_and_the_caller_gets_its_answer()
{
    assert_eq!(panics(), 0);
    let (first, mut left) = mpsc::channel(1);
    let (second, mut right) = mpsc::channel(1);
    tokio::spawn(naive::answer(after(ms(100), 1), first));
    let slower = tokio::spawn(naive::answer(after(ms(200), 2), second));
    assert_eq!(ends(first_of_two(&mut left, &mut right)).await, Some(First::Left(1)));
    drop((left, right));
    assert_eq!(panics(), 0);
    sleep(ms(150)).await;
    assert_eq!(panics(), 1);
    assert!(slower.await.unwrap_err().is_panic()); // only who keeps the handle hears of it
}

#[tokio::test(start_paused = true)]
async fn if_nobody_waits_any_more_the_sender_gets_its_answer_back_and_nothing_panics() {
    assert_eq!(panics(), 0);
    let (mut left, first) = supplier(100, 1);
    let (mut right, second) = supplier(200, 2);
    assert_eq!(ends(first_of_two(&mut left, &mut right)).await, Some(First::Left(1)));
    drop((left, right));
    assert_eq!(ends(first).await.unwrap(), Ok(()));
    assert_eq!(ends(second).await.unwrap(), Err(2));
    assert_eq!(panics(), 0);
}

#[tokio::test(start_paused = true)]
async fn dropped_with_its_receiver_a_message_is_lost_though_its_send_was_ok() {
    let (sender, mut left) = mpsc::channel(4);
    let alive = Alive::default();
    for n in 1..=3 {
        assert!(sender.send((n, alive.guard())).await.is_ok());
    }
    let (_, mut right) = mpsc::channel::<u32>(1);
    let Some(First::Left((1, _))) = ends(first_of_two(&mut left, &mut right)).await
    else {
        panic!("message 1 is the first");
    };
    assert_eq!(alive.count(), 2); // messages 2 and 3 are in the channel
    drop(left);
    assert_eq!(alive.count(), 0);
    let refused = sender.send((4, alive.guard())).await.unwrap_err();
    assert_eq!(refused.0.0, 4); // the sender hears of message 4, and not of 2 and 3
}

#[tokio::test(start_paused = true)]
async fn a_function_that_owns_the_receivers_drops_the_second_message() {
    let alive = Alive::default();
    let (first, left) = mpsc::channel(1);
    let (second, right) = mpsc::channel(1);
    assert!(first.send(alive.guard()).await.is_ok());
    assert!(second.send(alive.guard()).await.is_ok());
    let winner = ends(naive::owned(left, right)).await;
    assert_eq!(alive.count(), 1); // the winner, whichever it was
    assert!(winner.is_some());
}

#[tokio::test(start_paused = true)]
async fn work_that_nobody_waits_for_is_dropped_when_the_receiver_is() {
    let alive = Alive::default();
    let (sender, receiver) = mpsc::channel(1);
    let guard = alive.guard();
    let start = Instant::now();
    let slower = tokio::spawn(answer_while_wanted(
        async move {
            let _guard = guard;
            sleep(ms(200)).await;
        },
        sender,
    ));
    sleep(ms(100)).await;
    assert_eq!(alive.count(), 1);
    drop(receiver);
    assert!(!ends(slower).await.unwrap());
    assert_eq!(alive.count(), 0);
    assert_eq!(start.elapsed(), ms(100));
}

#[tokio::test(start_paused = true)]
async fn without_that_the_work_goes_on_to_its_end() {
    let start = Instant::now();
    let (receiver, slower) = supplier(200, 2);
    sleep(ms(100)).await;
    drop(receiver);
    assert_eq!(ends(slower).await.unwrap(), Err(2));
    assert_eq!(start.elapsed(), ms(200));
}

#[tokio::test(start_paused = true)]
async fn work_that_somebody_waits_for_is_answered() {
    let (sender, mut receiver) = mpsc::channel(1);
    assert!(ends(answer_while_wanted(after(ms(200), 2), sender)).await);
    assert_eq!(receiver.recv().await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn if_nobody_waits_from_the_start_the_work_is_not_polled() {
    let (sender, _) = mpsc::channel::<()>(1);
    for _ in 0..100 {
        let work = async { panic!("the work was polled") };
        assert!(!ends(answer_while_wanted(work, sender.clone())).await);
    }
}

#[tokio::test(start_paused = true)]
async fn work_that_ends_when_the_receiver_is_gone_is_not_in_the_channel() {
    let (sender, receiver) = mpsc::channel(1);
    let work = async move {
        yield_now().await;
        drop(receiver);
        1
    };
    assert!(!ends(answer_while_wanted(work, sender)).await);
}

#[tokio::test(start_paused = true)]
async fn dropped_while_it_waits_for_room_an_answer_is_lost() {
    let (sender, mut receiver) = mpsc::channel(1);
    sender.try_send(0).expect("there is room");
    assert_eq!(answer(async { 1 }, sender.clone()).now_or_never(), None);
    assert_eq!(answer_while_wanted(async { 2 }, sender).now_or_never(), None);
    assert_eq!(ends(receiver.recv()).await, Some(0));
    assert_eq!(ends(receiver.recv()).await, None);
}

#[tokio::test(start_paused = true)]
async fn dropped_at_work_an_answer_drops_the_work() {
    let slow = |alive: &Alive| {
        let guard = alive.guard();
        async move {
            yield_now().await;
            drop(guard);
        }
    };
    let (sender, _receiver) = mpsc::channel(1);
    assert_eq!(left_at_drops(|alive| answer(slow(alive), mpsc::channel(1).0)).await, 0);
    assert_eq!(
        left_at_drops(|alive| answer_while_wanted(slow(alive), sender.clone())).await,
        0
    );
}

use backend::{Alive, ends};
use tokio::time::{Instant, timeout};

use super::*;

const MESSAGES: u32 = 10_000;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A channel with this many messages. It stays open while the sender lives.
fn filled(messages: u32) -> (mpsc::Sender<u32>, mpsc::Receiver<u32>) {
    let (sender, receiver) = mpsc::channel(MESSAGES as usize);
    for n in 0..messages {
        sender.try_send(n).expect("there is room");
    }
    (sender, receiver)
}

/// Messages of 10 ms; the third sets the flag.
fn stops_at_the_third(
    stop: &CancellationToken,
) -> impl FnMut(u32) -> futures::future::BoxFuture<'static, ()> {
    let stop = stop.clone();
    move |n| {
        let stop = stop.clone();
        Box::pin(async move {
            sleep(ms(10)).await;
            if n == 2 {
                stop.cancel();
            }
        })
    }
}

// The stop.

#[tokio::test(start_paused = true)]
async fn with_the_stop_first_no_message_is_begun_after_it() {
    // Without the order of the branches, each of these would be a toss of a coin.
    for _ in 0..100 {
        let (_sender, mut messages) = filled(MESSAGES);
        let stop = CancellationToken::new();
        let start = Instant::now();
        let work = stops_at_the_third(&stop);
        assert_eq!(ends(until_stopped(&stop, &mut messages, work)).await, 3);
        assert_eq!(start.elapsed(), ms(30));
        assert_eq!(messages.len(), 9_997);
    }
}

#[tokio::test(start_paused = true)]
async fn with_the_stop_last_it_is_seen_10_000_messages_late() {
    let (_sender, mut messages) = filled(MESSAGES);
    let stop = CancellationToken::new();
    let start = Instant::now();
    let work = stops_at_the_third(&stop);
    assert_eq!(ends(naive::until_stopped(&stop, &mut messages, work)).await, MESSAGES);
    assert_eq!(start.elapsed(), ms(100_000));
}

#[tokio::test(start_paused = true)]
async fn without_biased_the_stop_is_a_few_messages_late() {
    let mut late = Vec::new();
    for _ in 0..200 {
        let (_sender, mut messages) = filled(1_000);
        let stop = CancellationToken::new();
        let work = stops_at_the_third(&stop);
        let stopping = naive::until_stopped_by_chance(&stop, &mut messages, work);
        late.push(ends(stopping).await - 3);
    }
    // Each round is a toss of a coin: 100 in a row do not happen.
    assert!(late.iter().all(|late| *late < 100), "{late:?}");
    assert!(late.iter().any(|late| *late > 0), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn each_loop_ends_with_its_channel() {
    let stop = CancellationToken::new();
    let (sender, mut messages) = filled(3);
    drop(sender);
    let done = ends(until_stopped(&stop, &mut messages, |_| async {})).await;
    assert_eq!(done, 3);
    let (sender, mut messages) = filled(3);
    drop(sender);
    let start = Instant::now();
    let done = for_a_while(ms(1_000), &mut messages, |_| async {}).await;
    assert_eq!((done, start.elapsed()), (3, ms(0)));
}

#[tokio::test(start_paused = true)]
async fn dropped_while_it_works_a_loop_loses_one_message() {
    let (_sender, mut messages) = filled(5);
    let stop = CancellationToken::new();
    let alive = Alive::default();
    let looped = until_stopped(&stop, &mut messages, |_| {
        let guard = alive.guard();
        async move {
            let _guard = guard;
            sleep(ms(10)).await;
        }
    });
    assert!(timeout(ms(25), looped).await.is_err());
    // Two are done, the third was being worked on.
    assert_eq!((alive.count(), messages.len()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn dropped_while_it_waits_a_loop_loses_none() {
    let (sender, mut messages) = filled(0);
    let stop = CancellationToken::new();
    let looped = until_stopped(&stop, &mut messages, |_| async {});
    assert!(timeout(ms(25), looped).await.is_err());
    sender.try_send(7).unwrap();
    assert_eq!(messages.recv().await, Some(7));
}

// The limit.

#[tokio::test(start_paused = true)]
async fn with_the_limit_first_the_loop_ends_with_the_message_at_the_limit() {
    for _ in 0..100 {
        let (_sender, mut messages) = filled(1_000);
        let start = Instant::now();
        let done = for_a_while(ms(25), &mut messages, |_| sleep(ms(10))).await;
        assert_eq!((done, start.elapsed()), (3, ms(30)));
        assert_eq!(messages.len(), 997);
    }
}

#[tokio::test(start_paused = true)]
async fn with_the_limit_last_the_loop_ends_when_the_channel_is_empty() {
    let (_sender, mut messages) = filled(1_000);
    let start = Instant::now();
    let looped = naive::for_a_while(ms(25), &mut messages, |_| sleep(ms(10)));
    let done = ends(looped).await;
    assert_eq!((done, start.elapsed()), (1_000, ms(10_000)));
}

// Urgent and normal.

/// How many of 1,000 messages are urgent, while both queues always have one.
fn urgent_of(taken: &[u32]) -> usize {
    taken.iter().filter(|n| **n < 5_000).count()
}

/// Two queues of 2,000 messages; those of the second are 5,000 and more.
fn queues() -> (mpsc::Receiver<u32>, mpsc::Receiver<u32>) {
    let (urgent, normal) = (mpsc::channel(2_000), mpsc::channel(2_000));
    for n in 0..2_000 {
        urgent.0.try_send(n).expect("there is room");
        normal.0.try_send(5_000 + n).expect("there is room");
    }
    (urgent.1, normal.1)
}

#[tokio::test]
async fn with_biased_a_busy_branch_takes_1_000_of_1_000_turns() {
    let (mut urgent, mut normal) = queues();
    let mut taken = Vec::new();
    for _ in 0..1_000 {
        taken.extend(naive::next(&mut urgent, &mut normal).await);
    }
    assert_eq!((taken.len(), urgent_of(&taken)), (1_000, 1_000));
}

#[tokio::test]
async fn without_biased_each_branch_gets_about_half_of_the_turns() {
    let (mut urgent, mut normal) = queues();
    let mut taken = Vec::new();
    for _ in 0..1_000 {
        taken.extend(naive::next_by_chance(&mut urgent, &mut normal).await);
    }
    let urgent = urgent_of(&taken);
    // Ten standard deviations on each side.
    assert!(taken.len() == 1_000 && (340..=660).contains(&urgent), "{urgent}");
}

#[tokio::test]
async fn a_branch_below_one_that_is_never_ready_gets_two_thirds() {
    let (mut upper, mut lower) = queues();
    let (mut upper_turns, mut lower_turns) = (0, 0);
    for _ in 0..1_500 {
        select! {
            Some(_) = upper.recv() => upper_turns += 1,
            () = std::future::pending() => {}
            Some(_) = lower.recv() => lower_turns += 1,
        }
    }
    // 1,000 is expected, and ten standard deviations are 183.
    assert!((817..=1_183).contains(&lower_turns), "{lower_turns}");
    assert_eq!(upper_turns + lower_turns, 1_500);
}

#[tokio::test]
async fn a_desk_takes_one_normal_message_after_so_many_urgent_ones() {
    let (urgent, normal) = queues();
    let mut desk = Desk::new(urgent, normal, NonZeroU32::new(3).unwrap());
    let mut taken = Vec::new();
    for _ in 0..1_000 {
        taken.extend(desk.next().await);
    }
    assert_eq!(taken[..9], [0, 1, 2, 5_000, 3, 4, 5, 5_001, 6]);
    assert_eq!(urgent_of(&taken), 750);
}

#[tokio::test]
async fn while_nothing_normal_waits_a_desk_reads_urgent_ones() {
    let (sender, urgent) = filled(10);
    let (normal_sender, normal) = mpsc::channel(10);
    let mut desk = Desk::new(urgent, normal, NonZeroU32::MIN);
    for n in 0..10 {
        assert_eq!(desk.next().await, Some(n));
    }
    // A normal one that comes now has waited for nobody's turn: it is next.
    normal_sender.try_send(77).unwrap();
    sender.try_send(10).unwrap();
    assert_eq!(desk.next().await, Some(77));
    assert_eq!(desk.next().await, Some(10));
}

#[tokio::test]
async fn a_normal_message_in_a_quiet_moment_counts_as_its_turn() {
    let (urgent_sender, urgent) = mpsc::channel(10);
    let (normal_sender, normal) = mpsc::channel(10);
    let mut desk = Desk::new(urgent, normal, NonZeroU32::new(2).unwrap());
    urgent_sender.try_send("urgent 1").unwrap();
    assert_eq!(desk.next().await, Some("urgent 1"));
    normal_sender.try_send("normal 1").unwrap();
    assert_eq!(desk.next().await, Some("normal 1"));
    for message in ["urgent 2", "urgent 3", "urgent 4"] {
        urgent_sender.try_send(message).unwrap();
    }
    normal_sender.try_send("normal 2").unwrap();
    for message in ["urgent 2", "urgent 3", "normal 2", "urgent 4"] {
        assert_eq!(desk.next().await, Some(message));
    }
}

#[tokio::test(start_paused = true)]
async fn a_desk_waits_for_both_and_ends_with_the_last_of_them() {
    let (urgent_sender, urgent) = mpsc::channel(10);
    let (normal_sender, normal) = mpsc::channel(10);
    let mut desk = Desk::new(urgent, normal, NonZeroU32::MIN);
    assert!(timeout(ms(50), desk.next()).await.is_err());
    tokio::spawn(async move {
        sleep(ms(10)).await;
        let _ = normal_sender.send("normal").await;
        drop(normal_sender);
        sleep(ms(10)).await;
        let _ = urgent_sender.send("urgent").await;
    });
    let start = Instant::now();
    let mut taken = Vec::new();
    while let Some(message) = ends(desk.next()).await {
        taken.push((start.elapsed().as_millis(), message));
    }
    assert_eq!(taken, [(10, "normal"), (20, "urgent")]);
}

#[tokio::test(start_paused = true)]
async fn a_next_of_a_desk_that_is_dropped_loses_no_message() {
    let (urgent_sender, urgent) = mpsc::channel(10);
    let (normal_sender, normal) = mpsc::channel(10);
    let mut desk = Desk::new(urgent, normal, NonZeroU32::MIN);
    tokio::spawn(async move {
        for n in 0..20 {
            sleep(ms(10)).await;
            let sender = if n % 3 == 0 { &urgent_sender } else { &normal_sender };
            let _ = sender.send(n).await;
        }
    });
    let (mut taken, mut dropped) = (Vec::new(), 0);
    loop {
        match timeout(ms(7), desk.next()).await {
            Ok(Some(message)) => taken.push(message),
            Ok(None) => break,
            Err(_) => dropped += 1,
        }
    }
    assert_eq!(taken, (0..20).collect::<Vec<_>>());
    assert_eq!(dropped, 20); // 7 ms after each message and before the first
}

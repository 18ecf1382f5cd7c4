use std::sync::{Arc, Barrier};
use std::time::Duration;

use backend::soon;
use tokio::runtime::Builder;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;

use super::*;
use crate::a_worker_that_blocks::Nudge;

const HOUR: Duration = Duration::from_hours(1);

fn number(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

/// Collects what comes, and returns it at the end of its queue.
async fn collect<R>(mut requests: mpsc::Receiver<R>) -> Vec<R> {
    let mut all = Vec::new();
    while let Some(request) = requests.recv().await {
        all.push(request);
    }
    all
}

/// Two keys of different parts.
fn apart<R: Send + 'static>(parts: &Parts<R>) -> (u32, u32) {
    let first = parts.part_of(&0);
    let other = (1..1_000).find(|key| !parts.part_of(key).same_channel(first));
    (0, other.expect("of a thousand keys, one is in another part"))
}

#[tokio::test]
async fn each_key_has_one_part_which_gets_its_requests_in_order() {
    let (parts, tasks) = Parts::start(number(4), number(2), collect);
    for round in 0..50 {
        for key in ["a", "b", "c", "d", "e"] {
            parts.part_of(key).send((key, round)).await.unwrap();
        }
    }
    drop(parts);
    let all = tasks.join_all().await;
    for key in ["a", "b", "c", "d", "e"] {
        let with_it: Vec<Vec<i32>> = all
            .iter()
            .map(|part| {
                let of_key = part.iter().filter(|(it, _)| *it == key);
                of_key.map(|(_, round)| *round).collect()
            })
            .filter(|rounds: &Vec<i32>| !rounds.is_empty())
            .collect();
        assert_eq!(with_it, [(0..50).collect::<Vec<_>>()], "{key}");
    }
}

#[tokio::test]
async fn there_are_as_many_parts_as_asked_for_and_many_keys_reach_all() {
    for count in [1, 2, 7] {
        let (parts, tasks) = Parts::start(number(count), number(200), collect);
        for key in 0..200 {
            parts.part_of(&key).send(key).await.unwrap();
        }
        drop(parts);
        let all = tasks.join_all().await;
        assert_eq!(all.len(), count);
        assert!(all.iter().all(|part| !part.is_empty()), "{count}");
        assert_eq!(all.iter().map(Vec::len).sum::<usize>(), 200);
    }
}

#[test]
fn two_parts_run_at_once_on_two_threads() {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.unwrap();
    // A worker that sleeps may overlook a task while the other one is blocked.
    let _nudge = Nudge::start(runtime.handle().clone(), Duration::from_millis(1));
    let meets = backend::on_a_thread(move || {
        runtime.block_on(async {
            let both = Arc::new(Barrier::new(2));
            let (met, mut all) = mpsc::unbounded_channel();
            let (parts, _tasks) = Parts::start(number(8), number(1), {
                move |mut requests: mpsc::Receiver<()>| {
                    let (both, met) = (both.clone(), met.clone());
                    async move {
                        while requests.recv().await.is_some() {
                            both.wait(); // needs another thread that comes here
                            met.send(()).unwrap();
                        }
                    }
                }
            });
            let (one, other) = apart(&parts);
            parts.part_of(&one).send(()).await.unwrap();
            parts.part_of(&other).send(()).await.unwrap();
            (all.recv().await, all.recv().await)
        })
    });
    assert_eq!(meets, (Some(()), Some(())));
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_full_holds_up_its_own_keys_and_no_others() {
    let go_on = Arc::new(Notify::new());
    let (parts, _tasks) = Parts::start(number(8), number(1), |mut requests| {
        let go_on = go_on.clone();
        async move {
            while let Some((waits, answer)) = requests.recv().await {
                let answer: oneshot::Sender<()> = answer;
                if waits {
                    go_on.notified().await;
                }
                let _ = answer.send(());
            }
        }
    });
    let (one, other) = apart(&parts);
    let ask = |key, waits| {
        let (answer, answered) = oneshot::channel();
        let queue = parts.part_of(&key).clone();
        let sent = async move { queue.send((waits, answer)).await };
        (sent, answered)
    };
    let (sent, first) = ask(one, true);
    sent.await.unwrap();
    tokio::task::yield_now().await; // it is at work
    let (sent, second) = ask(one, false);
    sent.await.unwrap(); // and the one place of its queue is taken
    let (sent, third) = ask(one, false);
    assert!(timeout(HOUR, sent).await.is_err(), "the third waits for a place");
    assert!(third.await.is_err(), "and was dropped: it was not sent");
    let (sent, answered) = ask(other, false);
    sent.await.unwrap();
    answered.await.unwrap();
    go_on.notify_one();
    first.await.unwrap();
    second.await.unwrap();
}

#[tokio::test]
async fn when_the_parts_are_dropped_each_task_works_off_its_queue_and_ends() {
    let (parts, tasks) = Parts::start(number(3), number(10), collect);
    for key in 0..9 {
        parts.part_of(&key).send(key).await.unwrap();
    }
    drop(parts);
    let mut all = soon(tasks.join_all()).await.concat();
    all.sort_unstable();
    assert_eq!(all, (0..9).collect::<Vec<_>>());
}

#[tokio::test]
async fn if_the_set_is_dropped_the_tasks_are_aborted_and_a_request_comes_back() {
    let (parts, tasks) = Parts::start(number(2), number(1), collect);
    drop(tasks);
    parts.part_of("key").closed().await;
    assert_eq!(parts.part_of("key").send(7).await.unwrap_err().0, 7);
}

#[tokio::test]
async fn more_places_than_a_channel_can_have_are_as_many_as_it_can() {
    let (parts, _tasks) = Parts::start(number(1), NonZeroUsize::MAX, collect::<u8>);
    assert_eq!(parts.part_of("key").max_capacity(), Semaphore::MAX_PERMITS);
}

#[tokio::test]
async fn the_parts_can_be_shared_by_tasks() {
    let (parts, tasks) = Parts::start(number(2), number(4), collect);
    let parts = Arc::new(parts);
    let clients = (0..8).map(|key| {
        let parts = parts.clone();
        tokio::spawn(async move { parts.part_of(&key).send(key).await.unwrap() })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    drop(parts);
    assert_eq!(tasks.join_all().await.concat().len(), 8);
}

#[tokio::test]
async fn naive_parts_in_turn_count_one_key_in_several_places() {
    let (parts, tasks) = Parts::start(number(3), number(9), collect);
    let mut turn = 0;
    for _visit in 0..9 {
        naive::any_part(&parts.queues, &mut turn).send("/").await.unwrap();
    }
    drop(parts);
    let counts: Vec<_> = tasks.join_all().await.iter().map(Vec::len).collect();
    assert_eq!(counts, [3, 3, 3], "no part knows that the page has nine visits");
}

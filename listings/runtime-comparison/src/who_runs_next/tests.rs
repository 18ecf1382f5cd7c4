use std::sync::atomic::AtomicU32;

use backend::{Alive, in_a_task, soon};
use futures::FutureExt;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{advance, sleep};

use super::*;
use crate::a_worker_that_blocks::until_all_sleep;

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

fn workers(n: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(n).enable_time().build().unwrap()
}

/// A step for each letter.
fn steps(turns: &Turns, names: &'static str) -> impl Iterator<Item = Step> + use<> {
    let turns = turns.clone();
    names.chars().map(move |name| {
        let turns = turns.clone();
        async move { turns.note(name) }.boxed()
    })
}

type Step = futures::future::BoxFuture<'static, ()>;

/// Who had a turn, if each letter is a task.
async fn a_task_each(names: &'static str) -> String {
    let turns = Turns::default();
    naive::a_task_each(steps(&turns, names)).await;
    turns.text()
}

#[test]
fn one_thread_runs_tasks_in_the_order_in_which_they_were_spawned() {
    assert_eq!(in_a_task(&one_thread(), a_task_each("abcd")), "abcd");
}

#[test]
fn a_worker_runs_first_the_task_that_was_spawned_last() {
    assert_eq!(in_a_task(&workers(1), a_task_each("abcd")), "dabc");
}

#[test]
fn steps_that_are_one_task_run_in_their_order_on_any_runtime() {
    for runtime in [one_thread(), workers(1), workers(4)] {
        let order = in_a_task(&runtime, async {
            let turns = Turns::default();
            let slow = (0..).zip(steps(&turns, "abcdefgh")).map(|(at, step)| {
                let slow_step = async move {
                    for _ in at..8 {
                        yield_now().await; // the first one needs the longest
                    }
                    step.await;
                };
                slow_step.boxed()
            });
            let slow: Vec<Step> = slow.collect();
            one_task(slow).await;
            turns.text()
        });
        assert_eq!(order, "abcdefgh");
    }
}

#[test]
fn dropped_in_a_step_the_later_steps_have_not_begun() {
    let turns = Turns::default();
    let (first, rest) = (steps(&turns, "a"), steps(&turns, "b"));
    let alive = Alive::default();
    let guard = alive.guard();
    let stuck = async move {
        let _guard = guard;
        std::future::pending::<()>().await;
    };
    let stuck = std::iter::once(stuck.boxed());
    assert_eq!(one_task(first.chain(stuck).chain(rest)).now_or_never(), None);
    assert_eq!((turns.text().as_str(), alive.count()), ("a", 0));
}

#[test]
fn what_is_spawned_outside_of_the_workers_keeps_its_order_with_one_worker() {
    // The future of `block_on` runs on this thread, and not on the worker.
    assert_eq!(workers(1).block_on(soon(a_task_each("abcd"))), "abcd");
}

#[test]
fn a_task_that_awaits_each_handle_keeps_the_order() {
    let order = in_a_task(&workers(4), async {
        let turns = Turns::default();
        for step in steps(&turns, "abcd") {
            tokio::spawn(step).await.unwrap();
        }
        turns.text()
    });
    assert_eq!(order, "abcd");
}

#[test]
fn two_tasks_that_wake_each_other_go_first_three_times() {
    assert_eq!(in_a_task(&workers(1), ping_pong()), "ABACBABABAB");
}

#[test]
fn one_thread_has_no_slot_and_the_task_that_was_ready_first_runs_first() {
    assert_eq!(in_a_task(&one_thread(), ping_pong()), "CABABABABAB");
}

#[test]
fn a_task_from_another_thread_waits_for_30_turns_of_a_busy_one() {
    assert_eq!(in_a_task(&one_thread(), turns_before_an_outsider()), 30);
}

#[test]
fn on_one_thread_no_task_from_another_thread_waits_for_more_than_31_turns() {
    let waits = in_a_task(&one_thread(), async {
        let mut waits = Vec::new();
        for _ in 0..40 {
            waits.push(turns_before_an_outsider().await);
        }
        waits
    });
    assert!(waits.iter().all(|&turns| turns <= 31), "{waits:?}");
}

#[test]
fn of_several_tasks_from_another_thread_each_waits_for_30_turns_more() {
    let seen = in_a_task(&one_thread(), async {
        let (runtime, turns) = (Handle::current(), Arc::new(AtomicU32::new(0)));
        let ((sender, seen), counter) = (channel(), Arc::clone(&turns));
        thread::scope(|other_thread| {
            other_thread.spawn(move || {
                for _ in 0..3 {
                    let (turns, sender) = (Arc::clone(&counter), sender.clone());
                    runtime.spawn(
                        async move { sender.send(turns.load(Ordering::SeqCst)) },
                    );
                }
            });
        });
        poll_fn(|task| {
            if turns.fetch_add(1, Ordering::SeqCst) == 100 {
                return Poll::Ready(());
            }
            task.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        seen.try_iter().collect::<Vec<_>>()
    });
    assert_eq!(seen, [30, 60, 90]);
}

#[test]
fn with_a_global_queue_interval_of_5_it_waits_for_at_most_5_turns() {
    let mut thread = Builder::new_current_thread();
    let mut worker = Builder::new_multi_thread();
    for builder in [&mut thread, worker.worker_threads(1)] {
        let runtime = builder.enable_time().global_queue_interval(5).build().unwrap();
        for _ in 0..20 {
            let turns = in_a_task(&runtime, turns_before_an_outsider());
            assert!((1..=5).contains(&turns), "{turns}");
        }
    }
}

#[test]
fn a_worker_that_tunes_the_interval_waits_for_at_most_127_turns() {
    let runtime = workers(1);
    for _ in 0..100 {
        let turns = in_a_task(&runtime, turns_before_an_outsider());
        assert!(turns <= 127, "{turns}");
    }
}

/// How many turns two tasks that wake each other have before a task from another thread.
async fn turns_of_two_before_an_outsider() -> u32 {
    let (runtime, here) = (Handle::current(), Arc::new(AtomicBool::new(false)));
    let arrives = Arc::clone(&here);
    thread::scope(|other_thread| {
        other_thread.spawn(move || {
            runtime.spawn(async move { arrives.store(true, Ordering::SeqCst) });
        });
    });
    let (turns, mut players) = (Arc::new(AtomicU32::new(0)), JoinSet::new());
    let wakes = [Arc::new(Notify::new()), Arc::new(Notify::new())];
    for (mine, other) in [(0, 1), (1, 0)] {
        let (mine, other) = (Arc::clone(&wakes[mine]), Arc::clone(&wakes[other]));
        let (turns, here) = (Arc::clone(&turns), Arc::clone(&here));
        players.spawn(async move {
            while !here.load(Ordering::SeqCst) {
                turns.fetch_add(1, Ordering::SeqCst);
                other.notify_one();
                mine.notified().await;
            }
            other.notify_one();
        });
    }
    players.join_all().await;
    turns.load(Ordering::SeqCst)
}

#[test]
fn on_a_worker_turns_from_the_slot_are_not_counted() {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).enable_time().global_queue_interval(5);
    let runtime = builder.build().unwrap();
    let turns = (0..20).map(|_| in_a_task(&runtime, turns_of_two_before_an_outsider()));
    let longest = turns.max().unwrap();
    // In each of 5 turns, the worker polls one task of the queue and three from the slot.
    assert!(longest > 10, "{longest}");
}

#[test]
fn tasks_that_yield_run_in_the_reverse_order_each_second_time() {
    assert_eq!(in_a_task(&one_thread(), yields()), "abccbaabc");
}

#[test]
fn on_a_worker_the_slot_changes_the_order_of_tasks_that_yield() {
    let order = in_a_task(&workers(1), yields());
    assert_eq!(order, "cabcbacab");
}

/// Counts the turns of a task that is always ready.
fn always_ready() -> (Arc<AtomicU32>, impl Future<Output = ()>) {
    let turns = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&turns);
    let busy = poll_fn(move |task| {
        counter.fetch_add(1, Ordering::SeqCst);
        task.waker().wake_by_ref();
        Poll::Pending
    });
    (turns, busy)
}

#[test]
fn a_task_that_yields_waits_for_up_to_61_turns_of_one_that_is_always_ready() {
    for runtime in [one_thread(), workers(1)] {
        let waits = in_a_task(&runtime, async {
            let (turns, busy) = always_ready();
            let busy = tokio::spawn(busy);
            let mut waits = Vec::new();
            for _ in 0..10 {
                let before = turns.load(Ordering::SeqCst);
                yield_now().await;
                waits.push(turns.load(Ordering::SeqCst) - before);
            }
            busy.abort();
            waits
        });
        // The first begins anywhere between two looks. Then one turn of 61 is its own.
        assert!(waits[0] <= 61 && waits[1..].iter().all(|&n| n == 60), "{waits:?}");
    }
}

#[test]
fn on_one_thread_the_future_of_block_on_waits_for_61_turns() {
    let waits = one_thread().block_on(async {
        let (turns, busy) = always_ready();
        let _busy = tokio::spawn(busy);
        yield_now().await;
        let first = turns.load(Ordering::SeqCst);
        yield_now().await;
        [first, turns.load(Ordering::SeqCst) - first]
    });
    assert_eq!(waits, [61, 61]);
}

#[test]
fn a_timer_that_is_due_is_seen_after_61_turns() {
    let seen = in_a_task(&one_thread(), async {
        let (turns, busy) = always_ready();
        let timer = tokio::spawn(async move {
            sleep(Duration::from_millis(1)).await;
            turns.load(Ordering::SeqCst)
        });
        yield_now().await; // the timer is set
        let _moves_the_clock = advance(Duration::from_millis(5)).now_or_never();
        tokio::spawn(busy);
        timer.await.unwrap()
    });
    // Then it waits for one more turn: the busy task is in the queue before it.
    assert!((50..=62).contains(&seen), "{seen}");
}

#[test]
fn an_idle_worker_steals_half_of_a_queue_at_a_time_and_never_the_slot() {
    let runtime = workers(2);
    until_all_sleep(&runtime); // one that is just starting may overlook a task
    let order = runtime.block_on(soon(stolen(Duration::from_millis(400))));
    assert_eq!(order, "dabcfeg", "and h waits in the slot");
}

#[test]
fn a_full_queue_gives_its_newer_half_to_the_global_queue() {
    let mut builder = Builder::new_multi_thread();
    // So that the worker looks there only when its own queue is empty.
    builder.worker_threads(1).enable_time().global_queue_interval(1_000_000);
    let order = in_a_task(&builder.build().unwrap(), async {
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        for number in 0..300 {
            let sender = sender.clone();
            tokio::spawn(async move { sender.send(number) });
        }
        drop(sender);
        let mut order = Vec::new();
        while let Some(number) = receiver.recv().await {
            order.push(number);
        }
        order
    });
    // 0 to 255 were in the queue when 256 came; 299 is in the slot.
    let expected = [299].into_iter().chain(0..128).chain(257..299).chain(128..257);
    assert!(order.iter().copied().eq(expected), "{order:?}");
}

#[test]
fn whoever_drops_the_tasks_aborts_steps_that_have_not_begun() {
    in_a_task(&one_thread(), async {
        let turns = Turns::default();
        let late = steps(&turns, "ab").map(|step| async {
            sleep(Duration::from_secs(1)).await;
            step.await;
        });
        let task = naive::a_task_each(late);
        assert_eq!(within_a_ms(task).await, None);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(turns.text(), "");
    });
}

/// Polls `future` for some turns, and drops it.
async fn within_a_ms<F: Future>(future: F) -> Option<F::Output> {
    tokio::time::timeout(Duration::from_millis(1), future).await.ok()
}

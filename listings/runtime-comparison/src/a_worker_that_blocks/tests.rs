use std::future::Future;

use backend::{MINUTE, in_a_task, soon};
use tokio::runtime::Builder;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::{block_in_place, yield_now};

use super::*;

/// For what must not come: nothing is measured, and a longer wait only proves more.
const A_WHILE: Duration = Duration::from_millis(150);

/// All workers sleep: one that is just starting may overlook a task.
fn workers(n: usize) -> Runtime {
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(n).enable_all().build().unwrap();
    until_all_sleep(&runtime);
    runtime
}

/// A task that waits for lines, and says on a channel of `std` when it has one.
async fn log() -> (UnboundedSender<String>, Receiver<String>) {
    let (log, mut lines) = unbounded_channel();
    let (writes, written) = channel();
    tokio::spawn(async move {
        while let Some(line) = lines.recv().await {
            let _test_has_ended = writes.send(line);
        }
    });
    yield_now().await; // it waits now
    (log, written)
}

/// Spawns one task, and blocks its worker with `block`, which gets a function that waits
/// for the answer of the task, for `longest` at most.
fn spawned_answers(
    workers_: usize,
    longest: Duration,
    block: impl FnOnce(&dyn Fn() -> bool) -> bool + Send + 'static,
) -> bool {
    in_a_task(&workers(workers_), async move {
        let (answer, answers) = channel();
        tokio::spawn(async move { answer.send(()) });
        block(&|| answers.recv_timeout(longest).is_ok())
    })
}

#[test]
fn a_task_that_was_woken_waits_while_its_waker_blocks_however_many_workers_are_idle() {
    for n in [1, 2, 4, 16] {
        let written = in_a_task(&workers(n), async {
            let (log, written) = log().await;
            naive::handler(&log, "order 7".to_owned(), move || {
                written.recv_timeout(A_WHILE)
            })
        });
        assert_eq!(written, Err(RecvTimeoutError::Timeout), "{n} workers");
    }
}

#[test]
fn with_spawn_blocking_the_woken_task_runs_while_the_handler_waits() {
    for n in [1, 2, 4] {
        let written = in_a_task(&workers(n), async {
            let (log, written) = log().await;
            let compute = move || written.recv_timeout(MINUTE);
            handler(&log, "order 7".to_owned(), compute).await.unwrap()
        });
        assert_eq!(written, Ok("order 7".to_owned()), "{n} workers");
    }
}

#[test]
fn a_handler_that_is_dropped_has_sent_its_line_and_its_closure_runs_on() {
    let runtime = workers(1);
    let written = in_a_task(&runtime, async {
        let (log, written) = log().await;
        let (begins, begun) = tokio::sync::oneshot::channel();
        let (open, gate) = channel::<()>();
        let (ends, ended) = tokio::sync::oneshot::channel();
        let compute = move || {
            begins.send(()).unwrap_or_default();
            let _closed = gate.recv_timeout(MINUTE);
            ends.send(()).unwrap_or_default();
        };
        tokio::select! {
            biased;
            _ = handler(&log, "order 7".to_owned(), compute) => panic!("it waits"),
            begun = begun => begun.unwrap(),
        }
        drop(open);
        soon(ended).await.unwrap();
        written
    });
    // Not in the task, which may have had no reason to wait: then the log had no turn.
    assert_eq!(written.recv_timeout(MINUTE), Ok("order 7".to_owned()));
}

#[test]
fn a_handler_gives_the_panic_of_its_closure() {
    let error = in_a_task(&workers(1), async {
        let (log, _written) = log().await;
        handler(&log, String::new(), || panic!("boom")).await.unwrap_err()
    });
    assert!(error.is_panic());
}

#[test]
fn a_spawned_task_waits_while_its_spawner_blocks() {
    for n in [2, 4, 16] {
        assert!(!spawned_answers(n, A_WHILE, |wait| wait()), "{n} workers");
    }
}

#[test]
fn a_second_task_pushes_the_first_one_out_of_the_slot_and_another_worker_runs_it() {
    for n in [2, 4, 16] {
        let answered = spawned_answers(n, MINUTE, |wait| {
            tokio::spawn(async {});
            wait()
        });
        assert!(answered, "{n} workers");
    }
}

#[test]
fn of_several_tasks_the_last_one_waits() {
    let answered = in_a_task(&workers(4), async {
        tokio::spawn(async {});
        let (answer, answers) = channel();
        tokio::spawn(async move { answer.send(()) });
        answers.recv_timeout(A_WHILE).is_ok()
    });
    assert!(!answered);
}

#[test]
fn with_one_worker_a_second_task_helps_nobody() {
    let answered = spawned_answers(1, A_WHILE, |wait| {
        tokio::spawn(async {});
        wait()
    });
    assert!(!answered);
}

#[test]
fn block_in_place_hands_the_slot_to_another_thread() {
    for n in [1, 2, 4] {
        assert!(spawned_answers(n, MINUTE, |wait| block_in_place(wait)), "{n} workers");
    }
}

#[test]
fn a_task_that_yields_before_it_blocks_lets_the_slot_run_first() {
    for n in [1, 4] {
        let answered = in_a_task(&workers(n), async {
            let (answer, answers) = channel();
            tokio::spawn(async move { answer.send(()) });
            yield_now().await;
            answers.recv_timeout(MINUTE).is_ok()
        });
        assert!(answered, "{n} workers");
    }
}

#[test]
fn a_task_from_outside_does_not_bring_the_slot_back() {
    let answered = spawned_answers(4, A_WHILE, |wait| {
        let runtime = Handle::current();
        spawn_from_outside(&runtime);
        wait()
    });
    assert!(!answered);
}

/// From a thread that is no worker, and has ended when this returns.
fn spawn_from_outside(runtime: &Handle) {
    thread::scope(|outside| {
        outside.spawn(|| runtime.spawn(async {}));
    });
}

/// Whether a timer fires while a task blocks its worker.
fn fires(
    n: usize,
    longest: Duration,
    block: impl FnOnce(&dyn Fn() -> bool) -> bool + Send + 'static,
) -> bool {
    timer_fires(&workers(n), longest, block).unwrap()
}

/// Whether timers stand still, in one of some tries: on a busy machine, a worker that is
/// about to fall asleep may save them.
fn stand_still(
    n: usize,
    block: impl FnOnce(&dyn Fn() -> bool) -> bool + Copy + Send + 'static,
) -> bool {
    (0..5).any(|_| !fires(n, A_WHILE, block))
}

#[test]
fn while_a_task_that_a_socket_has_woken_blocks_its_worker_no_timer_fires() {
    for n in [2, 4, 16] {
        assert!(stand_still(n, |wait| wait()), "{n} workers");
    }
}

/// Like `timer_fires`, but what wakes the task is a timer, too; and `block` gives a future.
fn fires_beside_a_task_that_a_timer_has_woken<F>(
    n: usize,
    block: impl FnOnce(Receiver<()>) -> F + Send + 'static,
) -> bool
where
    F: Future<Output = bool> + Send + 'static,
{
    let runtime = workers(n);
    let (rings, alarm) = channel();
    let (begins, begun) = channel();
    let task = runtime.spawn(async move {
        sleep(Duration::from_millis(100)).await;
        begins.send(()).unwrap();
        block(alarm).await
    });
    until_all_sleep(&runtime);
    begun.recv_timeout(MINUTE).unwrap();
    runtime.block_on(async { sleep(Duration::from_millis(1)).await });
    let _nobody_waits = rings.send(());
    runtime.block_on(soon(task)).unwrap()
}

#[test]
fn a_task_that_a_timer_has_woken_stops_the_other_timers_too() {
    for n in [2, 4] {
        let still = (0..5).any(|_| {
            !fires_beside_a_task_that_a_timer_has_woken(n, |alarm| async move {
                alarm.recv_timeout(A_WHILE).is_ok()
            })
        });
        assert!(still, "{n} workers");
    }
}

#[test]
fn a_task_that_yields_before_it_blocks_wakes_a_worker_and_the_timer_fires() {
    for n in [2, 4] {
        let fired = fires_beside_a_task_that_a_timer_has_woken(n, |alarm| async move {
            yield_now().await;
            alarm.recv_timeout(MINUTE).is_ok()
        });
        assert!(fired, "{n} workers");
    }
}

#[test]
fn with_spawn_blocking_the_timer_fires() {
    for n in [1, 2, 4] {
        let fired = fires_beside_a_task_that_a_timer_has_woken(n, |alarm| async move {
            let closure = spawn_blocking(move || alarm.recv_timeout(MINUTE).is_ok());
            closure.await.unwrap()
        });
        assert!(fired, "{n} workers");
    }
}

#[test]
fn one_task_that_it_spawned_before_wakes_no_worker_and_no_timer_fires() {
    let still = stand_still(4, |wait| {
        tokio::spawn(async {});
        wait()
    });
    assert!(still);
}

#[test]
fn two_tasks_that_it_spawned_before_wake_a_worker_and_the_timer_fires() {
    for n in [2, 4, 16] {
        let fired = fires(n, MINUTE, |wait| {
            tokio::spawn(async {});
            tokio::spawn(async {});
            wait()
        });
        assert!(fired, "{n} workers");
    }
}

#[test]
fn a_task_from_outside_wakes_a_worker_and_the_timer_fires() {
    for n in [2, 4, 16] {
        let fired = fires(n, MINUTE, |wait| {
            spawn_from_outside(&Handle::current());
            wait()
        });
        assert!(fired, "{n} workers");
    }
}

#[test]
fn with_block_in_place_the_timer_fires() {
    for n in [1, 2, 4] {
        assert!(fires(n, MINUTE, |wait| block_in_place(wait)), "{n} workers");
    }
}

#[test]
fn a_nudge_from_outside_lets_timers_fire_beside_a_blocked_worker() {
    for n in [2, 4] {
        let runtime = workers(n);
        let every = Duration::from_millis(20);
        let (nudge, nudges) = channel();
        let handle = runtime.handle().clone();
        let fired = timer_fires(&runtime, MINUTE, move |wait| {
            // From here on: before, the workers are to sleep.
            let _kept = nudge.send(Nudge::start(handle, every));
            wait()
        });
        assert!(fired.unwrap(), "{n} workers");
        drop(nudges);
    }
}

#[test]
fn a_nudge_that_is_dropped_ends_its_thread() {
    let runtime = workers(1);
    let (stop, stopped) = channel::<()>();
    let (ends, ended) = channel();
    let handle = runtime.handle().clone();
    thread::spawn(move || {
        nudge(&handle, Duration::from_hours(1), &stopped);
        ends.send(()).unwrap();
    });
    drop(stop);
    ended.recv_timeout(MINUTE).unwrap(); // and not after an hour
}

#[test]
fn the_wait_for_the_timer_is_no_longer_than_it_may_be() {
    assert!(!fires(2, Duration::ZERO, |wait| block_in_place(wait)));
}

#[test]
fn the_timers_of_a_second_runtime_fire_while_all_workers_of_the_first_are_blocked() {
    let second = workers(1);
    let fired = fires(1, A_WHILE, move |_| {
        let (rings, alarm) = channel();
        second.spawn(async move {
            sleep(Duration::from_millis(1)).await;
            rings.send(())
        });
        let fired = alarm.recv_timeout(MINUTE).is_ok();
        second.shutdown_background(); // a plain drop panics in a task
        fired
    });
    assert!(fired);
}

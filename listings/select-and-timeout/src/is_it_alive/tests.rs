use std::sync::mpsc::{Receiver, RecvTimeoutError};

use backend::{MINUTE, ends, soon};
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use super::*;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const HOUR: Duration = Duration::from_hours(1);
fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn workers(n: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(n).enable_all().build().unwrap()
}

/// A thread that looks, and a channel that hears when it has found nothing.
fn watched(heart: &Heartbeat) -> (Watchdog, Receiver<()>) {
    let (says, found) = channel();
    let dog = Watchdog::start(heart.observer(), ms(50), move || {
        let _test_has_ended = says.send(());
    });
    (dog, found)
}

#[tokio::test(start_paused = true)]
async fn while_the_runtime_runs_each_look_sees_a_beat() {
    let heart = Heartbeat::start(ms(100));
    let mut observer = heart.observer();
    for _ in 0..10 {
        sleep(ms(101)).await;
        assert!(observer.beats());
    }
    assert!(!observer.beats(), "none since the last look");
}

#[tokio::test(start_paused = true)]
async fn it_begins_with_a_beat_and_beats_at_its_times() {
    let heart = Heartbeat::start(ms(100));
    let beats = || heart.beats.load(Ordering::Relaxed);
    yield_now().await;
    assert_eq!(beats(), 1);
    sleep(ms(1_001)).await;
    assert_eq!(beats(), 11);
}

#[tokio::test(start_paused = true)]
async fn a_heart_that_is_dropped_beats_no_more() {
    let heart = Heartbeat::start(ms(100));
    let mut observer = heart.observer();
    sleep(ms(1)).await;
    assert!(observer.beats());
    drop(heart);
    sleep(HOUR).await;
    assert!(!observer.beats());
}

/// A heart that has begun to beat, each millisecond of the real clock.
async fn beating() -> Heartbeat {
    let heart = Heartbeat::start(ms(1));
    soon(async {
        while !heart.observer().beats() {
            yield_now().await;
        }
    })
    .await;
    heart
}

#[test]
fn a_thread_outside_sees_that_a_runtime_with_one_thread_is_blocked() {
    one_thread().block_on(async {
        let heart = beating().await;
        let (_dog, found) = watched(&heart);
        // This blocks the only thread of the runtime, until the other thread has spoken.
        found.recv_timeout(MINUTE).unwrap();
    });
}

#[test]
fn a_thread_outside_sees_that_all_workers_are_blocked() {
    let runtime = workers(2);
    let heart = {
        let _inside = runtime.enter();
        Heartbeat::start(ms(1))
    };
    let (open, gate) = channel::<()>();
    let gate = Arc::new(std::sync::Mutex::new(gate));
    let (begins, begun) = channel();
    for _ in 0..2 {
        let (gate, begins) = (Arc::clone(&gate), begins.clone());
        runtime.spawn(async move {
            begins.send(()).unwrap();
            let _closed = gate.lock().unwrap().recv();
        });
    }
    for _ in 0..2 {
        begun.recv_timeout(MINUTE).unwrap();
    }
    let (_dog, found) = watched(&heart);
    found.recv_timeout(MINUTE).unwrap();
    drop(open);
}

#[test]
fn one_worker_of_two_that_is_blocked_stops_no_beat() {
    let runtime = workers(2);
    let (open, gate) = channel::<()>();
    let (begins, begun) = channel();
    runtime.spawn(async move {
        begins.send(()).unwrap();
        let _closed = gate.recv();
    });
    begun.recv_timeout(MINUTE).unwrap();
    // The other worker runs, and this thread only waits.
    let beaten = runtime.spawn(async {
        let heart = Heartbeat::start(ms(1));
        let mut observer = heart.observer();
        let mut seen = 0;
        while seen < 10 {
            seen += usize::from(observer.beats());
            yield_now().await;
        }
        seen
    });
    assert_eq!(runtime.block_on(soon(beaten)).unwrap(), 10);
    drop(open);
}

#[test]
fn a_watchdog_that_is_dropped_ends_its_thread_and_says_nothing() {
    one_thread().block_on(async {
        let heart = Heartbeat::start(ms(1));
        let (says, found) = channel::<()>();
        let dog =
            Watchdog::start(heart.observer(), HOUR, move || says.send(()).unwrap());
        drop(dog);
        // The thread has dropped `says`, and did not use it.
        assert_eq!(found.recv_timeout(MINUTE), Err(RecvTimeoutError::Disconnected));
    });
}

#[test]
fn a_task_that_looks_hears_of_nothing_while_its_runtime_is_blocked() {
    one_thread().block_on(async {
        let heart = beating().await;
        let task = tokio::spawn(naive::watch(heart.observer(), ms(1)));
        let (_dog, found) = watched(&heart);
        found.recv_timeout(MINUTE).unwrap(); // blocked for 50 looks of the task
        assert!(!task.is_finished());
    });
}

#[tokio::test(start_paused = true)]
async fn a_task_that_looks_sees_only_that_the_heart_was_dropped() {
    let (heart, start) = (Heartbeat::start(ms(100)), Instant::now());
    let task = tokio::spawn(naive::watch(heart.observer(), ms(150)));
    sleep(ms(310)).await;
    assert!(!task.is_finished());
    drop(heart);
    ends(task).await.unwrap();
    assert_eq!(start.elapsed(), ms(600));
}

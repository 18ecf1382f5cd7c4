use std::collections::HashSet;
use std::net::TcpStream;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::thread::ThreadId;

use backend::panics::{words, words_of};
use backend::{Alive, MINUTE, soon};
use futures::future::join_all;
use futures::poll;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::Barrier;
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::{advance, sleep};

use super::*;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn paused() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime")
}

async fn here() -> ThreadId {
    yield_now().await;
    thread::current().id()
}

/// Counts its polls.
async fn counting(count: Arc<AtomicUsize>) {
    loop {
        count.fetch_add(1, Ordering::SeqCst);
        yield_now().await;
    }
}

#[test]
fn in_a_minute_without_a_call_the_naive_client_sends_no_ping() {
    let runtime = paused();
    let handle = runtime.handle().clone();
    let pings = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&pings);
    let client = naive::Client::start(runtime, move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    assert_eq!(pings.load(Ordering::SeqCst), 0, "the task has not even begun");
    client.ask(async { sleep(Duration::from_secs(25)).await });
    assert_eq!(pings.load(Ordering::SeqCst), 3, "at 0, 10 and 20 s, in the call");
    handle.block_on(advance(Duration::from_mins(1)));
    assert_eq!(pings.load(Ordering::SeqCst), 3, "none for a minute");
    client.ask(async { sleep(Duration::from_millis(1)).await });
    assert_eq!(pings.load(Ordering::SeqCst), 9, "the six that were missed, at once");
}

#[test]
fn all_tasks_run_on_the_thread_that_calls_block_on() {
    let runtime = runtime();
    let mut tasks: Vec<_> = (0..10).map(|_| runtime.spawn(here())).collect();
    let threads: HashSet<_> = runtime.block_on(async {
        tasks.extend((0..10).map(|_| tokio::spawn(here())));
        join_all(tasks).await.into_iter().map(|id| id.expect("no panic")).collect()
    });
    assert_eq!(threads, HashSet::from([thread::current().id()]));
}

#[test]
fn tasks_run_only_in_block_on() {
    let runtime = runtime();
    let count = Arc::new(AtomicUsize::new(0));
    runtime.spawn(counting(Arc::clone(&count)));
    thread::yield_now();
    assert_eq!(count.load(Ordering::SeqCst), 0);
    runtime.block_on(yield_now());
    let at_return = count.load(Ordering::SeqCst);
    assert!(at_return > 0);
    thread::yield_now();
    assert_eq!(count.load(Ordering::SeqCst), at_return, "it stands where it was");
    runtime.block_on(yield_now());
    assert!(count.load(Ordering::SeqCst) > at_return, "and goes on");
}

#[test]
fn a_block_on_that_is_ready_at_once_runs_no_task() {
    let runtime = runtime();
    let count = Arc::new(AtomicUsize::new(0));
    runtime.spawn(counting(Arc::clone(&count)));
    runtime.block_on(async {});
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

/// The order in which three pieces of a report, an answer and the future of `block_on` run.
fn order(yields: bool) -> Vec<&'static str> {
    let runtime = runtime();
    let log = Arc::new(Mutex::new(Vec::new()));
    let note = |log: &Mutex<Vec<_>>, what| log.lock().expect("no panic").push(what);
    runtime.block_on(async {
        let report_log = Arc::clone(&log);
        let report = tokio::spawn(async move {
            for piece in ["piece 1", "piece 2", "piece 3"] {
                note(&report_log, piece);
                if yields {
                    yield_now().await;
                }
            }
        });
        let answer_log = Arc::clone(&log);
        tokio::spawn(async move { note(&answer_log, "answer") });
        note(&log, "main");
        yield_now().await;
        note(&log, "main again");
        report.await.expect("no panic");
    });
    log.lock().expect("no panic").clone()
}

#[test]
fn a_task_without_an_await_keeps_all_others_waiting_and_the_future_of_block_on_too() {
    let log = ["main", "piece 1", "piece 2", "piece 3", "answer", "main again"];
    assert_eq!(order(false), log);
}

#[test]
fn with_an_await_between_its_pieces_a_task_lets_the_others_run() {
    let log = ["main", "piece 1", "answer", "main again", "piece 2", "piece 3"];
    assert_eq!(order(true), log);
}

#[test]
fn a_timer_that_is_due_waits_for_a_task_without_an_await() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let note = |log: &Mutex<Vec<_>>, what| log.lock().expect("no panic").push(what);
    runtime().block_on(async {
        let due = std::time::Instant::now() + Duration::from_millis(1);
        let timer_log = Arc::clone(&log);
        let timer = tokio::spawn(async move {
            sleep(Duration::from_millis(1)).await;
            note(&timer_log, "timer");
        });
        let report_log = Arc::clone(&log);
        let report = tokio::spawn(async move {
            while std::time::Instant::now() < due + Duration::from_millis(1) {
                std::hint::spin_loop(); // computes, until the timer is due
            }
            note(&report_log, "report");
        });
        report.await.expect("no panic");
        soon(timer).await.expect("no panic");
    });
    assert_eq!(*log.lock().expect("no panic"), ["report", "timer"]);
}

#[test]
fn a_task_goes_on_on_whichever_thread_calls_block_on() {
    let runtime = runtime();
    let (says, hears) = mpsc::channel();
    runtime.spawn(async move {
        while says.send(thread::current().id()).is_ok() {
            yield_now().await;
        }
    });
    runtime.block_on(yield_now());
    let main = thread::current().id();
    assert!(hears.try_iter().all(|id| id == main));
    let other = thread::scope(|scope| {
        let drives = scope.spawn(|| {
            runtime.block_on(yield_now());
            thread::current().id()
        });
        drives.join().expect("no panic")
    });
    assert_ne!(other, main);
    assert_eq!(hears.try_iter().collect::<HashSet<_>>(), HashSet::from([other]));
}

#[test]
fn handle_block_on_runs_no_task() {
    let runtime = runtime();
    let count = Arc::new(AtomicUsize::new(0));
    let task = runtime.spawn(counting(Arc::clone(&count)));
    let wait = async {
        for _ in 0..1_000 {
            yield_now().await;
        }
        task.is_finished()
    };
    assert!(!runtime.handle().block_on(wait));
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[test]
fn handle_block_on_fires_no_timer() {
    let runtime = paused();
    let wait = async {
        let mut timer = pin!(sleep(Duration::from_millis(10)));
        assert_eq!(poll!(&mut timer), Poll::Pending);
        advance(Duration::from_secs(1)).await;
        for _ in 0..1_000 {
            yield_now().await;
        }
        poll!(&mut timer)
    };
    assert_eq!(runtime.handle().block_on(wait), Poll::Pending);
}

#[test]
fn a_wait_by_handle_ends_when_another_thread_enters_block_on() {
    let runtime = runtime();
    let handle = runtime.handle().clone();
    let (says, waits) = mpsc::channel();
    let (done, ended) = oneshot::channel();
    thread::spawn(move || {
        let wait = async {
            let mut timer = pin!(sleep(Duration::from_millis(1)));
            assert_eq!(poll!(&mut timer), Poll::Pending);
            says.send(()).expect("the test hears it");
            timer.await;
        };
        handle.block_on(wait);
        done.send(())
    });
    waits.recv_timeout(MINUTE).expect("it waits");
    runtime.block_on(soon(ended)).expect("the wait ends");
}

#[test]
fn handle_block_on_notices_no_socket() {
    let runtime = runtime();
    let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)));
    let listener = listener.expect("a port");
    let _client = TcpStream::connect(listener.local_addr().expect("an address"));
    let wait = async {
        let mut accept = pin!(listener.accept());
        for _ in 0..1_000 {
            assert!(poll!(&mut accept).is_pending());
            yield_now().await;
        }
    };
    runtime.handle().block_on(wait);
    runtime.block_on(soon(listener.accept())).expect("the client was there");
}

#[test]
fn while_another_thread_is_in_block_on_handle_block_on_gets_timers_and_sockets() {
    let runtime = OneThread::start().expect("a thread");
    let (done, ended) = mpsc::channel();
    let handle = runtime.handle().clone();
    thread::spawn(move || {
        handle.block_on(async {
            sleep(Duration::from_millis(1)).await;
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
            let address = listener.local_addr().expect("an address");
            let _client = TcpStream::connect(address).expect("it listens");
            listener.accept().await.expect("a client");
        });
        done.send(())
    });
    ended.recv_timeout(MINUTE).expect("it ends");
}

#[test]
fn an_aborted_task_is_dropped_only_when_the_runtime_runs_again() {
    let runtime = runtime();
    let alive = Alive::default();
    let guard = alive.guard();
    let task = runtime.spawn(async move {
        sleep(MINUTE).await;
        drop(guard);
    });
    runtime.block_on(yield_now());
    task.abort();
    assert_eq!((alive.count(), task.is_finished()), (1, false));
    runtime.block_on(async {});
    assert_eq!(alive.count(), 1, "no task had a turn");
    runtime.block_on(yield_now());
    assert_eq!((alive.count(), task.is_finished()), (0, true));
}

#[test]
fn blocking_work_has_a_thread_of_its_own() {
    let work =
        runtime().block_on(async { spawn_blocking(|| thread::current().id()).await });
    assert_ne!(work.expect("no panic"), thread::current().id());
}

#[test]
fn its_tasks_run_while_its_owner_is_in_no_call() {
    let runtime = OneThread::start().expect("a thread");
    let (pinged, pings) = mpsc::channel();
    runtime.handle().spawn(ping_every(Duration::from_millis(1), move || {
        let _ = pinged.send(thread::current().id());
    }));
    for _ in 0..3 {
        let thread = pings.recv_timeout(MINUTE).expect("a ping");
        assert_ne!(thread, thread::current().id());
    }
}

#[test]
fn all_calls_run_on_its_one_thread() {
    let runtime = OneThread::start().expect("a thread");
    let threads: HashSet<_> =
        (0..10).map(|_| runtime.call(here()).expect("no panic")).collect();
    assert_eq!(threads.len(), 1);
    assert!(!threads.contains(&thread::current().id()));
}

#[test]
fn calls_of_two_threads_wait_at_the_same_time() {
    let runtime = OneThread::start().expect("a thread");
    let both = Arc::new(Barrier::new(2));
    let (ends, ended) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..2 {
            let (both, ends, runtime) = (Arc::clone(&both), ends.clone(), &runtime);
            scope.spawn(move || {
                let call = async move { soon(both.wait()).await.is_leader() };
                ends.send(runtime.call(call).is_ok())
            });
        }
    });
    assert_eq!(ended.try_iter().collect::<Vec<_>>(), [true, true], "they have met");
}

#[test]
fn a_call_that_panics_is_an_error_and_the_next_one_works() {
    let runtime = OneThread::start().expect("a thread");
    let error = runtime.call(async { panic!("no price") }).expect_err("it panics");
    assert_eq!(words(&*error.into_panic()), "no price");
    assert_eq!(runtime.call(async { 42 }).expect("no panic"), 42);
}

#[test]
fn a_call_from_async_code_panics() {
    let one_thread = OneThread::start().expect("a thread");
    let call = || runtime().block_on(async { one_thread.call(async { 42 }) });
    assert!(
        words_of(call).starts_with("Cannot start a runtime from within a runtime.")
    );
}

#[test]
fn dropped_it_drops_its_tasks_where_they_wait_and_ends_its_thread() {
    let (alive, local) = (Alive::default(), Alive::default());
    let runtime = OneThread::start().expect("a thread");
    let (guard, of_thread) = (alive.guard(), local.guard());
    thread_local! {
        static OF_THREAD: std::cell::RefCell<Option<backend::alive::Guard>> = const { std::cell::RefCell::new(None) };
    }
    let waits = runtime.handle().spawn(async move {
        OF_THREAD.set(Some(of_thread));
        sleep(MINUTE).await;
        drop(guard);
    });
    runtime.call(yield_now()).expect("no panic");
    assert_eq!((alive.count(), local.count()), (1, 1));
    drop(runtime);
    assert_eq!((alive.count(), local.count()), (0, 0), "both are gone when it returns");
    assert!(waits.is_finished());
}

#[test]
fn dropped_it_waits_for_a_task_that_computes() {
    let runtime = OneThread::start().expect("a thread");
    let flag = || Arc::new(AtomicBool::new(false));
    let (computed, went_on) = (flag(), flag());
    let (sets_computed, sets_went_on) = (Arc::clone(&computed), Arc::clone(&went_on));
    let (begins, begun) = mpsc::channel();
    runtime.handle().spawn(async move {
        begins.send(()).expect("the test hears it");
        for _ in 0..10_000 {
            thread::yield_now(); // computes
        }
        sets_computed.store(true, Ordering::SeqCst);
        sleep(MINUTE).await;
        sets_went_on.store(true, Ordering::SeqCst);
    });
    begun.recv_timeout(MINUTE).expect("it begins");
    drop(runtime);
    let seen = [computed, went_on].map(|flag| flag.load(Ordering::SeqCst));
    assert_eq!(seen, [true, false], "to the `await` where it waits, and no further");
}

#[test]
fn dropped_by_its_own_task_it_does_not_wait_for_itself() {
    let runtime = OneThread::start().expect("a thread");
    let handle = runtime.handle().clone();
    let (says, ended) = mpsc::channel();
    handle.spawn(async move {
        drop(runtime);
        says.send(())
    });
    ended.recv_timeout(MINUTE).expect("it goes on");
}

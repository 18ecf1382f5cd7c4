use std::collections::HashSet;
use std::future::{pending, ready};
use std::sync::{Arc, Barrier, mpsc};
use std::thread::{self, ThreadId};
use std::time::Duration;

use backend::panics::words_of;
use backend::{Alive, MINUTE, on_a_thread, soon};
use futures::future::join_all;
use tokio::runtime::{
    Builder, Handle, LocalRuntime, Runtime, RuntimeFlavor, worker_index,
};
use tokio::sync::oneshot;
use tokio::task::{block_in_place, spawn_blocking, yield_now};

use super::*;
use crate::a_worker_that_blocks::Nudge;

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// The nudge, because a worker that sleeps may overlook a task while the other one is blocked.
fn two_threads() -> (Runtime, Nudge) {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let nudge = Nudge::start(runtime.handle().clone(), Duration::from_millis(1));
    (runtime, nudge)
}

/// Two customers and one seat. Who has got it?
async fn two_customers(
    sell: impl Fn(&AtomicU32) -> bool + Send + Sync + 'static,
) -> usize {
    let seats = Arc::new(AtomicU32::new(1));
    let sell = Arc::new(sell);
    let customers = [1, 2].map(|_| {
        let (seats, sell) = (Arc::clone(&seats), Arc::clone(&sell));
        tokio::spawn(async move { sell(&seats) })
    });
    let sold = join_all(customers).await;
    sold.into_iter().filter(|sold| *sold.as_ref().expect("no panic")).count()
}

#[test]
fn on_one_thread_load_and_store_sell_a_seat_once() {
    let sold = one_thread().block_on(two_customers(|seats| naive::sell(seats, || {})));
    assert_eq!(sold, 1);
}

#[test]
fn on_two_threads_load_and_store_sell_a_seat_twice() {
    let sold = on_a_thread(|| {
        let both = Barrier::new(2);
        let sell = move |seats: &AtomicU32| {
            naive::sell(seats, || {
                both.wait(); // both have loaded, and nobody has stored
            })
        };
        two_threads().0.block_on(two_customers(sell))
    });
    assert_eq!(sold, 2);
}

#[test]
fn in_one_step_a_seat_is_sold_once_also_if_two_threads_ask_at_once() {
    let sold = on_a_thread(|| {
        let both = Barrier::new(2);
        let sell = move |seats: &AtomicU32| {
            both.wait();
            sell(seats, || {})
        };
        two_threads().0.block_on(two_customers(sell))
    });
    assert_eq!(sold, 1);
}

#[test]
fn a_ticket_is_printed_for_each_seat_and_none_without_a_seat() {
    let seats = AtomicU32::new(2);
    let mut tickets = 0;
    let sold = [1, 2, 3].map(|_| sell(&seats, || tickets += 1));
    assert_eq!((sold, tickets), ([true, true, false], 2));
    assert_eq!(seats.load(Ordering::SeqCst), 0);
}

#[test]
fn two_tasks_meet_at_a_barrier_so_two_threads_run_at_once() {
    let threads: HashSet<ThreadId> = on_a_thread(|| {
        let both = Arc::new(Barrier::new(2));
        let tasks = [1, 2].map(|_| {
            let both = Arc::clone(&both);
            async move {
                both.wait();
                thread::current().id()
            }
        });
        two_threads().0.block_on(async {
            let ids = join_all(tasks.map(tokio::spawn)).await;
            ids.into_iter().map(|id| id.expect("no panic")).collect()
        })
    });
    assert_eq!(threads.len(), 2);
}

#[test]
fn on_one_thread_the_second_task_comes_only_when_the_first_has_gone() {
    let (says, hears) = mpsc::channel();
    let (go, gone) = mpsc::channel::<()>();
    let gone = Arc::new(std::sync::Mutex::new(gone));
    thread::spawn(move || {
        let tasks = [1, 2].map(|task| {
            let (says, gone) = (says.clone(), Arc::clone(&gone));
            async move {
                says.send((task, "comes")).expect("the test hears it");
                let waits = gone.lock().expect("no panic").recv_timeout(MINUTE);
                waits.expect("it may go");
                says.send((task, "goes")).expect("the test hears it");
            }
        });
        one_thread().block_on(async { join_all(tasks.map(tokio::spawn)).await })
    });
    let next = || hears.recv_timeout(MINUTE).expect("it goes on");
    assert_eq!(next(), (1, "comes"));
    go.send(()).expect("it waits");
    assert_eq!(next(), (1, "goes"), "nobody has come meanwhile");
    assert_eq!(next(), (2, "comes"));
    go.send(()).expect("it waits");
    assert_eq!(next(), (2, "goes"));
}

/// Takes one of two workers, until it is dropped. `None`: it sits on another thread than `not`.
struct Busy {
    thread: ThreadId,
    _go: mpsc::Sender<()>,
}

/// Blocks the worker `wanted`, or any if `None`.
fn block(runtime: &Runtime, wanted: Option<ThreadId>) -> Busy {
    let both = Arc::new(Barrier::new(2));
    let (says, hears) = mpsc::channel();
    let mut doors = Vec::new();
    for _ in 0..2 {
        let (go, gone) = mpsc::channel::<()>();
        doors.push(go);
        let (both, says) = (Arc::clone(&both), says.clone());
        let number = doors.len() - 1;
        runtime.spawn(async move {
            both.wait(); // so the two are on two workers
            let _ = says.send((number, thread::current().id()));
            let _ = gone.recv(); // until its door is dropped
        });
    }
    let mut at = [1, 2].map(|_| hears.recv_timeout(MINUTE).expect("it is there"));
    at.sort_by_key(|(_, thread)| Some(*thread) != wanted);
    let (number, thread) = at[0];
    Busy { thread, _go: doors.swap_remove(number) }
}

#[test]
fn ten_tasks_may_all_run_on_one_of_two_threads() {
    let (runtime, _nudge) = two_threads();
    let busy = block(&runtime, None);
    let threads: HashSet<ThreadId> = runtime.block_on(async {
        let tasks = (0..10).map(|_| tokio::spawn(async { thread::current().id() }));
        let ids = soon(join_all(tasks)).await;
        ids.into_iter().map(|id| id.expect("no panic")).collect()
    });
    assert_eq!(threads.len(), 1);
    assert!(!threads.contains(&busy.thread));
}

#[test]
fn after_an_await_a_task_may_go_on_on_another_thread() {
    let (runtime, _nudge) = two_threads();
    let (says, hears) = mpsc::channel();
    let (wake, woken) = oneshot::channel::<()>();
    let task = runtime.spawn(async move {
        let before = thread::current().id();
        says.send(before).expect("the test hears it");
        soon(woken).await.expect("a word");
        (before, thread::current().id())
    });
    let before = hears.recv_timeout(MINUTE).expect("it runs");
    let busy = block(&runtime, Some(before));
    assert_eq!(busy.thread, before, "its first thread is blocked");
    wake.send(()).expect("it waits");
    let (was, is) = runtime.block_on(task).expect("no panic");
    assert_eq!(was, before);
    assert_ne!(is, before);
}

#[test]
fn the_future_of_block_on_is_on_no_worker() {
    let (runtime, _nudge) = two_threads();
    assert_eq!(runtime.block_on(async { worker_index() }), None);
    let task = runtime.spawn(async { worker_index() });
    let index = runtime.block_on(task).expect("no panic").expect("a worker");
    assert!(index < 2);
    let this = thread::current().id();
    assert_eq!(runtime.block_on(async { thread::current().id() }), this);
    let task = runtime.spawn(async { thread::current().id() });
    assert_ne!(runtime.block_on(task).expect("no panic"), this);
}

#[test]
fn in_block_in_place_and_in_spawn_blocking_there_is_no_worker() {
    let (runtime, _nudge) = two_threads();
    let task = runtime.spawn(async {
        let before = worker_index();
        let inside = block_in_place(worker_index);
        (before.is_some(), inside, worker_index().is_some())
    });
    assert_eq!(runtime.block_on(task).expect("no panic"), (true, None, true));
    let closure = runtime.block_on(async { spawn_blocking(worker_index).await });
    assert_eq!(closure.expect("no panic"), None);
}

#[test]
fn on_one_thread_the_future_of_block_on_is_worker_0_too() {
    let indices = one_thread().block_on(async {
        let task = tokio::spawn(async { worker_index() });
        let closure = spawn_blocking(worker_index);
        (
            worker_index(),
            task.await.expect("no panic"),
            closure.await.expect("no panic"),
        )
    });
    assert_eq!(indices, (Some(0), Some(0), None));
    let local = LocalRuntime::new().expect("a runtime");
    assert_eq!(local.block_on(async { worker_index() }), Some(0));
}

#[tokio::test]
async fn a_tokio_test_has_one_thread() {
    assert_eq!(Handle::current().runtime_flavor(), RuntimeFlavor::CurrentThread);
}

#[tokio::main]
async fn flavor_of_main() -> RuntimeFlavor {
    Handle::current().runtime_flavor()
}

#[test]
fn a_tokio_main_has_many_threads() {
    assert_eq!(flavor_of_main(), RuntimeFlavor::MultiThread);
}

const NESTED: &str = "Cannot start a runtime from within a runtime. This happens because a function (like `block_on`) \
     attempted to block the current thread while the thread is being used to drive asynchronous tasks.";

#[test]
fn a_function_with_tokio_main_panics_in_async_code() {
    for runtime in [one_thread(), two_threads().0] {
        let call = || {
            runtime
                .block_on(async { naive::give_back(&AtomicU32::new(1), 1, ready(())) })
        };
        let words = words_of(call);
        assert!(words.starts_with(NESTED), "{words}");
        let rest = &words[NESTED.len()..];
        assert_eq!(
            rest,
            " If you are in an async function, use `.await` on the future instead of blocking on it."
        );
    }
}

#[test]
fn a_function_with_tokio_main_works_outside_of_async_code() {
    assert_eq!(naive::give_back(&AtomicU32::new(1), 2, ready(())), 3);
}

#[tokio::test]
async fn a_function_with_tokio_main_works_in_spawn_blocking() {
    let seats = || naive::give_back(&AtomicU32::new(1), 2, ready(()));
    assert_eq!(soon(spawn_blocking(seats)).await.expect("no panic"), 3);
}

#[tokio::test]
async fn an_async_function_can_be_awaited() {
    let seats = AtomicU32::new(1);
    assert_eq!(give_back(&seats, 2, yield_now()).await, 3);
    assert_eq!(seats.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn dropped_while_the_customer_is_asked_no_seat_is_given_back() {
    let (seats, alive) = (AtomicU32::new(1), Alive::default());
    let guard = alive.guard();
    let asks = async move {
        let _guard = guard;
        pending::<()>().await;
    };
    let dropped = backend::cancel::after_polls(1, give_back(&seats, 2, asks)).await;
    assert_eq!((dropped, seats.load(Ordering::SeqCst), alive.count()), (None, 1, 0));
}

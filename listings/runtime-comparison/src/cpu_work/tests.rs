use std::collections::HashSet;
use std::panic::panic_any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc as threads};
use std::thread;
use std::time::Duration;

use backend::cancel::after_polls;
use backend::panics::words as words_of;
use backend::turns::a_word_from_another_task;
use backend::{Alive, MINUTE, soon};
use futures::future::{join, join_all};
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::*;

fn pool(threads: usize) -> ThreadPool {
    let builder = ThreadPoolBuilder::new().num_threads(threads);
    builder.thread_name(|_| "cpu".into()).build().expect("a pool")
}

/// Keeps one thread of `pool` busy until what it returns is sent to, or dropped.
async fn busy(pool: &ThreadPool) -> threads::Sender<()> {
    let (go, may_go) = threads::channel();
    let (begins, began) = oneshot::channel();
    pool.spawn(move || {
        let _ = begins.send(());
        let _ = may_go.recv_timeout(MINUTE);
    });
    soon(began).await.expect("it begins");
    go
}

/// Comes back when the queue of `pool`, which has one thread, is empty.
async fn queue_is_empty(pool: &ThreadPool) {
    soon(compute(pool, || ())).await.expect("no panic");
}

#[tokio::test]
async fn a_sum_is_computed_in_parallel_on_the_threads_of_the_pool() {
    let pool = pool(2);
    let names = compute(&pool, || {
        let sum: u64 = (0_u64..1_000_000).into_par_iter().sum();
        let name = || thread::current().name().map(str::to_owned);
        (sum, rayon::join(name, name), rayon::current_num_threads())
    });
    let (sum, (a, b), threads) = soon(names).await.expect("no panic");
    assert_eq!(sum, 499_999_500_000);
    assert_eq!((a.as_deref(), b.as_deref(), threads), (Some("cpu"), Some("cpu"), 2));
}

#[tokio::test]
async fn beside_a_computation_other_tasks_run_on_the_same_thread() {
    let heard = a_word_from_another_task();
    let word = soon(compute(&pool(1), move || heard.recv_timeout(MINUTE))).await;
    assert_eq!(word, Ok(Ok("I ran")));
}

#[tokio::test]
async fn beside_a_join_in_a_task_no_other_task_runs() {
    let heard = a_word_from_another_task();
    let limit = Duration::from_millis(20);
    let (word, two) =
        naive::joined(&pool(2), move || heard.recv_timeout(limit), || 2).await;
    assert_eq!((word, two), (Err(threads::RecvTimeoutError::Timeout), 2));
}

#[tokio::test]
async fn beside_a_join_on_a_thread_of_the_pool_other_tasks_run() {
    let heard = a_word_from_another_task();
    let pool = pool(2);
    let both = soon(compute_both(&pool, move || heard.recv_timeout(MINUTE), || 2));
    assert_eq!(both.await, Ok((Ok("I ran"), 2)));
    let panics = soon(compute_both(&pool, || 1, || panic!("no paper"))).await;
    assert_eq!(panics, Err::<(i32, ()), _>(ComputeError::Panicked("no paper".into())));
}

#[tokio::test]
async fn a_panic_is_an_error_with_its_words_and_the_pool_goes_on() {
    let pool = pool(1);
    let page = pool.current_num_threads(); // the compiler does not know it
    let panics = [
        (soon(compute(&pool, || panic!("no paper"))).await, "no paper"),
        (soon(compute(&pool, move || panic!("no page {page}"))).await, "no page 1"),
        (soon(compute(&pool, || panic_any(3))).await, "no words"),
    ];
    for (end, words) in panics {
        assert_eq!(end, Err::<(), _>(ComputeError::Panicked(words.into())));
    }
    assert_eq!(soon(compute(&pool, || 7)).await, Ok(7));
}

#[tokio::test]
async fn a_panic_that_nobody_catches_goes_to_the_handler_of_the_pool() {
    let (says, heard) = threads::channel();
    let says = Mutex::new(says);
    let builder = ThreadPoolBuilder::new().num_threads(1).panic_handler(move |panic| {
        let said = says.lock().expect("no panic").send(words_of(&*panic).to_owned());
        said.expect("the test waits");
    });
    let pool = builder.build().expect("a pool");
    let end = soon(naive::uncaught(&pool, || panic!("no paper"))).await;
    assert_eq!(end, Err::<(), _>(ComputeError::Lost));
    assert_eq!(heard.recv_timeout(MINUTE).as_deref(), Ok("no paper"));
    assert_eq!(soon(naive::uncaught(&pool, || 7)).await, Ok(7));
}

#[tokio::test]
async fn sixty_four_calls_use_only_the_threads_of_the_pool() {
    let pool = Arc::new(pool(3));
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut calls = Vec::new();
    for number in 0..64_u64 {
        let (pool, now, most) =
            (Arc::clone(&pool), Arc::clone(&now), Arc::clone(&most));
        calls.push(tokio::spawn(async move {
            let work = move || {
                most.fetch_max(
                    now.fetch_add(1, Ordering::SeqCst) + 1,
                    Ordering::SeqCst,
                );
                let sum = (0..=number * 1_000).sum::<u64>();
                now.fetch_sub(1, Ordering::SeqCst);
                (sum, thread::current().id())
            };
            compute(&pool, work).await
        }));
    }
    let mut used = HashSet::new();
    for (number, call) in (0..64_u64).zip(calls) {
        let (sum, thread) = soon(call).await.expect("no panic").expect("no panic");
        assert_eq!(sum, (0..=number * 1_000).sum::<u64>());
        used.insert(thread);
    }
    assert!(used.len() <= 3 && most.load(Ordering::SeqCst) <= 3, "{used:?}");
}

#[tokio::test]
async fn three_computations_run_at_the_same_time_on_three_threads() {
    let pool = pool(3);
    let (says, heard) = threads::channel();
    let (all, calls): (Vec<_>, Vec<_>) = (0..3)
        .map(|_| {
            let ((go, may_go), says) = (threads::channel::<()>(), says.clone());
            let call = compute(&pool, move || {
                let _ = says.send(());
                let _ = may_go.recv_timeout(MINUTE);
            });
            (go, call)
        })
        .unzip();
    let others = async {
        for _ in 0..3 {
            heard.recv_timeout(MINUTE).expect("it begins");
        }
        drop(all); // not before each of them has begun
    };
    let (ends, ()) = soon(join(join_all(calls), others)).await;
    assert_eq!(ends, [Ok(()), Ok(()), Ok(())]);
}

#[tokio::test]
async fn computations_begin_in_the_order_of_their_calls() {
    let pool = pool(1);
    let busy = busy(&pool).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let calls = (0..100).map(|number| {
        let order = Arc::clone(&order);
        compute(&pool, move || order.lock().expect("no panic").push(number))
    });
    let (ends, ()) = soon(join(join_all(calls), async { drop(busy) })).await;
    assert!(ends.iter().all(Result::is_ok));
    assert_eq!(*order.lock().expect("no panic"), (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn before_the_first_poll_nothing_is_given_to_the_pool() {
    let pool = pool(1);
    let ran = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ran);
    drop(compute(&pool, move || count.fetch_add(1, Ordering::SeqCst)));
    queue_is_empty(&pool).await;
    assert_eq!(ran.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn dropped_in_the_queue_a_computation_does_not_begin() {
    let pool = pool(1);
    let busy = busy(&pool).await;
    let alive = Alive::default();
    let (ran, guard) = (Arc::new(AtomicUsize::new(0)), alive.guard());
    let count = Arc::clone(&ran);
    let call = compute(&pool, move || {
        let _guard = guard;
        count.fetch_add(1, Ordering::SeqCst)
    });
    assert!(after_polls(1, call).await.is_none(), "dropped");
    assert_eq!(alive.count(), 1, "the queue has it");
    drop(busy);
    queue_is_empty(&pool).await;
    assert_eq!((ran.load(Ordering::SeqCst), alive.count()), (0, 0));
}

#[tokio::test]
async fn dropped_while_it_runs_a_computation_goes_on_to_its_end() {
    let pool = pool(1);
    let (go, may_go) = threads::channel::<()>();
    let (begins, began) = oneshot::channel();
    let (ends, ended) = oneshot::channel();
    let call = compute(&pool, move || {
        let _ = begins.send(());
        let _ = may_go.recv_timeout(MINUTE);
        ends.send("to its end")
    });
    tokio::select! {
        end = call => panic!("it has ended: {end:?}"),
        began = soon(began) => began.expect("it begins"), // and here it is dropped
    }
    go.send(()).expect("it waits");
    assert_eq!(soon(ended).await, Ok("to its end"));
}

#[tokio::test]
async fn a_computation_that_looks_at_its_token_ends_when_nobody_waits() {
    let pool = pool(1);
    let (begins, began) = oneshot::channel();
    let (ends, ended) = oneshot::channel();
    let call = compute_while_wanted(&pool, move |stop| {
        assert!(!stop.is_cancelled(), "somebody waits");
        let _ = begins.send(());
        while !stop.is_cancelled() {
            thread::yield_now(); // one piece
        }
        ends.send("stopped")
    });
    tokio::select! {
        end = call => panic!("it has ended: {end:?}"),
        began = soon(began) => began.expect("it begins"), // and here it is dropped
    }
    assert_eq!(soon(ended).await, Ok("stopped"));
}

#[tokio::test]
async fn while_somebody_waits_the_token_is_not_cancelled() {
    let pool = pool(1);
    let call = compute_while_wanted(&pool, |stop| (stop.is_cancelled(), 7));
    assert_eq!(soon(call).await, Ok((false, 7)));
    let panics = compute_while_wanted(&pool, |_| panic!("no paper"));
    let error = ComputeError::Panicked("no paper".into());
    assert_eq!(soon(panics).await, Err::<(), _>(error));
}

#[tokio::test]
async fn with_two_permits_a_third_computation_is_refused_at_once() {
    let (pool, permits) = (pool(1), Arc::new(Semaphore::new(2)));
    let busy = busy(&pool).await;
    let mut first = Box::pin(compute_or_refuse(&pool, &permits, || 1));
    let mut second = Box::pin(compute_or_refuse(&pool, &permits, || 2));
    assert!(after_polls(1, &mut first).await.is_none(), "in the queue");
    assert!(after_polls(1, &mut second).await.is_none(), "in the queue");
    let third = after_polls(1, compute_or_refuse(&pool, &permits, || 3)).await;
    assert_eq!(third, Some(Err(ComputeError::Full)));
    drop(busy);
    assert_eq!((soon(first).await, soon(second).await), (Ok(1), Ok(2)));
    assert_eq!(soon(compute_or_refuse(&pool, &permits, || 4)).await, Ok(4));
}

#[tokio::test]
async fn a_permit_comes_back_after_a_panic_and_after_a_drop_in_the_queue() {
    let (pool, permits) = (pool(1), Arc::new(Semaphore::new(1)));
    let panics = compute_or_refuse(&pool, &permits, || panic!("no paper"));
    let error = ComputeError::Panicked("no paper".into());
    assert_eq!(soon(panics).await, Err::<(), _>(error));
    let busy = busy(&pool).await;
    let dropped = compute_or_refuse(&pool, &permits, || 1);
    assert!(after_polls(1, dropped).await.is_none());
    assert_eq!(permits.available_permits(), 0, "it is still in the queue");
    drop(busy);
    queue_is_empty(&pool).await;
    assert_eq!(permits.available_permits(), 1);
}

#[tokio::test]
async fn a_closed_semaphore_refuses_each_computation() {
    let permits = Arc::new(Semaphore::new(1));
    permits.close();
    let end = soon(compute_or_refuse(&pool(1), &permits, || 1)).await;
    assert_eq!(end, Err(ComputeError::Full));
}

#[tokio::test]
async fn a_computation_that_waits_for_its_own_pool_needs_a_second_thread() {
    let nested = async |threads| {
        let (outer, runtime) = (Arc::new(pool(threads)), Handle::current());
        let inner = Arc::clone(&outer);
        let limit = if threads == 1 { Duration::from_millis(20) } else { MINUTE };
        let waits = move || {
            let call = compute(&inner, || "inner");
            runtime.block_on(async { timeout(limit, call).await.ok() })
        };
        let end = soon(compute(&outer, waits)).await.expect("no panic");
        end.map(|end| end.expect("no panic"))
    };
    assert_eq!(nested(1).await, None, "the only thread waits for itself");
    assert_eq!(nested(2).await, Some("inner"));
}

#[tokio::test]
async fn in_a_computation_there_is_no_task_local_and_no_runtime() {
    tokio::task_local! {
        static CUSTOMER: u32;
    }
    let pool = pool(1);
    let seen =
        compute(&pool, || (CUSTOMER.try_get().is_ok(), Handle::try_current().is_ok()));
    assert_eq!(CUSTOMER.scope(7, soon(seen)).await, Ok((false, false)));
    let runtime = Handle::current();
    let task = soon(compute(&pool, move || runtime.spawn(async { 7 }))).await;
    assert_eq!(soon(task.expect("no panic")).await.expect("no panic"), 7);
}

#[test]
fn while_it_waits_for_another_pool_a_thread_runs_other_work_under_its_lock() {
    let (ours, other) = (pool(1), Arc::new(pool(1)));
    let lock = Arc::new(Mutex::new(()));
    let (locks, locked) = threads::channel();
    let (runs, ran) = threads::channel();
    let (ends, ended) = threads::channel();
    let (first_lock, inner) = (Arc::clone(&lock), Arc::clone(&other));
    ours.spawn(move || {
        let _held = first_lock.lock();
        locks.send(thread::current().id()).expect("the test waits");
        inner.install(move || ran.recv_timeout(MINUTE)).expect("the other work runs");
        ends.send(()).expect("the test waits");
    });
    let first = locked.recv_timeout(MINUTE).expect("it has the lock");
    let (reports, seen) = threads::channel();
    ours.spawn(move || {
        let free = lock.try_lock().is_ok();
        reports.send((free, thread::current().id())).expect("the test waits");
        runs.send(()).expect("the first one waits");
    });
    assert_eq!(seen.recv_timeout(MINUTE), Ok((false, first)), "lock() would hang");
    ended.recv_timeout(MINUTE).expect("it has ended");
}

#[tokio::test]
async fn a_pool_that_is_dropped_runs_its_queue_and_the_drop_does_not_wait() {
    let pool = pool(1);
    let busy = busy(&pool).await;
    let (says, heard) = threads::channel();
    for number in 0..20 {
        let says = says.clone();
        pool.spawn(move || says.send(number).expect("the test waits"));
    }
    drop(says);
    drop(pool);
    assert!(heard.try_recv().is_err(), "it still waits");
    drop(busy);
    let numbers: Vec<_> = (0..20).map(|_| heard.recv_timeout(MINUTE)).collect();
    assert_eq!(numbers, (0..20).map(Ok).collect::<Vec<_>>());
}

#[test]
fn all_computations_can_be_spawned() {
    fn spawned<F: Future + Send + 'static>(_: F) {}
    let (pool, permits) = (pool(1), Arc::new(Semaphore::new(1)));
    spawned(async move {
        let _ = compute(&pool, || ()).await;
        let _ = compute_while_wanted(&pool, |_| ()).await;
        let _ = compute_both(&pool, || (), || ()).await;
        compute_or_refuse(&pool, &permits, || ()).await
    });
}

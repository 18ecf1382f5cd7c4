use std::collections::HashSet;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc as threads;
use std::thread;
use std::time::Duration;

use backend::cancel::after_polls;
use backend::panics::{panic_of, words};
use backend::turns::a_word_from_another_task;
use backend::{MINUTE, in_a_task, polls, soon};
use futures::future::try_join_all;
use tokio::runtime::{Builder, Runtime, worker_index};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::{LocalSet, spawn_blocking, yield_now};
use tokio::time::timeout;

use super::*;

/// What blocks does not end before the test has given up.
const HALF_A_MINUTE: Duration = Duration::from_secs(30);

/// So many workers, and so many threads of the blocking pool.
fn workers(workers: usize, blocking: usize) -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(workers).max_blocking_threads(blocking).enable_all();
    builder.build().expect("a runtime")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn block_on_in_a_task_panics() {
    let panic = panic_of(async { naive::block_on_in_a_task(async {}) }).await;
    let words = words(&*panic);
    assert!(
        words.starts_with("Cannot start a runtime from within a runtime"),
        "{words}"
    );
}

#[test]
fn wait_for_gives_a_function_that_is_not_async_the_output() {
    fn price() -> u32 {
        let answer = async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            120
        };
        wait_for(answer).expect("several threads")
    }
    assert_eq!(in_a_task(&workers(1, 1), async { price() }), 120);
    assert_eq!(workers(1, 1).block_on(async { price() }), 120, "not in a task");
    let runtime = workers(1, 1);
    let _context = runtime.enter();
    assert_eq!(price(), 120, "not in async code");
}

#[tokio::test]
async fn on_one_thread_it_is_an_error() {
    let error = wait_for(async {}).expect_err("one thread");
    assert!(matches!(error, CannotWait::OneThread), "{error}");
    let limited = in_place_limited(&Semaphore::new(1), || ()).await;
    assert!(matches!(limited, Err(CannotWait::OneThread)), "{limited:?}");
    let panic = panic_of(async { block_in_place(|| ()) }).await;
    let expected = "can call blocking only when running on the multi-threaded runtime";
    assert_eq!(words(&*panic), expected);
}

#[test]
fn without_a_runtime_it_is_an_error() {
    let error = wait_for(async {}).expect_err("no runtime");
    assert!(matches!(error, CannotWait::NoRuntime(_)), "{error}");
    naive::block_on_in_a_task(async {}).expect_err("no runtime");
    assert_eq!(block_in_place(|| 7), 7, "without a runtime, it just calls");
}

#[test]
fn in_a_local_set_it_panics() {
    let panic = workers(1, 1).block_on(
        LocalSet::new().run_until(panic_of(async { wait_for(async {}).is_ok() })),
    );
    let expected = "can call blocking only when running on the multi-threaded runtime";
    assert_eq!(words(&*panic), expected);
}

#[test]
fn the_other_tasks_of_its_worker_run_on_another_thread() {
    let word = in_a_task(&workers(1, 1), async {
        let heard = a_word_from_another_task();
        block_in_place(|| heard.recv_timeout(MINUTE))
    });
    assert_eq!(word, Ok("I ran"));
}

#[test]
fn without_block_in_place_the_other_tasks_of_its_worker_wait() {
    let word = in_a_task(&workers(1, 1), async {
        let heard = a_word_from_another_task();
        heard.recv_timeout(Duration::from_millis(20))
    });
    assert_eq!(word, Err(threads::RecvTimeoutError::Timeout));
}

#[test]
fn while_the_blocking_pool_is_full_the_other_tasks_of_its_worker_wait() {
    let hears = |blocking| {
        let runtime = workers(1, blocking);
        let (go, may_go) = threads::channel::<()>();
        let (begins, began) = oneshot::channel();
        let busy = runtime.spawn_blocking(move || {
            let _ = begins.send(());
            may_go.recv_timeout(MINUTE)
        });
        let word = in_a_task(&runtime, async move {
            began.await.expect("it begins");
            let heard = a_word_from_another_task();
            let limit = if blocking == 1 { Duration::from_millis(50) } else { MINUTE };
            block_in_place(|| heard.recv_timeout(limit))
        });
        go.send(()).expect("it waits");
        runtime.block_on(soon(busy)).expect("no panic").expect("a word");
        word
    };
    assert_eq!(hears(1), Err(threads::RecvTimeoutError::Timeout), "no thread is left");
    assert_eq!(hears(2), Ok("I ran"));
}

/// Something that blocks its thread, says on which one it does, and ends when the test drops what it gets.
fn blocker(
    says: &threads::Sender<thread::ThreadId>,
) -> (threads::Sender<()>, impl FnOnce() + Send + use<>) {
    let (go, may_go) = threads::channel();
    let says = says.clone();
    let blocks = move || {
        let _ = says.send(thread::current().id());
        let _ = may_go.recv_timeout(MINUTE);
    };
    (go, blocks)
}

#[test]
fn eight_tasks_that_block_in_place_have_eight_threads_on_one_worker() {
    let runtime = workers(1, 512);
    let (says, heard) = threads::channel();
    let (all, tasks): (Vec<_>, Vec<_>) = (0..8)
        .map(|_| {
            let (go, blocks) = blocker(&says);
            (go, runtime.spawn(async { block_in_place(blocks) }))
        })
        .unzip();
    let at_once: HashSet<_> =
        (0..8).map(|_| heard.recv_timeout(HALF_A_MINUTE).expect("it blocks")).collect();
    assert_eq!(at_once.len(), 8);
    drop(all);
    runtime.block_on(soon(try_join_all(tasks))).expect("no panic");
}

#[test]
fn with_two_permits_two_tasks_block_in_place_and_a_third_one_waits() {
    let runtime = workers(1, 512);
    let permits = Arc::new(Semaphore::new(2));
    let (says, heard) = threads::channel();
    let (all, tasks): (Vec<_>, Vec<_>) = (0..3)
        .map(|_| {
            let (go, blocks) = blocker(&says);
            let permits = Arc::clone(&permits);
            (go, runtime.spawn(async move { in_place_limited(&permits, blocks).await }))
        })
        .unzip();
    for _ in 0..2 {
        heard.recv_timeout(HALF_A_MINUTE).expect("it blocks");
    }
    runtime.block_on(async {
        for _ in 0..3 {
            let other_tasks = async { yield_now().await };
            soon(tokio::spawn(other_tasks)).await.expect("no panic");
        }
    });
    assert!(heard.try_recv().is_err(), "the third one has no permit");
    drop(all);
    heard.recv_timeout(MINUTE).expect("now it has one");
    let ends = runtime.block_on(soon(try_join_all(tasks))).expect("no panic");
    assert!(ends.iter().all(Result::is_ok));
}

#[test]
fn dropped_while_it_waits_for_a_permit_the_work_does_not_begin() {
    workers(1, 1).block_on(async {
        let permits = Semaphore::new(1);
        let taken = permits.acquire().await.expect("a permit");
        let mut begun = false;
        assert!(
            after_polls(1, in_place_limited(&permits, || begun = true)).await.is_none()
        );
        assert!(!begun);
        drop(taken);
        soon(in_place_limited(&permits, || begun = true)).await.expect("a permit");
        assert!(begun);
        permits.close();
        let end = in_place_limited(&permits, || ()).await;
        assert!(matches!(end, Err(CannotWait::Closed(_))), "{end:?}");
    });
}

#[test]
fn the_work_may_borrow_and_need_not_be_send() {
    workers(1, 1).block_on(async {
        let mut list = vec![3, 1, 2];
        let shared = Rc::new(5);
        let permits = Semaphore::new(1);
        let sum = in_place_limited(&permits, || {
            list.sort_unstable();
            list[0] + *shared
        });
        assert_eq!(sum.await.expect("a permit"), 6);
        assert_eq!(list, [1, 2, 3]);
    });
    let task = async {
        let shared = Rc::new(5);
        block_in_place(|| *shared + 1)
    };
    assert_eq!(in_a_task(&workers(1, 1), task), 6);
}

#[test]
fn in_place_it_may_wait_in_place_again() {
    let same = in_a_task(&workers(1, 1), async {
        let permits = Semaphore::new(1);
        let heard = a_word_from_another_task();
        let work = move || {
            let outer = thread::current().id();
            let inner = block_in_place(|| {
                assert_eq!(heard.recv_timeout(MINUTE), Ok("I ran"));
                thread::current().id()
            });
            wait_for(yield_now()).expect("several threads");
            outer == inner
        };
        in_place_limited(&permits, work).await
    });
    assert!(same.expect("a permit"));
}

#[tokio::test]
async fn in_spawn_blocking_block_on_is_allowed() {
    let runtime = Handle::current(); // with one thread
    let call = spawn_blocking(move || {
        runtime.block_on(async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            120
        })
    });
    assert_eq!(soon(call).await.expect("no panic"), 120);
}

#[test]
fn an_abort_does_not_stop_it() {
    let runtime = workers(1, 1);
    let (go, may_go) = threads::channel::<()>();
    let (begins, began) = oneshot::channel();
    let task = runtime.spawn(async move {
        let _ = begins.send(());
        block_in_place(|| may_go.recv_timeout(MINUTE)).expect("a word");
        "it has ended"
    });
    runtime.block_on(async {
        soon(began).await.expect("it begins");
        task.abort();
        go.send(()).expect("it waits");
        assert_eq!(soon(task).await.expect("no await, no abort"), "it has ended");
    });
}

#[test]
fn in_place_the_thread_is_no_worker() {
    let seen = in_a_task(&workers(1, 1), async {
        let before = worker_index();
        let within = block_in_place(worker_index);
        (before, within)
    });
    assert_eq!(seen, (Some(0), None));
}

#[test]
fn in_place_a_future_has_no_budget() {
    async fn loop_over_messages() -> usize {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        (0..1_000).for_each(|number| sender.send(number).expect("it is open"));
        drop(sender);
        polls(async { while receiver.recv().await.is_some() {} }).await.1
    }
    let runtime = workers(1, 1);
    assert_eq!(
        in_a_task(&runtime, loop_over_messages()),
        8,
        "128 messages in each poll"
    );
    let in_place = in_a_task(&runtime, async {
        block_in_place(|| futures::executor::block_on(loop_over_messages()))
    });
    assert_eq!(in_place, 1);
    assert_eq!(
        in_a_task(&runtime, async { wait_for(loop_over_messages()).ok() }),
        Some(8)
    );
}

#[test]
fn a_task_local_is_seen_in_place() {
    tokio::task_local! {
        static CUSTOMER: u32;
    }
    let runtime = workers(1, 1);
    let task = CUSTOMER.scope(7, async { block_in_place(|| CUSTOMER.try_get().ok()) });
    assert_eq!(in_a_task(&runtime, task), Some(7));
}

#[test]
fn behind_a_lock_of_its_own_task_it_waits_for_ever() {
    async fn asks_twice(lock: Arc<Mutex<u32>>, drops: bool) -> bool {
        let taken = Arc::clone(&lock).lock_owned().await;
        let mut first = Box::pin(lock.lock());
        assert!(after_polls(1, &mut first).await.is_none(), "it is in the queue");
        drop(taken); // now the lock belongs to `first`, which nobody polls
        if drops {
            drop(first);
            return gets(&lock);
        }
        gets(&lock)
    }
    fn gets(lock: &Mutex<u32>) -> bool {
        let limit = Duration::from_millis(20);
        let end = wait_for(timeout(limit, lock.lock()));
        end.expect("several threads").is_ok()
    }
    let runtime = workers(2, 4);
    assert!(!in_a_task(&runtime, asks_twice(Arc::default(), false)), "it never has it");
    assert!(in_a_task(&runtime, asks_twice(Arc::default(), true)));
}

#[test]
fn it_goes_on_on_the_same_thread_until_its_next_await() {
    let same = in_a_task(&workers(2, 4), async {
        let before = thread::current().id();
        block_in_place(|| ());
        let after = thread::current().id();
        yield_now().await;
        before == after
    });
    assert!(same);
}

#[test]
fn while_it_blocks_its_worker_has_a_thread_of_the_blocking_pool() {
    let nested = |blocking| {
        in_a_task(&workers(1, blocking), async move {
            let limit = if blocking == 1 { Duration::from_millis(50) } else { MINUTE };
            let inner = async { spawn_blocking(|| ()).await };
            let end = wait_for(async { timeout(limit, inner).await });
            end.expect("several threads").is_ok()
        })
    };
    assert!(!nested(1), "the only thread runs the worker");
    assert!(nested(2));
}

#[test]
fn both_can_be_called_in_a_task() {
    fn spawned<F: Future + Send + 'static>(_: F) {}
    spawned(async {
        in_place_limited(&Semaphore::new(1), || ()).await.is_ok()
            && wait_for(async {}).is_ok()
    });
    let pinned = pin!(async {});
    assert!(wait_for(pinned).is_err());
}

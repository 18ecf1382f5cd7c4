use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::rc::Rc;

use backend::panics::{words, words_of};
use backend::polls::{let_others_run, polled_twice};
use backend::{Alive, on_a_thread};
use futures::FutureExt;
use futures::channel::oneshot;
use futures::executor;
use futures::future::join_all;

use super::*;

/// Is ready when another thread, which starts at the first poll, has woken it. Returns the polls.
async fn woken_by_a_thread() -> usize {
    let (sender, mut woken) = oneshot::channel();
    let mut sender = Some(sender);
    let mut polls = 0;
    poll_fn(|cx| {
        polls += 1;
        let poll = woken.poll_unpin(cx);
        if let Some(sender) = sender.take() {
            thread::spawn(move || sender.send(()));
        }
        poll.map(|_| polls)
    })
    .await
}

// `block_on`

#[test]
#[cfg(target_os = "linux")]
fn while_nobody_has_woken_the_future_its_thread_sleeps() {
    on_a_thread(|| block_on(crate::asleep::woken_when_its_thread_sleeps()));
}

#[test]
fn block_on_returns_the_output_of_a_future_that_is_ready() {
    assert_eq!(block_on(async { 7 }), 7);
}

#[test]
fn a_future_that_waits_for_a_thread_is_polled_twice() {
    assert_eq!(on_a_thread(|| block_on(woken_by_a_thread())), 2);
}

#[test]
fn a_loop_that_polls_polls_a_future_that_nobody_has_woken() {
    let mut polls = 0;
    let ready_at_last = poll_fn(|_| {
        polls += 1;
        if polls < 1_000 { Poll::Pending } else { Poll::Ready(polls) }
    });
    assert_eq!(naive::block_on_that_spins(ready_at_last), 1_000);
}

#[test]
fn a_wake_up_during_the_poll_is_a_second_poll() {
    on_a_thread(|| block_on(let_others_run()));
}

#[test]
fn a_wake_up_that_nobody_asked_for_is_no_poll() {
    let polls = on_a_thread(|| {
        let mut polls = 0;
        let (sender, mut end) = oneshot::channel::<()>();
        let mut sender = Some(sender);
        block_on(poll_fn(|cx| {
            polls += 1;
            let poll = end.poll_unpin(cx);
            if let Some(sender) = sender.take() {
                let this = thread::current();
                thread::spawn(move || {
                    for _ in 0..100 {
                        this.unpark(); // as a spurious wake-up: no flag is set
                        thread::yield_now();
                    }
                    sender.send(())
                });
            }
            poll
        }))
        .unwrap();
        polls
    });
    assert_eq!(polls, 2);
}

/// Wakes itself, and then waits for another thread in a way that uses the token of this thread.
async fn uses_the_token() {
    // As `recv` of a channel of the standard library does.
    polled_twice(thread::park).await;
}

#[test]
fn a_wake_up_whose_token_is_used_in_the_poll_is_not_lost() {
    on_a_thread(|| block_on(uses_the_token()));
}

// `run`

#[test]
#[cfg(target_os = "linux")]
fn while_no_task_is_ready_the_thread_sleeps() {
    use crate::asleep::woken_when_its_thread_sleeps as woken;
    let end =
        on_a_thread(|| run(|spawner| async move { spawner.spawn(woken()).await }));
    assert_eq!(end, Ok(()));
}

#[test]
fn tasks_run_on_the_thread_that_called_run() {
    let (this, tasks) = on_a_thread(|| {
        let tasks = run(|spawner| async move {
            let id = || spawner.spawn(async { thread::current().id() });
            join_all([id(), id()]).await
        });
        (thread::current().id(), tasks)
    });
    assert_eq!(tasks, [Ok(this), Ok(this)]);
}

#[test]
fn the_future_of_main_runs_first_and_tasks_in_the_order_of_their_spawn() {
    let log = on_a_thread(|| {
        let log = Arc::new(Mutex::new(Vec::new()));
        run(|spawner| {
            let log = Arc::clone(&log);
            async move {
                let mut handles = Vec::new();
                for task in 1..=3 {
                    let log = Arc::clone(&log);
                    handles.push(spawner.spawn(async move {
                        lock(&log).push((task, "begins"));
                        let_others_run().await;
                        lock(&log).push((task, "ends"));
                    }));
                }
                lock(&log).push((0, "waits"));
                join_all(handles).await;
            }
        });
        take(&mut *lock(&log))
    });
    let order = [(1, "begins"), (2, "begins"), (3, "begins")];
    let end = [(1, "ends"), (2, "ends"), (3, "ends")];
    assert_eq!(log, [[(0, "waits")].as_slice(), &order, &end].concat());
}

#[test]
fn a_task_that_always_wakes_itself_lets_others_run() {
    on_a_thread(|| {
        run(|spawner| async move {
            let _busy = spawner.spawn(async {
                loop {
                    let_others_run().await;
                }
            });
            let_others_run().await;
            assert_eq!(spawner.spawn(async { 7 }).await, Ok(7));
        });
    });
}

#[test]
fn a_task_that_waits_for_a_thread_is_polled_twice() {
    let polls = on_a_thread(|| {
        run(|spawner| async move { spawner.spawn(woken_by_a_thread()).await })
    });
    assert_eq!(polls, Ok(2));
}

#[test]
fn the_future_of_main_is_polled_when_it_is_woken_and_not_before() {
    let polls = on_a_thread(|| {
        let polls = Cell::new(0);
        run(|spawner| {
            let polls = &polls;
            async move {
                let _busy = spawner.spawn(async {
                    for _ in 0..10 {
                        let_others_run().await;
                    }
                });
                let mut work = pin!(woken_by_a_thread());
                poll_fn(|cx| {
                    polls.set(polls.get() + 1);
                    work.as_mut().poll(cx)
                })
                .await;
            }
        });
        polls.get()
    });
    assert_eq!(polls, 2);
}

#[test]
fn a_task_that_is_woken_three_times_is_polled_once() {
    let polls = on_a_thread(|| {
        run(|spawner| async move {
            let (sender, woken) = oneshot::channel();
            let mut sender = Some(sender);
            let mut polls = 0;
            let task = spawner.spawn(poll_fn(move |cx| {
                polls += 1;
                if let Some(sender) = sender.take() {
                    sender.send(cx.waker().clone()).unwrap();
                    return Poll::Pending;
                }
                if polls < 2 { Poll::Pending } else { Poll::Ready(polls) }
            }));
            let waker = woken.await.unwrap();
            waker.wake_by_ref();
            waker.wake_by_ref();
            waker.wake();
            let_others_run().await;
            task.await
        })
    });
    assert_eq!(polls, Ok(2));
}

#[test]
fn three_wake_ups_put_a_task_into_the_queue_once() {
    let unpark = Waker::noop().clone();
    let queue = Arc::new(Queue { ready: Mutex::default(), unpark });
    let spawner = Spawner { queue: Arc::downgrade(&queue) };
    let (sender, mut wakers) = oneshot::channel();
    let mut sender = Some(sender);
    let _task = spawner.spawn(poll_fn(move |cx| {
        sender.take().unwrap().send(cx.waker().clone()).unwrap();
        Poll::<()>::Pending
    }));
    let task = lock(&queue.ready).pop_front().unwrap();
    task.step();
    let waker = wakers.try_recv().unwrap().unwrap();
    for _ in 0..3 {
        waker.wake_by_ref();
    }
    assert_eq!(lock(&queue.ready).len(), 1);
}

#[test]
fn a_task_that_is_woken_while_it_is_polled_is_polled_again() {
    on_a_thread(|| {
        run(|spawner| async move { spawner.spawn(let_others_run()).await.unwrap() });
    });
}

#[test]
fn a_queue_that_clears_late_loses_a_wake_up_that_comes_during_the_poll() {
    let mut task = None;
    naive::run_that_clears_late(|spawner| task = Some(spawner.spawn(let_others_run())));
    // No task is ready, and this one has not ended. Its future is dropped with the queue.
    assert_eq!(task.unwrap().now_or_never(), Some(Err(Lost)));
}

#[test]
fn a_wake_up_after_the_end_is_no_poll() {
    on_a_thread(|| {
        run(|spawner| async move {
            let task = spawner.spawn(poll_fn(|cx| {
                cx.waker().wake_by_ref();
                Poll::Ready(7)
            }));
            assert_eq!(task.await, Ok(7));
            let_others_run().await; // its turn in the queue
        });
    });
}

#[test]
fn a_task_that_has_ended_or_panicked_keeps_no_future() {
    let unpark = Waker::noop().clone();
    let queue = Arc::new(Queue { ready: Mutex::default(), unpark });
    let spawner = Spawner { queue: Arc::downgrade(&queue) };
    let _ended = spawner.spawn(async { 7 });
    let _panicked =
        spawner.spawn(async { std::panic::resume_unwind(Box::new("a bug")) });
    let _waits = spawner.spawn(pending::<()>());
    let kept = take(&mut *lock(&queue.ready)).into_iter().map(|task| {
        Arc::clone(&task).step();
        lock(&task.work).is_some()
    });
    assert_eq!(kept.collect::<Vec<_>>(), [false, false, true]);
}

#[test]
fn a_future_that_is_polled_after_its_end_panics() {
    let poll = catch_unwind(AssertUnwindSafe(|| {
        naive::run_that_keeps_the_work(|spawner| {
            let _task = spawner.spawn(poll_fn(|cx| {
                cx.waker().wake_by_ref();
                Poll::Ready(7)
            }));
        });
    }));
    assert_eq!(words(&*poll.unwrap_err()), "`async fn` resumed after completion");
}

/// Whether its task finds the queue locked.
fn finds_the_queue_locked(spawner: &Spawner) -> JoinHandle<bool> {
    let queue = Weak::clone(&spawner.queue);
    spawner.spawn(async move {
        let queue = queue.upgrade().unwrap();
        queue.ready.try_lock().is_err()
    })
}

#[test]
fn while_a_task_is_polled_the_queue_is_free() {
    let locked = on_a_thread(|| {
        run(|spawner| async move { finds_the_queue_locked(&spawner).await })
    });
    assert_eq!(locked, Ok(false));
}

#[test]
fn with_the_lock_in_the_head_of_the_loop_a_task_finds_the_queue_locked() {
    let mut task = None;
    naive::run_under_the_lock(|spawner| task = Some(finds_the_queue_locked(&spawner)));
    assert_eq!(task.unwrap().now_or_never(), Some(Ok(true)));
}

#[test]
fn a_task_can_spawn_a_task() {
    let end = on_a_thread(|| {
        run(|spawner| async move {
            let inner = spawner.clone();
            let task = async move { inner.spawn(async { 7 }).await };
            spawner.spawn(task).await
        })
    });
    assert_eq!(end, Ok(Ok(7)));
}

#[test]
fn another_thread_can_spawn_a_task() {
    let end = on_a_thread(|| {
        run(|spawner| async move {
            let (sender, end) = oneshot::channel();
            thread::spawn(move || {
                let task = spawner.spawn(async { thread::current().id() });
                sender.send(executor::block_on(task))
            });
            end.await.unwrap() == Ok(thread::current().id())
        })
    });
    assert!(end);
}

#[test]
fn a_panic_ends_its_task_alone() {
    let (task, other) = on_a_thread(|| {
        run(|spawner| async move {
            let task = spawner.spawn(async {
                std::panic::resume_unwind(Box::new("a bug")); // says nothing on stderr
            });
            (task.await, spawner.spawn(async { 7 }).await)
        })
    });
    assert_eq!((task, other), (Err(Lost), Ok(7)));
}

#[test]
fn a_task_goes_on_though_its_handle_is_dropped() {
    let end = on_a_thread(|| {
        run(|spawner| async move {
            let (sender, end) = oneshot::channel();
            drop(spawner.spawn(async move {
                let_others_run().await;
                sender.send(7)
            }));
            end.await
        })
    });
    assert_eq!(end, Ok(7));
}

#[test]
fn when_a_handle_is_ready_the_future_of_its_task_is_dropped() {
    let alive = Alive::default();
    let guard = alive.guard();
    on_a_thread(|| {
        run(|spawner| async move {
            let task = async move {
                let_others_run().await;
                drop(guard);
            };
            spawner.spawn(task).await
        })
    })
    .unwrap();
    assert_eq!(alive.count(), 0);
}

#[test]
fn when_run_returns_tasks_in_the_queue_are_dropped_and_nothing_is_spawned() {
    let alive = Alive::default();
    let guard = alive.guard();
    let (task, spawner) = on_a_thread(|| {
        run(|spawner| async move {
            let task = spawner.spawn(async move {
                let _guard = guard;
                pending::<()>().await;
            });
            (task, spawner)
        })
    });
    assert_eq!(alive.count(), 0);
    assert_eq!(task.now_or_never(), Some(Err(Lost)));
    assert_eq!(spawner.spawn(async { 7 }).now_or_never(), Some(Err(Lost)));
}

#[test]
fn a_task_that_waits_is_dropped_with_its_last_waker() {
    let alive = Alive::default();
    let guard = alive.guard();
    let left = on_a_thread({
        let alive = alive.clone();
        move || {
            run(|spawner| async move {
                let _task = spawner.spawn(async move {
                    let _guard = guard;
                    pending::<()>().await; // keeps no waker
                });
                let_others_run().await;
                alive.count()
            })
        }
    });
    assert_eq!(left, 0);
}

#[test]
fn a_waker_keeps_its_task_beyond_the_end_of_run() {
    let alive = Alive::default();
    let guard = alive.guard();
    let (sender, receiver) = oneshot::channel::<()>();
    on_a_thread(|| {
        run(|spawner| async move {
            let _task = spawner.spawn(async move {
                let _guard = guard;
                receiver.await
            });
            let_others_run().await;
        });
    });
    assert_eq!(alive.count(), 1);
    drop(sender); // wakes the task, whose queue is gone
    assert_eq!(alive.count(), 0);
}

#[test]
fn the_future_of_main_need_not_be_send_and_may_borrow() {
    let name = String::from("north");
    let first = run(|_spawner| async {
        let shared = Rc::new(&name);
        let_others_run().await;
        shared.chars().next()
    });
    assert_eq!(first, Some('n'));
}

#[test]
fn a_panic_of_main_is_the_panic_of_run() {
    let panic = words_of(|| run(|_| async { panic!("a bug in main") }));
    assert_eq!(panic, "a bug in main");
}

#[test]
fn the_driver_is_called_after_each_round_and_may_wait_only_if_nothing_is_ready() {
    let mut calls = Vec::new();
    let mut waker = None;
    let stored = Cell::new(None);
    run_with(
        Waker::noop().clone(),
        |idle| {
            calls.push(idle);
            if idle {
                waker = stored.take();
                waker.take().map(Waker::wake).expect("it waits");
            }
        },
        |spawner| {
            let stored = &stored;
            async move {
                spawner.spawn(let_others_run()).await.unwrap();
                let mut polled = false;
                poll_fn(move |cx| {
                    if polled {
                        return Poll::Ready(());
                    }
                    polled = true;
                    stored.set(Some(cx.waker().clone()));
                    Poll::Pending
                })
                .await;
            }
        },
    );
    // Round 1: the task wakes itself. Round 2: it ends, and wakes `main`. Round 3: all wait.
    assert_eq!(calls, [false, false, true]);
}

/// Counts its calls.
struct Count(Arc<Mutex<u32>>);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        *lock(&self.0) += 1;
    }
}

#[test]
fn each_wake_up_unparks_the_thread_of_the_runtime() {
    let (unparked, count) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(Vec::new())));
    let log = Arc::clone(&count);
    let counted = Arc::clone(&unparked);
    run_with(
        Waker::from(Arc::new(Count(Arc::clone(&unparked)))),
        |_| {},
        |spawner| async move {
            let_others_run().await; // wakes `main`
            lock(&log).push(*lock(&counted));
            let task = spawner.spawn(let_others_run()); // a new task
            lock(&log).push(*lock(&counted));
            task.await.unwrap(); // the task wakes itself, and at its end `main`
            lock(&log).push(*lock(&counted));
        },
    );
    assert_eq!(*lock(&count), [1, 2, 4]);
}

#[test]
fn all_of_it_can_be_spawned_and_sent() {
    fn sent<T: Send + 'static>(_: &T) {}
    run(|spawner| async move {
        sent(&spawner);
        sent(&spawner.spawn(async { 7 }));
    });
}

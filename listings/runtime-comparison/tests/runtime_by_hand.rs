//! The runtime by hand, with the threads and locks of shuttle: a wake-up comes at each moment.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use backend::polls::polled_twice;
use futures::task::AtomicWaker;
use interleavings::runtime_by_hand::{block_on, naive, run};
use shuttle::sync::atomic::AtomicBool;
use shuttle::{check_random, thread};

/// Orders that are tried. There are more, because `park` may also return without a reason.
const ORDERS: usize = 500;

/// Set by one thread, waited for by a future on another one.
#[derive(Default)]
struct Flag {
    set: AtomicBool,
    waker: AtomicWaker,
}

impl Flag {
    fn set(&self) {
        self.set.store(true, Ordering::SeqCst);
        self.waker.wake();
    }

    /// Counts its polls.
    async fn wait(&self, polls: &AtomicUsize) {
        poll_fn(|cx| {
            polls.fetch_add(1, Ordering::SeqCst);
            self.waker.register(cx.waker());
            if self.set.load(Ordering::SeqCst) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

/// A future that another thread makes ready, on the given `block_on`; and how often it was polled.
fn waits_for_a_thread(block_on: impl FnOnce(&Flag, &AtomicUsize)) -> usize {
    let flag = Arc::new(Flag::default());
    let polls = AtomicUsize::new(0);
    let setter = thread::spawn({
        let flag = Arc::clone(&flag);
        move || flag.set()
    });
    block_on(&flag, &polls);
    setter.join().unwrap();
    polls.into_inner()
}

#[test]
fn block_on_loses_no_wake_up_of_another_thread() {
    check_random(
        || {
            let polls = waits_for_a_thread(|flag, polls| block_on(flag.wait(polls)));
            assert!(polls <= 2, "{polls}");
        },
        ORDERS,
    );
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_flag_that_is_cleared_after_the_poll_loses_a_wake_up_of_another_thread() {
    let late = |flag: &Flag, polls: &AtomicUsize| {
        naive::block_on_that_clears_late(flag.wait(polls));
    };
    check_random(
        move || {
            waits_for_a_thread(late);
        },
        ORDERS,
    );
}

/// Wakes itself, and then parks in the poll: the token of the thread is used there.
async fn uses_the_token() {
    polled_twice(thread::park).await;
}

#[test]
fn block_on_loses_no_wake_up_whose_token_is_used_in_the_poll() {
    check_random(|| block_on(uses_the_token()), ORDERS);
}

#[test]
#[should_panic(expected = "deadlock")]
fn with_the_token_alone_a_wake_up_whose_token_is_used_is_lost() {
    check_random(|| naive::block_on_with_the_token_alone(uses_the_token()), ORDERS);
}

#[test]
fn two_threads_wake_two_tasks_and_each_is_polled_twice_at_most() {
    check_random(
        || {
            let polls = run(|spawner| async move {
                let tasks = [(); 2].map(|()| {
                    let flag = Arc::new(Flag::default());
                    let setter = Arc::clone(&flag);
                    let task = spawner.spawn(async move {
                        let polls = AtomicUsize::new(0);
                        flag.wait(&polls).await;
                        polls.into_inner()
                    });
                    thread::spawn(move || setter.set());
                    task
                });
                let [first, second] = tasks;
                [first.await.unwrap(), second.await.unwrap()]
            });
            assert!(polls.into_iter().all(|polls| polls <= 2), "{polls:?}");
        },
        ORDERS,
    );
}

#[test]
fn two_threads_wake_one_task_and_the_last_wake_up_is_seen() {
    check_random(
        || {
            let seen = run(|spawner| async move {
                let waker = Arc::new(AtomicWaker::new());
                let woken = Arc::new(AtomicUsize::new(0));
                for _ in 0..2 {
                    let (waker, woken) = (Arc::clone(&waker), Arc::clone(&woken));
                    thread::spawn(move || {
                        woken.fetch_add(1, Ordering::SeqCst);
                        thread::yield_now();
                        waker.wake();
                    });
                }
                let all = poll_fn(move |cx| {
                    waker.register(cx.waker());
                    let woken = woken.load(Ordering::SeqCst);
                    if woken == 2 { Poll::Ready(woken) } else { Poll::Pending }
                });
                spawner.spawn(all).await
            });
            assert_eq!(seen, Ok(2));
        },
        ORDERS,
    );
}

#[test]
fn another_thread_spawns_a_task_while_the_runtime_goes_to_sleep() {
    check_random(
        || {
            let output = run(|spawner| async move {
                let (sender, task) = futures::channel::oneshot::channel();
                thread::spawn(move || sender.send(spawner.spawn(async { 7 })).unwrap());
                task.await.unwrap().await
            });
            assert_eq!(output, Ok(7));
        },
        ORDERS,
    );
}

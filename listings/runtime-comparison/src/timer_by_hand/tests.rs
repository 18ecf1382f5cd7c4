use std::future::poll_fn;
use std::pin::pin;
use std::sync::mpsc;

use backend::Alive;
use backend::panics::words_of;
use backend::polls::let_others_run;
use futures::channel::oneshot;
use futures::future::{Either, join, join_all, pending, select};
use futures::poll;
use futures::task::noop_waker;

use runtime_comparison::runtime_by_hand::Lost;

use super::*;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Runs `main` on a clock that jumps, and returns how late it is then.
fn after<F: Future>(main: impl FnOnce(Spawner, Timers) -> F) -> (F::Output, Duration) {
    let clock = Arc::new(JumpingClock::new());
    let start = clock.now();
    let output = run_on(Arc::<JumpingClock>::clone(&clock), main);
    (output, clock.now() - start)
}

fn timers_that_wait(timers: &Timers) -> usize {
    lock(&timers.waiting).wakers.len()
}

#[test]
fn two_tasks_that_block_for_30_ms_need_60_ms() {
    let clock = Arc::new(JumpingClock::new());
    let start = clock.now();
    run_on(Arc::<JumpingClock>::clone(&clock), |spawner, _| {
        let task = || {
            let clock = Arc::clone(&clock);
            spawner.spawn(naive::sleep(ms(30), move |time| clock.wait(Some(time))))
        };
        join_all([task(), task()])
    });
    assert_eq!(clock.now() - start, ms(60));
}

#[test]
fn two_tasks_that_sleep_for_30_ms_need_30_ms() {
    let (ends, time) = after(|spawner, timers| {
        let task = || {
            let timers = timers.clone();
            spawner.spawn(async move { timers.sleep(ms(30)).await })
        };
        join_all([task(), task()])
    });
    assert_eq!((ends, time), (vec![Ok(()), Ok(())], ms(30)));
}

#[test]
fn timers_fire_in_the_order_of_their_deadlines_each_at_its_time() {
    let log = Arc::new(Mutex::new(Vec::new()));
    after(|spawner, timers| {
        let start = timers.now();
        join_all([30, 10, 20, 10].map(|time| {
            let (timers, log) = (timers.clone(), Arc::clone(&log));
            spawner.spawn(async move {
                timers.sleep(ms(time)).await;
                lock(&log).push((time, timers.now() - start));
            })
        }))
    });
    let expected = [10, 10, 20, 30].map(|time| (time, ms(time)));
    assert_eq!(*lock(&log), expected);
}

#[test]
fn timers_that_are_due_together_fire_in_the_order_of_their_deadlines() {
    let clock = Arc::new(JumpingClock::new());
    let log = Arc::new(Mutex::new(Vec::new()));
    run_on(Arc::<JumpingClock>::clone(&clock), |spawner, timers| {
        let tasks = [30, 10, 20].map(|time| {
            let (timers, log) = (timers.clone(), Arc::clone(&log));
            spawner.spawn(async move {
                timers.sleep(ms(time)).await;
                lock(&log).push(time);
            })
        });
        async move {
            let_others_run().await;
            clock.wait(Some(ms(50))); // it computes for 50 ms
            join_all(tasks).await;
        }
    });
    assert_eq!(*lock(&log), [10, 20, 30]);
}

#[test]
fn a_task_is_polled_when_its_time_has_come_and_not_before() {
    let polls = Arc::new(Mutex::new(0));
    let ((), time) = after(|spawner, timers| {
        let (polls, timers) = (Arc::clone(&polls), timers.clone());
        async move {
            let mut sleep = timers.sleep(ms(30));
            let sleeps = spawner.spawn(poll_fn(move |cx| {
                *lock(&polls) += 1;
                Pin::new(&mut sleep).poll(cx)
            }));
            timers.sleep(ms(10)).await;
            timers.sleep(ms(10)).await;
            sleeps.await.unwrap();
        }
    });
    assert_eq!((*lock(&polls), time), (2, ms(30)));
}

#[test]
fn a_timer_counts_from_the_call_and_not_from_its_first_poll() {
    let ((), time) = after(|_, timers| async move {
        let (first, second) = (timers.sleep(ms(30)), timers.sleep(ms(50)));
        first.await;
        second.await;
    });
    assert_eq!(time, ms(50));
}

#[test]
fn a_timer_of_zero_is_ready_at_once_and_one_beyond_all_time_never() {
    let ((), time) = after(|_, timers| async move {
        timers.sleep(Duration::ZERO).await;
        let mut never = timers.sleep(Duration::MAX);
        assert!(poll!(&mut never).is_pending());
        assert_eq!(timers_that_wait(&timers), 0);
        timers.sleep(ms(1)).await;
        assert!(poll!(&mut never).is_pending());
    });
    assert_eq!(time, ms(1));
}

#[test]
fn a_timer_fires_although_a_task_is_always_ready() {
    let clock = Arc::new(JumpingClock::new());
    let end =
        run_on(Arc::<JumpingClock>::clone(&clock), |spawner, timers| async move {
            let busy = async move {
                for _ in 0..100 {
                    clock.wait(Some(ms(1))); // it computes for 1 ms
                    let_others_run().await;
                }
            };
            match select(spawner.spawn(busy), timers.sleep(ms(20))).await {
                Either::Left(_) => "the task has ended",
                Either::Right(_) => "the timer has fired",
            }
        });
    assert_eq!(end, "the timer has fired");
}

#[test]
fn if_the_driver_fires_timers_only_when_idle_a_busy_task_stops_all_of_them() {
    let clock = Arc::new(JumpingClock::new());
    let late = Arc::<JumpingClock>::clone(&clock);
    let (rounds, end) =
        naive::run_that_fires_when_idle(late, |spawner, timers| async move {
            let start = timers.now();
            let busy = async move {
                for _ in 0..100 {
                    clock.wait(Some(ms(1)));
                    let_others_run().await;
                }
                100
            };
            let busy = spawner.spawn(busy);
            timers.sleep(ms(20)).await;
            (busy.await, timers.now() - start)
        });
    assert_eq!((rounds, end), (Ok(100), ms(100)));
}

#[test]
fn a_timer_that_is_dropped_leaves_nothing_behind() {
    let ((), time) = after(|_, timers| async move {
        for _ in 0..1_000 {
            let mut hour = timers.sleep(ms(3_600_000));
            assert!(poll!(&mut hour).is_pending());
            assert_eq!(timers_that_wait(&timers), 1);
        }
        assert_eq!(timers_that_wait(&timers), 0);
        timers.sleep(ms(1)).await;
        assert_eq!(timers_that_wait(&timers), 0);
    });
    assert_eq!(time, ms(1));
}

/// Polls `sleep` on this task, and then on another one, which waits for it.
async fn polled_here_and_awaited_there<F>(
    spawner: Spawner,
    mut sleep: F,
) -> Result<(), Lost>
where
    F: Future<Output = ()> + Send + Unpin + 'static,
{
    assert!(poll!(&mut sleep).is_pending());
    spawner.spawn(sleep).await
}

#[test]
fn the_task_that_polled_a_timer_last_is_woken() {
    let end = after(|spawner, timers| {
        polled_here_and_awaited_there(spawner, timers.sleep(ms(10)))
    });
    assert_eq!(end, (Ok(()), ms(10)));
}

#[test]
fn a_timer_that_keeps_its_first_waker_loses_the_task_that_waits() {
    let end = after(|spawner, timers| {
        let sleep = naive::FirstWaker(timers.sleep(ms(10)));
        polled_here_and_awaited_there(spawner, sleep)
    });
    assert_eq!(end, (Err(Lost), ms(0))); // nobody has its waker, so it is dropped
}

#[test]
fn when_run_returns_tasks_that_wait_for_a_timer_are_dropped() {
    let alive = Alive::default();
    let ((), time) = after(|spawner, timers| {
        let guard = alive.guard();
        async move {
            let slow = timers.clone();
            let _task = spawner.spawn(async move {
                let _guard = guard;
                slow.sleep(ms(80)).await;
            });
            timers.sleep(ms(50)).await;
        }
    });
    assert_eq!((alive.count(), time), (0, ms(50)));
}

/// A waker that looks whether the timers are locked.
struct Look(Timers, Arc<Mutex<Vec<bool>>>);

impl std::task::Wake for Look {
    fn wake(self: Arc<Self>) {
        lock(&self.1).push(self.0.waiting.try_lock().is_err());
    }
}

/// Whether a waker finds the timers locked when `fire` calls it.
fn finds_locked(fire: impl FnOnce(&Timers)) -> Vec<bool> {
    let clock = Arc::new(JumpingClock::new());
    let timers = Timers::new(Arc::<JumpingClock>::clone(&clock));
    let seen = Arc::default();
    let waker = Waker::from(Arc::new(Look(timers.clone(), Arc::clone(&seen))));
    let mut sleep = pin!(timers.sleep(ms(1)));
    assert!(sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    clock.wait(Some(ms(1)));
    fire(&timers);
    lock(&seen).clone()
}

#[test]
fn wakers_are_called_without_the_lock() {
    assert_eq!(finds_locked(Timers::fire), [false]);
}

#[test]
fn a_waker_that_is_called_under_the_lock_finds_the_timers_locked() {
    assert_eq!(finds_locked(naive::fire_locked), [true]);
}

/// Counts its calls.
struct Count(Mutex<u32>);

impl std::task::Wake for Count {
    fn wake(self: Arc<Self>) {
        *lock(&self.0) += 1;
    }
}

#[test]
fn only_a_timer_that_is_now_the_first_ends_the_wait() {
    let unpark = Arc::new(Count(Mutex::new(0)));
    let timers = Timers {
        unpark: Waker::from(Arc::clone(&unpark)),
        ..Timers::new(Arc::new(JumpingClock::new()))
    };
    let waker = noop_waker();
    let mut cx = Context::from_waker(&waker);
    let sleeps = [20, 30, 10].map(|time| timers.sleep(ms(time)));
    let mut counts = Vec::new();
    for mut sleep in sleeps.map(Box::pin) {
        for _ in 0..2 {
            assert!(sleep.as_mut().poll(&mut cx).is_pending());
        }
        counts.push(*lock(&unpark.0));
        std::mem::forget(sleep); // it stays first
    }
    assert_eq!(counts, [1, 1, 2]);
}

// The clock of the system: nothing is measured.

#[test]
fn on_the_clock_of_the_system_a_timer_fires() {
    let (sender, end) = mpsc::channel();
    thread::spawn(move || {
        run(|_, timers| async move {
            let start = timers.now();
            timers.sleep(ms(1)).await;
            sender.send(timers.now() - start)
        })
    });
    let time = end.recv_timeout(ms(60_000)).expect("it does not hang");
    assert!(time >= ms(1), "{time:?}");
}

#[test]
fn a_wake_up_of_another_thread_ends_the_wait_for_a_timer() {
    let (sender, end) = mpsc::channel();
    thread::spawn(move || {
        run(|_, timers| async move {
            let (answer, question) = oneshot::channel();
            let mut hour = timers.sleep(ms(3_600_000));
            assert!(poll!(&mut hour).is_pending());
            thread::spawn(move || answer.send(7));
            if let Either::Left((answer, _)) = select(question, hour).await {
                sender.send(answer).unwrap();
            }
        });
    });
    assert_eq!(end.recv_timeout(ms(60_000)), Ok(Ok(7)));
}

#[test]
fn a_timer_of_another_thread_ends_the_wait_for_a_later_one() {
    let (sender, end) = mpsc::channel();
    thread::spawn(move || {
        run(|_, timers| async move {
            let other = timers.clone();
            let (ended, hears) = oneshot::channel();
            thread::spawn(move || {
                futures::executor::block_on(other.sleep(ms(1)));
                ended.send(())
            });
            let hour = timers.sleep(ms(3_600_000));
            if let Either::Left((heard, _)) = select(hears, hour).await {
                sender.send(heard).unwrap();
            }
        });
    });
    assert_eq!(end.recv_timeout(ms(60_000)), Ok(Ok(())));
}

#[test]
fn a_runtime_without_timers_waits_for_a_thread() {
    let (sender, end) = mpsc::channel();
    thread::spawn(move || {
        run(|_, _| async move {
            let (answer, question) = oneshot::channel();
            thread::spawn(move || answer.send(7));
            sender.send(question.await)
        })
    });
    assert_eq!(end.recv_timeout(ms(60_000)), Ok(Ok(7)));
}

#[test]
#[cfg(target_os = "linux")]
fn while_nothing_is_ready_the_thread_sleeps_with_a_timer_and_without_one() {
    use crate::asleep::woken_when_its_thread_sleeps as woken;
    let (sender, end) = mpsc::channel();
    thread::spawn(move || {
        run(|_, timers| async move {
            woken().await;
            let hour = timers.sleep(ms(3_600_000));
            let woken = pin!(woken());
            let first = select(woken, hour).await;
            sender.send(matches!(first, Either::Left(_)))
        })
    });
    assert_eq!(end.recv_timeout(ms(60_000)), Ok(true));
}

#[test]
fn a_clock_that_jumps_says_when_a_program_hangs() {
    let panic = words_of(|| after(|_, _| pending::<()>()));
    assert_eq!(panic, "no task is ready, and no timer waits");
}

#[test]
fn a_timer_beside_a_task_is_a_time_limit() {
    let (end, time) = after(|spawner, timers| async move {
        let slow = timers.clone();
        let answer = spawner.spawn(async move { slow.sleep(ms(80)).await });
        let (limit, in_time) = (timers.sleep(ms(50)), timers.sleep(ms(40)));
        let ((), ended) = join(in_time, select(answer, limit)).await;
        matches!(ended, Either::Right(_))
    });
    assert_eq!((end, time), (true, ms(50)));
}

#[test]
fn timers_can_be_sent() {
    fn sent<T: Send + Sync + 'static>(_: &T) {}
    after(|_, timers| async move {
        sent(&timers);
        sent(&timers.sleep(ms(1)));
    });
}

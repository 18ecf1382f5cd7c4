use std::cell::Cell;
use std::future::{pending, poll_fn, ready};
use std::rc::Rc;
use std::sync::mpsc::{self, Sender};
use std::task::Poll;
use std::thread::{self, ThreadId};

use allocation_counter::measure;
use backend::panics::words_of;
use backend::polls::let_others_run;
use backend::{Alive, on_a_thread, roles};
use embassy_executor::SpawnError;
use embassy_time::{Duration, Instant, Ticker, TimeoutError, Timer, with_timeout};
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _, poll};

use super::*;

type Lock = CriticalSectionRawMutex;

/// What a task says first. The executor runs on a thread of its own, until then.
fn answer<T: Send + 'static>(
    init: impl FnOnce(Spawner, Sender<T>) + Send + 'static,
) -> T {
    on_a_thread(move || {
        let (says, heard) = mpsc::channel();
        let mut answer = None;
        let done = || {
            answer = heard.try_recv().ok();
            answer.is_some()
        };
        run(|spawner| init(spawner, says), done);
        answer.expect("it is done when it has an answer")
    })
}

// Tasks and their places

#[test]
fn a_result_comes_back_by_a_signal() {
    static RESULT: Signal<Lock, i32> = Signal::new();

    #[embassy_executor::task]
    async fn measures() {
        Timer::after_millis(1).await;
        RESULT.signal(21);
    }

    #[embassy_executor::task]
    async fn waits(spawner: Spawner, says: Sender<i32>) {
        spawner.spawn(measures().expect("it has a place"));
        says.send(RESULT.wait().await).expect("it is heard");
    }

    let degrees = answer(|spawner, says| {
        spawner.spawn(waits(spawner, says).expect("it has a place"));
    });
    assert_eq!(degrees, 21);
}

#[test]
fn a_task_that_runs_already_is_busy_and_may_be_spawned_again_when_it_has_ended() {
    static START: Signal<Lock, ()> = Signal::new();
    static ENDED: Signal<Lock, ()> = Signal::new();

    #[embassy_executor::task]
    async fn alone() {
        START.wait().await;
        ENDED.signal(());
    }

    #[embassy_executor::task]
    async fn twice(spawner: Spawner, says: Sender<Option<SpawnError>>) {
        spawner.spawn(alone().expect("the first has its place"));
        let second = alone().err();
        START.signal(());
        ENDED.wait().await;
        let_others_run().await;
        spawner.spawn(alone().expect("the place is free again"));
        says.send(second).expect("it is heard");
    }

    let second = answer(|spawner, says| {
        spawner.spawn(twice(spawner, says).expect("it has a place"));
    });
    assert_eq!(
        second.expect("it is an error").to_string(),
        "Busy - Too many instances of this task are already running. Check the \
         `pool_size` attribute of the task."
    );
}

#[test]
fn with_two_places_a_third_task_is_busy() {
    #[embassy_executor::task(pool_size = 2)]
    async fn two() {
        pending::<()>().await;
    }

    let places = answer(|spawner, says| {
        let places = [two(), two(), two()].map(|place| {
            let free = place.is_ok();
            place.map(|token| spawner.spawn(token)).ok();
            free
        });
        says.send(places).expect("it is heard");
    });
    assert_eq!(places, [true, true, false]);
}

#[test]
fn a_token_that_is_not_spawned_panics_at_its_drop() {
    #[embassy_executor::task]
    async fn never() {
        pending::<()>().await;
    }

    assert_eq!(
        words_of(|| drop(never())),
        "SpawnToken instances may not be dropped. You must pass them to Spawner::spawn()"
    );
}

#[test]
fn a_task_needs_no_heap() {
    #[embassy_executor::task]
    async fn waits(done: &'static Signal<Lock, ()>) {
        let bytes = Cell::new([0; 64]); // of the task, over its await
        Timer::after_millis(1).await;
        bytes.set([1; 64]);
        done.signal(());
    }

    fn allocations(with_a_task: bool, done: &'static Signal<Lock, ()>) -> u64 {
        measure(|| {
            let init = |spawner: Spawner| {
                if with_a_task {
                    spawner.spawn(waits(done).expect("it has a place"));
                } else {
                    done.signal(());
                }
            };
            run(init, || done.signaled());
        })
        .count_total
    }

    static FIRST: Signal<Lock, ()> = Signal::new();
    static SECOND: Signal<Lock, ()> = Signal::new();
    static THIRD: Signal<Lock, ()> = Signal::new();
    on_a_thread(|| {
        allocations(true, &FIRST); // starts the thread of the timers
        let of_the_executor = allocations(false, &SECOND);
        assert_eq!(allocations(true, &THIRD), of_the_executor);
    });
}

#[test]
fn all_tasks_run_on_the_thread_of_their_executor_and_may_own_what_is_not_send() {
    static IDS: Channel<Lock, ThreadId, 2> = Channel::new();

    #[embassy_executor::task(pool_size = 2)]
    async fn local(shared: Rc<Cell<i32>>) {
        let_others_run().await;
        shared.set(shared.get() + 1);
        IDS.send(thread::current().id()).await;
    }

    #[embassy_executor::task]
    async fn both_of_them(spawner: Spawner, says: Sender<(i32, bool)>) {
        let shared = Rc::new(Cell::new(0));
        for _ in 0..2 {
            spawner.spawn(local(Rc::clone(&shared)).expect("it has a place"));
        }
        let here = thread::current().id();
        let same = IDS.receive().await == here && IDS.receive().await == here;
        says.send((shared.get(), same)).expect("it is heard");
    }

    let end = answer(|spawner, says| {
        spawner.spawn(both_of_them(spawner, says).expect("it has a place"));
    });
    assert_eq!(end, (2, true));
}

#[test]
fn in_a_round_each_ready_task_runs_once_and_the_one_that_was_woken_last_is_first() {
    static TURNS: Channel<Lock, char, 6> = Channel::new();

    #[embassy_executor::task(pool_size = 2)]
    async fn takes_turns(name: char) {
        for _ in 0..3 {
            TURNS.send(name).await;
            let_others_run().await;
        }
    }

    #[embassy_executor::task]
    async fn listens(says: Sender<String>) {
        let mut turns = String::new();
        for _ in 0..6 {
            turns.push(TURNS.receive().await);
        }
        says.send(turns).expect("it is heard");
    }

    let turns = answer(|spawner, says| {
        spawner.spawn(listens(says).expect("it has a place"));
        for name in ['a', 'b'] {
            spawner.spawn(takes_turns(name).expect("it has a place"));
        }
    });
    assert_eq!(turns, "baabba");
}

#[test]
fn another_thread_spawns_what_is_send_and_wakes_a_task() {
    static SAID: Signal<Lock, i32> = Signal::new();

    #[embassy_executor::task]
    async fn from_outside(says: Sender<i32>) {
        says.send(SAID.wait().await).expect("it is heard");
    }

    let end = answer(|spawner, says| {
        let spawner = spawner.make_send();
        thread::spawn(move || {
            spawner.spawn(from_outside(says).expect("it has a place"));
            SAID.signal(21); // as an interrupt would
        });
    });
    assert_eq!(end, 21);
}

#[test]
fn a_panic_in_a_task_ends_its_executor_with_all_tasks() {
    #[embassy_executor::task]
    async fn panics() {
        let_others_run().await;
        panic!("the sensor is broken");
    }

    #[embassy_executor::task]
    async fn goes_on(says: Sender<()>) {
        for _ in 0..3 {
            let_others_run().await;
        }
        let _ = says.send(());
    }

    let (says, heard) = mpsc::channel();
    let said = on_a_thread(move || {
        let init = |spawner: Spawner| {
            spawner.spawn(goes_on(says).expect("it has a place"));
            spawner.spawn(panics().expect("it has a place"));
        };
        words_of(|| run(init, || false))
    });
    assert_eq!(said, "the sensor is broken");
    heard.try_recv().expect_err("the other task has not gone on");
}

// Results of two tasks

#[test]
fn a_channel_keeps_both_results() {
    static RESULTS: Channel<Lock, i32, 2> = Channel::new();
    assert!(both(&RESULTS).now_or_never().is_none());
    RESULTS.try_send(20).expect("there is room");
    RESULTS.try_send(22).expect("there is room");
    assert_eq!(both(&RESULTS).now_or_never(), Some([20, 22]));
}

#[test]
fn a_signal_loses_the_first_of_two_results() {
    static RESULTS: Signal<Lock, i32> = Signal::new();
    RESULTS.signal(20);
    RESULTS.signal(22);
    assert!(naive::both(&RESULTS).now_or_never().is_none(), "it waits for another one");
    RESULTS.signal(22);
    let mut results = pin!(naive::both(&RESULTS));
    assert!(results.as_mut().now_or_never().is_none());
    RESULTS.signal(23);
    assert_eq!(results.now_or_never(), Some([22, 23]), "20 is lost");
}

#[test]
fn dropped_between_two_results_it_loses_the_first_one() {
    static RESULTS: Channel<Lock, i32, 2> = Channel::new();
    RESULTS.try_send(20).expect("there is room");
    assert!(both(&RESULTS).now_or_never().is_none());
    assert!(RESULTS.is_empty());
}

#[test]
fn two_that_wait_for_one_signal_wake_each_other_without_end() {
    static RESULT: Signal<Lock, i32> = Signal::new();

    #[embassy_executor::task(pool_size = 2)]
    async fn waits(says: Sender<i32>) {
        says.send(RESULT.wait().await).expect("it is heard");
    }

    let (says, heard) = mpsc::channel();
    let heard = on_a_thread(move || {
        let init = |spawner: Spawner| {
            for _ in 0..2 {
                spawner.spawn(waits(says.clone()).expect("it has a place"));
            }
        };
        let mut rounds = 0;
        let mut got = None;
        let done = || {
            rounds += 1; // they wake each other, though nothing has come
            if rounds == 100 {
                RESULT.signal(21);
            }
            got = got.or(heard.try_recv().ok());
            got.is_some()
        };
        run(init, done);
        (got, rounds)
    });
    assert_eq!(heard, (Some(21), 101));
}

// To stop a task

#[test]
fn a_stop_drops_the_work_where_it_waits() {
    static STOP: Signal<Lock, ()> = Signal::new();
    let alive = Alive::default();
    let guard = alive.guard();
    let mut work = pin!(unless_stopped(&STOP, async move {
        let _guard = guard;
        pending::<()>().await;
    }));
    assert!(work.as_mut().now_or_never().is_none());
    STOP.signal(());
    assert_eq!(work.now_or_never(), Some(None));
    assert_eq!(alive.count(), 0);
}

#[test]
fn work_that_ends_first_gives_its_output() {
    static STOP: Signal<Lock, ()> = Signal::new();
    assert_eq!(unless_stopped(&STOP, ready(1)).now_or_never(), Some(Some(1)));
}

#[test]
fn if_both_are_ready_the_stop_comes_first() {
    static STOP: Signal<Lock, ()> = Signal::new();
    STOP.signal(());
    assert_eq!(unless_stopped(&STOP, ready(1)).now_or_never(), Some(None));
    assert!(!STOP.signaled(), "it is used");
}

#[test]
fn if_you_drop_it_the_work_is_dropped_and_a_later_signal_stays() {
    static STOP: Signal<Lock, ()> = Signal::new();
    let alive = Alive::default();
    let guard = alive.guard();
    let work = unless_stopped(&STOP, async move {
        let _guard = guard;
        pending::<()>().await;
    });
    assert!(work.now_or_never().is_none());
    assert_eq!(alive.count(), 0);
    STOP.signal(());
    assert!(STOP.signaled());
}

// Timers

/// In a task of embassy, what `$work` gives.
macro_rules! in_a_task {
    ($output:ty, $work:expr) => {{
        #[embassy_executor::task]
        async fn task(says: Sender<$output>) {
            says.send($work.await).expect("it is heard");
        }
        answer(|spawner, says| {
            spawner.spawn(task(says).expect("it has a place"));
        })
    }};
}

#[test]
fn a_ticker_ticks_first_after_a_period_and_all_that_was_missed_at_once() {
    let (at_once, missed) = in_a_task!((bool, usize), async {
        let mut ticker = Ticker::every(Duration::from_secs(3600));
        let at_once = poll!(pin!(ticker.next())).is_ready();
        Ticker::every(Duration::from_millis(1)).next().await;
        let mut ticker = Ticker::every(Duration::from_micros(1));
        ticker.reset_at(Instant::now() - Duration::from_millis(1)); // as after a block
        let mut missed = 0;
        while missed < 900 && poll!(pin!(ticker.next())).is_ready() {
            missed += 1;
        }
        (at_once, missed)
    });
    assert!(!at_once);
    assert_eq!(missed, 900);
}

#[test]
fn a_limit_of_zero_lets_what_is_ready_pass() {
    let zero = Duration::from_ticks(0);
    assert_eq!(with_timeout(zero, ready(1)).now_or_never(), Some(Ok(1)));
    let end = in_a_task!(
        Result<(), TimeoutError>,
        with_timeout(Duration::from_ticks(0), let_others_run())
    );
    assert_eq!(end, Ok(()), "a timer is never ready at its first poll");
}

#[test]
fn a_limit_drops_what_waits() {
    let end = in_a_task!(
        Result<(), TimeoutError>,
        with_timeout(Duration::from_millis(1), pending())
    );
    assert_eq!(end, Err(TimeoutError));
}

const FOREIGN: &str = "Found waker not created by the Embassy executor. Unless the generic timer queue is enabled, `embassy_time::Timer` only works with the Embassy executor.";

/// In a process of its own, because no timer works after it.
#[test]
fn child() {
    let Some(role) = roles::role() else { return };
    let timer = || Timer::after_millis(1);
    let said = match role.as_str() {
        "noop" => words_of(|| timer().now_or_never()),
        "futures" => words_of(|| futures::executor::block_on(timer())),
        "tokio" => {
            let tokio = tokio::runtime::Builder::new_current_thread().build();
            words_of(|| tokio.expect("a runtime").block_on(timer()))
        }
        "unordered" => in_a_task!(String, async {
            let mut timers = FuturesUnordered::from_iter([Timer::after_millis(1)]);
            let mut next = pin!(timers.next());
            let end = poll_fn(|cx| Poll::Ready(words_of(|| next.poll_unpin(cx))));
            end.await
        }),
        role => unreachable!("{role}"),
    };
    assert!(said.contains(FOREIGN), "{said}");
    let later = words_of(|| drop(timer()));
    assert!(later.contains("PoisonError"), "{later}");
    println!("child: both panics");
}

fn panics_twice(role: &str) -> bool {
    let output = roles::again("no_operating_system::tests::child", role).output();
    let output = output.expect("it runs").stdout;
    String::from_utf8(output).expect("text").contains("child: both panics")
}

#[test]
fn on_another_executor_a_timer_of_embassy_panics_and_so_do_all_later_ones() {
    for role in ["noop", "futures", "tokio"] {
        assert!(panics_twice(role), "{role}");
    }
}

#[test]
fn in_a_task_of_embassy_its_timer_panics_in_futures_unordered() {
    assert!(panics_twice("unordered"));
}

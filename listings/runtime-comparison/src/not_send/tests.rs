use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::mpsc as threads;
use std::thread::ThreadId;
use std::time::Duration;

use backend::panics::{words, words_of};
use backend::{Alive, MINUTE, ends, soon};
use tokio::runtime::{Builder, Handle, RuntimeFlavor};
use tokio::task::{JoinSet, LocalSet, spawn_blocking, spawn_local, yield_now};
use tokio::time::{Instant, sleep};

use super::*;

fn local() -> LocalRuntime {
    LocalRuntime::new().expect("a runtime")
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn tasks_of_a_local_runtime_share_an_rc_over_an_await() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let mut tasks = JoinSet::new();
    for (name, wait) in [("slow", 20), ("quick", 10)] {
        let log = Rc::clone(&log);
        tasks.spawn_local(async move {
            sleep(Duration::from_millis(wait)).await;
            log.borrow_mut().push(name);
        });
    }
    let start = Instant::now();
    ends(tasks.join_all()).await;
    assert_eq!(*log.borrow(), ["quick", "slow"]);
    assert_eq!(
        start.elapsed(),
        Duration::from_millis(20),
        "they waited at the same time"
    );
}

#[tokio::test(flavor = "local")]
#[expect(clippy::await_holding_refcell_ref, reason = "this is what is shown")]
async fn a_borrow_held_at_an_await_makes_the_other_task_panic() {
    let prices = Rc::new(RefCell::new(3));
    let held = Rc::clone(&prices);
    let holds = spawn_local(async move {
        let mut price = held.borrow_mut();
        yield_now().await;
        *price += 1;
    });
    let reads = spawn_local(async move { *prices.borrow() });
    let panic = soon(reads).await.expect_err("it panics").into_panic();
    assert_eq!(words(&*panic), "RefCell already mutably borrowed");
    soon(holds).await.expect("no panic");
}

#[test]
fn all_tasks_of_a_local_runtime_stay_on_its_thread() {
    let runtime = local();
    let (local, sent) = runtime.block_on(async {
        let id = async {
            yield_now().await;
            thread::current().id()
        };
        let sent = tokio::spawn(async { thread::current().id() });
        let by_a_task = spawn_local(async { spawn_local(id).await });
        let local = by_a_task.await.expect("no panic");
        (local.expect("no panic"), sent.await.expect("no panic"))
    });
    let this = thread::current().id();
    assert_eq!((local, sent), (this, this));
}

#[tokio::test(flavor = "local")]
async fn its_flavour_says_current_thread() {
    assert_eq!(Handle::current().runtime_flavor(), RuntimeFlavor::CurrentThread);
}

const OUTSIDE: &str = "`spawn_local` called from outside of a `task::LocalSet` or `runtime::LocalRuntime`";

const OTHER_THREAD: &str = "Local tasks can only be spawned on a LocalRuntime from the thread the runtime was created on";

#[test]
fn on_another_runtime_and_outside_of_any_spawn_local_panics() {
    assert_eq!(words_of(|| spawn_local(async {})), OUTSIDE);
    let current = Builder::new_current_thread().build().expect("a runtime");
    assert_eq!(
        words_of(|| current.block_on(async { drop(spawn_local(async {})) })),
        OUTSIDE
    );
    let multi =
        Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
    let task = multi.spawn(async { drop(spawn_local(async {})) });
    let panic = multi.block_on(task).expect_err("it panics").into_panic();
    assert_eq!(words(&*panic), OUTSIDE);
}

#[test]
fn in_a_local_set_of_another_runtime_spawn_local_works() {
    let current = Builder::new_current_thread().build().expect("a runtime");
    let multi =
        Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
    let this = thread::current().id();
    for (runtime, stays) in [(current, true), (multi, false)] {
        let (local, sent) = runtime.block_on(LocalSet::new().run_until(async {
            let rc = Rc::new(thread::current().id());
            let local = spawn_local(async move {
                yield_now().await;
                (*rc, thread::current().id())
            });
            let sent = tokio::spawn(async { thread::current().id() });
            (local.await.expect("no panic"), sent.await.expect("no panic"))
        }));
        assert_eq!(local, (this, this));
        assert_eq!(sent == this, stays, "the other task belongs to the runtime");
    }
}

#[test]
fn in_spawn_blocking_of_a_local_runtime_spawn_local_panics() {
    let panic = local().block_on(async {
        let closure = spawn_blocking(|| {
            let has_a_runtime = Handle::try_current().is_ok();
            (has_a_runtime, words_of(|| spawn_local(async {})))
        });
        soon(closure).await.expect("no panic")
    });
    assert_eq!(panic, (true, OTHER_THREAD.to_owned()));
}

#[test]
fn another_thread_may_spawn_what_is_send_on_a_local_runtime() {
    let runtime = local();
    let handle = runtime.handle().clone();
    let spawns = thread::spawn(move || handle.spawn(async { thread::current().id() }));
    let task = spawns.join().expect("no panic");
    let ran = runtime.block_on(async { soon(task).await.expect("no panic") });
    assert_eq!(ran, thread::current().id());
}

/// Starts a task by `start`, drops the set, and says how much of the task is alive then.
async fn alive_after_the_set<F: Future<Output = ()>>(
    start: impl FnOnce(Rc<LocalSet>, Alive) -> F,
) -> usize {
    let (set, alive) = (Rc::new(LocalSet::new()), Alive::default());
    start(Rc::clone(&set), alive.clone()).await;
    drop(set);
    yield_now().await;
    alive.count()
}

#[test]
fn on_a_local_runtime_a_task_that_was_spawned_in_a_set_does_not_end_with_the_set() {
    let by_function = |set: Rc<LocalSet>, alive: Alive| async move {
        let work = Rc::new(alive.guard());
        let waits = async move {
            sleep(MINUTE).await;
            drop(work);
        };
        naive::spawn_in(&set, waits).await;
    };
    assert_eq!(local().block_on(alive_after_the_set(by_function)), 1);
    let current =
        Builder::new_current_thread().enable_all().build().expect("a runtime");
    assert_eq!(current.block_on(alive_after_the_set(by_function)), 0, "here it does");
    let by_the_set = |set: Rc<LocalSet>, alive: Alive| async move {
        let work = Rc::new(alive.guard());
        set.spawn_local(async move {
            sleep(MINUTE).await;
            drop(work);
        });
    };
    assert_eq!(local().block_on(alive_after_the_set(by_the_set)), 0);
}

#[test]
fn the_naive_set_gives_its_task_to_the_runtime() {
    let done = Rc::new(Cell::new(false));
    let sets = Rc::clone(&done);
    local().block_on(async {
        let set = LocalSet::new();
        let work = async move {
            sleep(Duration::from_millis(1)).await;
            sets.set(true);
        };
        naive::spawn_in(&set, work).await;
        drop(set);
        let ends = async {
            while !done.get() {
                yield_now().await;
            }
        };
        soon(ends).await;
    });
}

/// A job that says who does it.
type Who = threads::Sender<(usize, ThreadId, usize)>;

/// Answers each job with its number, its thread, and how many jobs it has had.
async fn count(number: usize, mut jobs: Receiver<Who>) {
    let had = Rc::new(Cell::new(0));
    while let Some(who) = jobs.recv().await {
        let had = Rc::clone(&had);
        let task = spawn_local(async move {
            yield_now().await;
            had.set(had.get() + 1); // the `Rc` is held over an await
            let _ = who.send((number, thread::current().id(), had.get()));
        });
        task.await.expect("no panic");
    }
}

/// A runtime for the one who sends.
fn sender<F: Future>(future: F) -> F::Output {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(soon(future))
}

#[test]
fn each_key_has_its_thread_and_the_state_of_this_thread() {
    let cores = PerCore::start(2, 1, count).expect("threads");
    let (says, hears) = threads::channel();
    sender(async {
        for key in [0, 1, 2, 3, 4] {
            cores.send(key, says.clone()).await.expect("it runs");
        }
    });
    cores.stop().expect("no panic");
    let mut seen: Vec<_> = hears.try_iter().collect();
    seen.sort_by_key(|(number, _, had)| (*number, *had));
    let counts: Vec<_> = seen.iter().map(|(number, _, had)| (*number, *had)).collect();
    assert_eq!(counts, [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2)]);
    let ids: HashSet<_> =
        seen.iter().map(|(number, thread, _)| (*number, *thread)).collect();
    assert_eq!(ids.len(), 2, "a thread for each number");
    assert_ne!(seen[0].1, seen[4].1);
}

#[test]
fn two_threads_work_at_the_same_time() {
    let (says, hears) = threads::channel();
    thread::spawn(move || {
        let both = std::sync::Arc::new(std::sync::Barrier::new(2));
        let worker = move |_, mut jobs: Receiver<()>| {
            let both = std::sync::Arc::clone(&both);
            async move {
                jobs.recv().await;
                both.wait();
            }
        };
        let cores = PerCore::start(2, 1, worker).expect("threads");
        sender(async {
            for key in [0, 1] {
                cores.send(key, ()).await.expect("it runs");
            }
        });
        says.send(cores.stop().is_ok())
    });
    assert!(hears.recv_timeout(MINUTE).expect("they meet"));
}

/// Says that it has begun, and blocks its thread until it may go on.
struct Job {
    name: &'static str,
    began: threads::Sender<&'static str>,
    go: threads::Receiver<()>,
}

async fn one_by_one(_: usize, mut jobs: Receiver<Job>) {
    while let Some(job) = jobs.recv().await {
        let _ = job.began.send(job.name);
        let _ = job.go.recv_timeout(MINUTE);
    }
}

#[test]
fn a_thread_without_work_takes_no_job_of_a_thread_that_is_blocked() {
    let cores = PerCore::start(2, 4, one_by_one).expect("threads");
    let (began, hears) = threads::channel();
    let job = |name| {
        let (go, gone) = threads::channel();
        (go, Job { name, began: began.clone(), go: gone })
    };
    let next = || hears.recv_timeout(MINUTE).expect("it begins");
    let (first, second, other) = (job("first"), job("second"), job("other"));
    sender(async { cores.send(0, first.1).await }).expect("it runs");
    assert_eq!(next(), "first");
    sender(async { cores.send(2, second.1).await }).expect("it runs");
    sender(async { cores.send(1, other.1).await }).expect("it runs");
    assert_eq!(next(), "other", "the other thread has only its own job");
    drop(other.0);
    assert!(hears.try_recv().is_err(), "and then it has nothing to do");
    drop(first.0);
    assert_eq!(next(), "second");
    drop(second.0);
    cores.stop().expect("no panic");
}

#[test]
fn a_full_queue_makes_the_sender_wait_and_a_drop_drops_its_job() {
    let cores = PerCore::start(1, 1, one_by_one).expect("threads");
    let (began, hears) = threads::channel();
    let job = |name| {
        let (go, gone) = threads::channel();
        (go, Job { name, began: began.clone(), go: gone })
    };
    let (first, second, third) = (job("first"), job("second"), job("third"));
    sender(async {
        cores.send(0, first.1).await.expect("it runs");
        assert_eq!(hears.recv_timeout(MINUTE), Ok("first"));
        cores.send(0, second.1).await.expect("there is room for one");
        let waits = backend::cancel::after_polls(1, cores.send(0, third.1)).await;
        assert!(waits.is_none(), "there is no room");
    });
    assert!(third.0.send(()).is_err(), "the job is gone");
    drop((first.0, second.0));
    cores.stop().expect("no panic");
    assert_eq!(hears.try_iter().collect::<Vec<_>>(), ["second"]);
}

#[test]
fn stop_waits_for_all_jobs_in_the_queues() {
    let cores = PerCore::start(2, 100, count).expect("threads");
    let (says, hears) = threads::channel();
    sender(async {
        for key in 0..100 {
            cores.send(key, says.clone()).await.expect("it runs");
        }
    });
    cores.stop().expect("no panic");
    assert_eq!(hears.try_iter().count(), 100);
}

#[test]
fn a_worker_that_panics_is_an_error_at_the_stop_and_its_jobs_come_back() {
    let worker = |number, mut jobs: Receiver<u32>| async move {
        while jobs.recv().await.is_some() {
            assert_ne!(number, 1, "the second one panics");
        }
    };
    let cores = PerCore::start(2, 1, worker).expect("threads");
    let refused = sender(async {
        cores.send(1, 10).await.expect("it runs");
        loop {
            if let Err(SendError(job)) = cores.send(1, 11).await {
                break job;
            }
        }
    });
    assert_eq!(refused, 11);
    assert_eq!(sender(async { cores.send(0, 12).await }), Ok(()));
    assert!(matches!(cores.stop(), Err(Failed::Panicked)));
}

#[test]
fn a_job_that_panics_in_its_task_ends_the_worker_only_at_join_all() {
    let worker = |_, mut jobs: Receiver<(bool, threads::Sender<()>)>| async move {
        let mut tasks = JoinSet::new();
        while let Some((panics, reply)) = jobs.recv().await {
            tasks.spawn_local(async move {
                assert!(!panics, "this job panics");
                let _ = reply.send(());
            });
        }
        tasks.join_all().await;
    };
    let cores = PerCore::start(1, 1, worker).expect("threads");
    let (reply, replies) = threads::channel();
    sender(async {
        cores.send(0, (true, reply.clone())).await.expect("it runs");
        for _ in 0..10 {
            cores.send(0, (false, reply.clone())).await.expect("it goes on");
        }
    });
    for _ in 0..10 {
        replies.recv_timeout(MINUTE).expect("the worker goes on");
    }
    assert!(matches!(cores.stop(), Err(Failed::Panicked)));
}

#[test]
fn stop_waits_for_the_others_although_one_has_panicked() {
    let (says, log) = threads::channel();
    let worker_says = says.clone();
    let worker = move |number, mut jobs: Receiver<()>| {
        let says = worker_says.clone();
        async move {
            assert_ne!(number, 0, "the first one panics");
            assert_eq!(jobs.recv().await, None, "the end of the queue");
            for _ in 0..10_000 {
                yield_now().await;
            }
            let _ = says.send("ended");
        }
    };
    let cores = PerCore::start(2, 1, worker).expect("threads");
    let end = cores.stop();
    says.send("stopped").expect("the test hears it");
    assert!(matches!(end, Err(Failed::Panicked)));
    assert_eq!(log.try_iter().collect::<Vec<_>>(), ["ended", "stopped"]);
}

#[test]
fn without_a_thread_or_without_room_it_panics() {
    assert_eq!(words_of(|| PerCore::start(0, 1, count)), "no thread");
    let words = words_of(|| PerCore::start(1, 0, count));
    assert_eq!(words, "mpsc bounded channel requires buffer > 0");
}

//! The proofs about the environment start this test program again, in one of the roles of [`child`].

use std::future::{pending, poll_fn};
use std::hint::black_box;
use std::net::Ipv4Addr;
use std::panic::catch_unwind;
use std::sync::mpsc;
use std::task::Poll;
use std::thread::{self, available_parallelism};
use std::time::Duration;

use backend::panics::{words, words_of};
use backend::{MINUTE, ends, roles, soon};
use futures::future::join_all;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::{Instant, sleep};

use super::*;

const MIB: usize = 1024 * 1024;

/// Calls itself until `mib` MiB of the stack are in use. Returns how often.
fn deep(mib: usize) -> usize {
    fn level(top: usize, end: usize) -> usize {
        let own = black_box([0_u8; 4096]);
        let here = black_box(&own).as_ptr().addr();
        if top - here > end { 1 } else { level(top, end) + 1 }
    }
    let top = black_box([0_u8; 1]);
    level(black_box(&top).as_ptr().addr(), mib * MIB)
}

#[test]
fn without_enable_all_a_timer_panics_when_it_is_used() {
    let runtime = naive::api_runtime().expect("it builds");
    let panic = words_of(|| runtime.block_on(async { sleep(MINUTE).await }));
    let text = "A Tokio 1.x context was found, but timers are disabled. Call `enable_time` on the runtime builder to \
                enable timers.";
    assert_eq!(panic, text);
}

#[test]
fn without_enable_all_a_socket_panics_when_it_is_used() {
    let runtime = naive::api_runtime().expect("it builds");
    let bind = || runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let text = "A Tokio 1.x context was found, but IO is disabled. Call `enable_io` on the runtime builder to enable IO.";
    assert_eq!(words_of(bind), text);
}

#[test]
fn without_enable_all_tasks_and_blocking_work_run() {
    let runtime = naive::api_runtime().expect("it builds");
    let sum = runtime.block_on(async {
        let (task, closure) = (tokio::spawn(async { 1 }), spawn_blocking(|| 2));
        task.await.expect("no panic") + closure.await.expect("no panic")
    });
    assert_eq!(sum, 3);
}

#[test]
fn tasks_that_nobody_awaits_have_not_ended_when_block_on_returns() {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build();
    let done = Arc::new(AtomicUsize::new(0));
    runtime.expect("a runtime").block_on(async {
        for _ in 0..4 {
            let done = Arc::clone(&done);
            tokio::spawn(async move {
                sleep(Duration::from_millis(200)).await;
                done.fetch_add(1, Ordering::Relaxed);
            });
        }
        sleep(Duration::from_millis(50)).await;
    });
    assert_eq!(done.load(Ordering::Relaxed), 0, "and the runtime is dropped");
}

/// Starts a closure that ends only when the runtime drops its tasks, and then says so.
fn closure_until_the_end(runtime: &Handle, log: mpsc::Sender<&'static str>) {
    let (release, released) = mpsc::channel::<()>();
    runtime.spawn(async move {
        let _release = release;
        pending::<()>().await;
    });
    runtime.spawn_blocking(move || {
        let end = released.recv_timeout(MINUTE);
        assert_eq!(end, Err(mpsc::RecvTimeoutError::Disconnected));
        said_late(&log, "closure");
    });
}

/// Says `what` so late that somebody who does not wait for it is first.
fn said_late(log: &mpsc::Sender<&'static str>, what: &'static str) {
    for _ in 0..1_000 {
        thread::yield_now();
    }
    let _ = log.send(what);
}

#[test]
fn a_drop_waits_for_the_closures_in_the_queue_too() {
    let runtime = Builder::new_current_thread().max_blocking_threads(1).build();
    let runtime = runtime.expect("a runtime");
    let (log, logged) = mpsc::channel();
    closure_until_the_end(runtime.handle(), log.clone());
    let queued = log.clone();
    runtime.spawn_blocking(move || said_late(&queued, "closure in the queue"));
    drop(runtime);
    log.send("dropped").expect("the test hears it");
    let all: Vec<_> = logged.try_iter().collect();
    assert_eq!(all, ["closure", "closure in the queue", "dropped"]);
}

#[tokio::main]
async fn main_with_a_closure(log: mpsc::Sender<&'static str>) {
    closure_until_the_end(&Handle::current(), log);
}

#[test]
fn the_end_of_a_tokio_main_waits_for_a_blocking_closure() {
    let (log, logged) = mpsc::channel();
    main_with_a_closure(log.clone());
    log.send("main has returned").expect("the test hears it");
    let all: Vec<_> = logged.try_iter().collect();
    assert_eq!(all, ["closure", "main has returned"]);
}

#[test]
fn it_has_as_many_workers_as_it_was_told() {
    let runtime = naive::api_runtime().expect("it builds");
    assert_eq!(runtime.metrics().num_workers(), 4);
    let one = Builder::new_current_thread().build().expect("a runtime");
    assert_eq!(one.metrics().num_workers(), 1);
}

/// The names of the thread of a task and of the thread of a blocking closure.
fn names(runtime: &Runtime) -> [String; 2] {
    let name = || thread::current().name().expect("a name").to_owned();
    runtime.block_on(async {
        let task = tokio::spawn(async move { name() });
        [task.await.expect("no panic"), spawn_blocking(name).await.expect("no panic")]
    })
}

#[test]
fn workers_and_blocking_threads_have_the_name() {
    assert_eq!(names(&naive::api_runtime().expect("it builds")), ["api", "api"]);
}

#[test]
fn without_a_name_they_have_the_default() {
    let runtime = Builder::new_multi_thread().worker_threads(1).build();
    let default = "tokio-rt-worker";
    assert_eq!(names(&runtime.expect("a runtime")), [default, default]);
}

#[test]
fn numbered_names_begin_with_the_prefix_and_no_two_are_equal() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name_fn(numbered("web"))
        .build();
    let names = names(&runtime.expect("a runtime"));
    assert!(names.iter().all(|name| name.starts_with("web-")), "{names:?}");
    assert_ne!(names[0], names[1]);
}

#[cfg(target_os = "linux")]
#[test]
fn linux_sees_15_characters_of_the_name_of_a_thread() {
    let name = "prices-and-orders";
    let runtime =
        Builder::new_multi_thread().worker_threads(1).thread_name(name).build();
    let runtime = runtime.expect("a runtime");
    assert_eq!(names(&runtime), [name, name], "the program sees all of it");
    let seen =
        runtime.spawn(async { std::fs::read_to_string("/proc/thread-self/comm") });
    let seen = runtime.block_on(seen).expect("no panic").expect("a name");
    assert_eq!(seen.trim_end(), "prices-and-orde");
}

#[test]
fn a_recursion_of_4_mib_runs_on_a_worker_and_on_a_blocking_thread_with_8_mib() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_stack_size(8 * MIB)
        .build();
    runtime.expect("a runtime").block_on(async {
        let task = tokio::spawn(async { deep(4) });
        assert!(task.await.expect("no panic") > 100);
        assert!(spawn_blocking(|| deep(4)).await.expect("no panic") > 100);
    });
}

#[test]
fn the_hooks_run_once_for_each_thread_workers_and_blocking_ones() {
    let mut builder = Builder::new_multi_thread();
    let threads = Threads::of(builder.worker_threads(4));
    let runtime = builder.build().expect("a runtime");
    runtime.block_on(async {
        for _ in 0..3 {
            let ids = [1, 2].map(|_| tokio::spawn(async {}));
            join_all(ids).await;
        }
        spawn_blocking(|| ()).await.expect("no panic");
    });
    assert_eq!(threads.stopped(), 0);
    drop(runtime);
    assert_eq!((threads.started(), threads.stopped()), (5, 5));
}

#[test]
fn on_one_thread_the_thread_of_block_on_is_not_counted() {
    let mut builder = Builder::new_current_thread();
    let threads = Threads::of(&mut builder);
    let runtime = builder.build().expect("a runtime");
    runtime.block_on(async { tokio::spawn(async {}).await }).expect("no panic");
    assert_eq!(threads.started(), 0);
    runtime.block_on(async { spawn_blocking(|| ()).await }).expect("no panic");
    drop(runtime);
    assert_eq!((threads.started(), threads.stopped()), (1, 1));
}

#[test]
fn the_park_hooks_run_when_a_thread_has_nothing_to_do_and_when_it_goes_on() {
    let (parks, unparks) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (park, unpark) = (Arc::clone(&parks), Arc::clone(&unparks));
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .on_thread_park(move || _ = park.fetch_add(1, Ordering::Relaxed))
        .on_thread_unpark(move || _ = unpark.fetch_add(1, Ordering::Relaxed))
        .build()
        .expect("a runtime");
    let seen = || (parks.load(Ordering::Relaxed), unparks.load(Ordering::Relaxed));
    runtime.block_on(async {
        assert_eq!(seen(), (0, 0), "it has something to do");
        sleep(Duration::from_millis(5)).await;
    });
    let (parks, unparks) = seen();
    assert!(parks > 0);
    assert_eq!(parks, unparks);
}

/// How many blocking closures run at the same time, if `wanted` may begin before the first ends.
fn at_once(runtime: &Runtime, wanted: usize) -> usize {
    let inside = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (says, began) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let may_go = Arc::new(std::sync::Mutex::new(may_go));
    let closures: Vec<_> = (0..wanted + 88)
        .map(|_| {
            let (inside, most) = (Arc::clone(&inside), Arc::clone(&most));
            let (says, may_go) = (says.clone(), Arc::clone(&may_go));
            runtime.spawn_blocking(move || {
                most.fetch_max(
                    inside.fetch_add(1, Ordering::SeqCst) + 1,
                    Ordering::SeqCst,
                );
                let _ = says.send(());
                // Ends when the test drops `go`.
                let _ = may_go.lock().expect("no panic").recv_timeout(MINUTE);
                inside.fetch_sub(1, Ordering::SeqCst);
            })
        })
        .collect();
    for _ in 0..wanted {
        began.recv_timeout(MINUTE).expect("it begins");
    }
    drop(go);
    for closure in runtime.block_on(join_all(closures)) {
        closure.expect("no panic");
    }
    most.load(Ordering::SeqCst)
}

#[test]
fn at_most_512_blocking_closures_run_at_once_and_the_others_wait() {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    assert_eq!(at_once(&runtime, 512), 512);
}

#[test]
fn with_max_blocking_threads_so_many_run_at_once() {
    let runtime = Builder::new_current_thread().max_blocking_threads(3).build();
    assert_eq!(at_once(&runtime.expect("a runtime"), 3), 3);
}

#[test]
fn a_file_waits_behind_a_closure_that_has_the_only_blocking_thread() {
    let runtime = Builder::new_current_thread().max_blocking_threads(1).build();
    runtime.expect("a runtime").block_on(async {
        let (go, gone) = mpsc::channel::<()>();
        let closure = spawn_blocking(move || gone.recv_timeout(MINUTE));
        let file = tokio::spawn(tokio::fs::metadata("Cargo.toml"));
        for _ in 0..1_000 {
            yield_now().await;
        }
        assert!(!file.is_finished(), "a look at a file waits");
        drop(go);
        let _ = closure.await.expect("no panic");
        assert!(file.await.expect("no panic").is_ok());
    });
}

#[test]
fn the_queue_of_blocking_work_has_no_limit() {
    let runtime = Builder::new_current_thread().max_blocking_threads(1).build();
    let runtime = runtime.expect("a runtime");
    let (go, gone) = mpsc::channel::<()>();
    runtime.spawn_blocking(move || gone.recv_timeout(MINUTE));
    let waiting: Vec<_> = (0..10_000).map(|_| runtime.spawn_blocking(|| ())).collect();
    assert!(
        waiting.iter().all(|closure| !closure.is_finished()),
        "all are in the queue"
    );
    drop((waiting, go));
}

#[test]
fn an_idle_blocking_thread_ends_after_its_keep_alive() {
    let (says, stopped) = mpsc::channel();
    let runtime = Builder::new_current_thread()
        .thread_keep_alive(Duration::ZERO)
        .on_thread_stop(move || _ = says.send(()))
        .build()
        .expect("a runtime");
    runtime.block_on(async { spawn_blocking(|| ()).await }).expect("no panic");
    stopped.recv_timeout(MINUTE).expect("it ends while the runtime lives");
}

/// How often a task that is always ready is polled between two polls of the future of `block_on`.
fn polls_between(builder: &mut Builder) -> Vec<usize> {
    let runtime = builder.build().expect("a runtime");
    let polls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&polls);
    runtime.spawn(poll_fn(move |cx| {
        count.fetch_add(1, Ordering::Relaxed);
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    }));
    let mut seen = Vec::new();
    runtime.block_on(poll_fn(|cx| {
        seen.push(polls.swap(0, Ordering::Relaxed));
        cx.waker().wake_by_ref();
        if seen.len() < 4 { Poll::Pending } else { Poll::Ready(()) }
    }));
    seen
}

#[test]
fn after_61_tasks_the_runtime_looks_elsewhere() {
    assert_eq!(polls_between(&mut Builder::new_current_thread()), [0, 61, 61, 61]);
    let mut builder = Builder::new_current_thread();
    assert_eq!(polls_between(builder.event_interval(7)), [0, 7, 7, 7]);
}

/// How often a busy task of this thread is polled between two tasks that another thread has spawned.
fn polls_between_tasks_from_outside(builder: &mut Builder) -> usize {
    let runtime = builder.enable_all().build().expect("a runtime");
    let polls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&polls);
    runtime.block_on(async {
        let busy = tokio::spawn(poll_fn(move |cx| {
            count.fetch_add(1, Ordering::Relaxed);
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        let handle = Handle::current();
        let outside = thread::scope(|scope| {
            let spawns = scope.spawn(|| {
                [1, 2].map(|_| {
                    let polls = Arc::clone(&polls);
                    handle.spawn(async move { polls.load(Ordering::Relaxed) })
                })
            });
            spawns.join().expect("no panic")
        });
        let seen = soon(join_all(outside)).await;
        busy.abort();
        let seen: Vec<_> =
            seen.into_iter().map(|polls| polls.expect("no panic")).collect();
        seen[1] - seen[0]
    })
}

#[test]
fn on_one_thread_every_31st_task_is_taken_from_the_queue_of_other_threads() {
    assert_eq!(
        polls_between_tasks_from_outside(&mut Builder::new_current_thread()),
        30
    );
    let mut builder = Builder::new_current_thread();
    assert_eq!(polls_between_tasks_from_outside(builder.global_queue_interval(5)), 4);
}

/// Wakes `other` each time that it is woken.
async fn player(this: Arc<Notify>, other: Arc<Notify>, turns: Arc<AtomicUsize>) {
    loop {
        this.notified().await;
        turns.fetch_add(1, Ordering::Relaxed);
        other.notify_one();
    }
}

#[test]
fn tasks_that_wake_each_other_go_first_three_times_in_a_row() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let (one, two) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let turns = Arc::new(AtomicUsize::new(0));
    runtime.spawn(player(Arc::clone(&one), Arc::clone(&two), Arc::clone(&turns)));
    runtime.spawn(player(Arc::clone(&two), Arc::clone(&one), Arc::clone(&turns)));
    let (says, seen) = mpsc::channel();
    runtime.spawn(async move {
        tokio::spawn(async move { says.send(turns.load(Ordering::Relaxed)) });
        one.notify_one(); // woken last, so it goes first
    });
    assert_eq!(seen.recv_timeout(MINUTE), Ok(3));
}

#[tokio::test(start_paused = true)]
async fn a_timer_counts_whole_milliseconds() {
    for (wanted, waited) in [(1, 1_000), (1_000, 1_000), (1_001, 2_000)] {
        let start = Instant::now();
        ends(sleep(Duration::from_micros(wanted))).await;
        assert_eq!(start.elapsed(), Duration::from_micros(waited));
    }
}

#[test]
fn a_setting_of_zero_panics() {
    let one = Builder::new_current_thread;
    let texts = [
        words_of(|| Builder::new_multi_thread().worker_threads(0).build()),
        words_of(|| one().max_blocking_threads(0).build()),
        words_of(|| one().event_interval(0).build()),
        words_of(|| one().global_queue_interval(0).build()),
        words_of(|| one().max_io_events_per_tick(0).build()),
    ];
    assert_eq!(
        texts,
        [
            "Worker threads cannot be set to 0",
            "Max blocking threads cannot be set to 0",
            "event_interval must be greater than 0",
            "global_queue_interval must be greater than 0",
            "max_io_events_per_tick must be non-zero",
        ]
    );
}

#[test]
fn the_metrics_count_tasks_that_live_and_tasks_in_the_shared_queue() {
    let runtime =
        Builder::new_current_thread().enable_all().build().expect("a runtime");
    let metrics = runtime.metrics();
    let tasks = [1, 2, 3].map(|_| runtime.spawn(async {}));
    assert_eq!((metrics.num_alive_tasks(), metrics.global_queue_depth()), (3, 3));
    runtime.block_on(join_all(tasks));
    assert_eq!((metrics.num_alive_tasks(), metrics.global_queue_depth()), (0, 0));
}

#[test]
fn the_metrics_count_how_often_a_worker_slept_and_how_long_it_was_busy() {
    let runtime =
        Builder::new_current_thread().enable_all().build().expect("a runtime");
    let metrics = runtime.metrics();
    assert_eq!(metrics.worker_park_count(0), 0);
    assert_eq!(metrics.worker_total_busy_duration(0), Duration::ZERO);
    runtime.block_on(async { sleep(Duration::from_millis(1)).await });
    assert!(metrics.worker_park_count(0) > 0);
    assert!(metrics.worker_total_busy_duration(0) > Duration::ZERO);
}

const WORKERS: &str = "TOKIO_WORKER_THREADS";

/// What a child in `role` prints, with these variables set and no other of the two.
fn in_a_child(role: &str, variables: &[(&str, &str)]) -> String {
    let mut command = roles::again("configure::tests::child", role);
    command.env_remove(WORKERS).env_remove("RUST_MIN_STACK");
    let output = command.envs(variables.iter().copied()).output().expect("it ends");
    let text = String::from_utf8(output.stdout).expect("text");
    let line = text.lines().find_map(|line| line.split_once("child: "));
    line.map(|(_, said)| said.to_owned()).expect("the child says something")
}

/// What the proofs start as a child. As a test of its own it does nothing.
#[test]
fn child() {
    let Some(role) = roles::role() else { return };
    let said = match role.as_str() {
        "default" => {
            let build = || Builder::new_multi_thread().build().expect("a runtime");
            catch_unwind(|| build().metrics().num_workers().to_string())
        }
        "two" => catch_unwind(|| {
            let runtime = Builder::new_multi_thread().worker_threads(2).build();
            runtime.expect("a runtime").metrics().num_workers().to_string()
        }),
        "deep" => catch_unwind(|| {
            let runtime = Builder::new_multi_thread().worker_threads(1).build();
            let runtime = runtime.expect("a runtime");
            let task = runtime.spawn(async { deep(4) > 100 });
            runtime.block_on(task).expect("no panic").to_string()
        }),
        _ => panic!("{role}"),
    };
    let said = said.unwrap_or_else(|panic| words(&*panic).to_owned());
    println!("\nchild: {said}");
}

#[test]
fn by_default_there_is_a_worker_for_each_core_that_the_process_may_use() {
    let cores = available_parallelism().expect("a number").to_string();
    assert_eq!(in_a_child("default", &[]), cores);
}

#[test]
fn the_environment_sets_the_number_of_workers_and_the_builder_wins() {
    let three = [(WORKERS, "3")];
    assert_eq!(in_a_child("default", &three), "3");
    assert_eq!(in_a_child("two", &three), "2");
}

#[test]
fn a_wrong_number_of_workers_in_the_environment_panics() {
    let said =
        ["0", "many", ""].map(|value| in_a_child("default", &[(WORKERS, value)]));
    assert_eq!(
        said,
        [
            "\"TOKIO_WORKER_THREADS\" cannot be set to 0",
            "\"TOKIO_WORKER_THREADS\" must be usize, error: invalid digit found in string, value: many",
            "\"TOKIO_WORKER_THREADS\" must be usize, error: cannot parse integer from empty string, value: ",
        ]
    );
    assert_eq!(
        in_a_child("two", &[(WORKERS, "many")]),
        "2",
        "the builder does not ask"
    );
}

#[test]
fn rust_min_stack_is_the_default_for_the_stack() {
    let eight = (8 * MIB).to_string();
    assert_eq!(in_a_child("deep", &[("RUST_MIN_STACK", &eight)]), "true");
}

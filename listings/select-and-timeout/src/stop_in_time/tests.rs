use std::future::{pending, ready};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use backend::alive::{Alive, left_at_drops};
use backend::cancel::after_polls;
use backend::panics::words;
use backend::{MINUTE, ends, soon};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking, yield_now};
use tokio::time::sleep;

use super::*;

const HOUR: Duration = Duration::from_hours(1);
fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn s(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// The plan of the page.
fn nine_seconds() -> Plan {
    Plan { not_ready: s(2), finish: s(6), gone: s(7), flush: s(8), end: s(9) }
}

fn two_workers() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Works in pieces of a second, and looks at `stop` between two.
async fn well_behaved(stop: CancellationToken) {
    while !stop.is_cancelled() {
        sleep(s(1)).await;
    }
}

/// Does not know that it shall stop, and sets a flag at the end.
async fn stubborn(alive: Alive, done: Arc<AtomicBool>) {
    let _guard = alive.guard();
    sleep(HOUR).await;
    done.store(true, Ordering::SeqCst);
}

/// What happened, in order.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn all(&self) -> String {
        self.0.lock().unwrap().join(", ")
    }
}

/// A thread that waits for a message. It holds a guard, and says when it has begun.
struct Blocked {
    begun: oneshot::Receiver<()>,
    release: mpsc::Sender<()>,
    ended: mpsc::Receiver<&'static str>,
}

impl Blocked {
    fn new() -> (impl FnOnce() + Send + 'static, Self) {
        let (here, begun) = oneshot::channel();
        let (release, released) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let block = move || {
            here.send(()).unwrap();
            let released = released.recv();
            end.send(if released.is_ok() { "released" } else { "alone" }).unwrap();
        };
        (block, Self { begun, release, ended })
    }

    /// Lets it go on. It was still blocked until now.
    fn was_blocked_until_now(&self) {
        assert_eq!(self.ended.try_recv(), Err(mpsc::TryRecvError::Empty));
        self.release.send(()).unwrap();
        assert_eq!(self.ended.recv_timeout(MINUTE), Ok("released"));
    }
}

/// What `work` gives, on a thread of its own. It only hangs if a promise is broken.
fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(work()));
    receiver.recv_timeout(MINUTE).expect("it ends within a minute")
}

// What most code starts with.

#[tokio::test(start_paused = true)]
async fn after_the_naive_stop_three_of_three_workers_are_alive_and_run_to_their_end() {
    let (alive, ended) = (Alive::default(), Alive::default());
    let worker = || {
        let (guard, ended) = (alive.guard(), ended.clone());
        tokio::spawn(async move {
            let _guard = guard;
            sleep(s(30)).await;
            drop(ended.guard());
        })
    };
    let workers: Vec<JoinHandle<()>> = (0..3).map(|_| worker()).collect();
    assert_eq!(
        naive::shut_down(workers, s(10)).await,
        "the workers were forced to stop"
    );
    yield_now().await;
    assert_eq!((alive.count(), ended.dropped()), (3, 0));

    sleep(s(25)).await;
    assert_eq!((alive.count(), ended.dropped()), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn for_the_naive_stop_a_worker_that_panics_has_stopped() {
    let workers = vec![tokio::spawn(async { panic!("the order is half written") })];
    assert_eq!(naive::shut_down(workers, s(10)).await, "all workers have stopped");
}

// The tasks.

/// Stops `tasks` by the times of the page: 6 s to finish, 1 s until they are gone.
async fn stopped(tasks: JoinSet<()>, stop: &CancellationToken) -> (Report, Duration) {
    let begun = Instant::now();
    let report = ends(stop_tasks(tasks, stop, begun + s(6), begun + s(7))).await;
    (report, begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn tasks_that_look_at_the_token_are_clean_and_the_stop_ends_with_the_last_one() {
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    for _ in 0..3 {
        tasks.spawn(well_behaved(stop.clone()));
    }
    sleep(ms(500)).await;
    let report = Report { clean: 3, ..Report::default() };
    assert_eq!(stopped(tasks, &stop).await, (report, ms(500)));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_stop_is_dropped_when_its_time_is_over_and_is_gone() {
    let (alive, done) = (Alive::default(), Arc::new(AtomicBool::new(false)));
    let mut tasks = JoinSet::new();
    for _ in 0..3 {
        tasks.spawn(stubborn(alive.clone(), Arc::clone(&done)));
    }
    yield_now().await;
    assert_eq!(alive.count(), 3);
    let report = Report { aborted: 3, ..Report::default() };
    assert_eq!(stopped(tasks, &CancellationToken::new()).await, (report, s(6)));
    assert_eq!(alive.count(), 0);

    sleep(2 * HOUR).await;
    assert!(!done.load(Ordering::SeqCst));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_just_in_time_is_clean() {
    let mut tasks = JoinSet::new();
    tasks.spawn(sleep(ms(5999)));
    tasks.spawn(sleep(ms(6001)));
    let report = Report { clean: 1, aborted: 1, ..Report::default() };
    assert_eq!(stopped(tasks, &CancellationToken::new()).await, (report, s(6)));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_counted_as_a_panic() {
    let mut tasks = JoinSet::new();
    tasks.spawn(async { panic!("before the stop") });
    yield_now().await;
    tasks.spawn(async {
        sleep(s(1)).await;
        panic!("during the stop")
    });
    let report = Report { panicked: 2, ..Report::default() };
    assert_eq!(stopped(tasks, &CancellationToken::new()).await, (report, s(1)));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ended_before_the_stop_is_counted_too() {
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(ready(()));
    tasks.spawn(well_behaved(stop.clone()));
    sleep(ms(1500)).await;
    let report = Report { clean: 2, ..Report::default() };
    assert_eq!(stopped(tasks, &stop).await, (report, ms(500)));
}

#[test]
fn an_aborted_task_is_waited_for_until_it_reaches_its_await() {
    two_workers().block_on(async {
        let alive = Alive::default();
        let (block, blocked) = Blocked::new();
        let mut tasks = JoinSet::new();
        let guard = alive.guard();
        tasks.spawn(async move {
            let _guard = guard;
            block();
            pending::<()>().await;
        });
        soon(blocked.begun).await.unwrap();
        let stop = CancellationToken::new();
        let asked = stop.clone();
        let release = tokio::spawn(async move {
            asked.cancelled().await;
            blocked.release.send(()).unwrap();
        });
        let now = Instant::now();
        let report = soon(stop_tasks(tasks, &stop, now, now + HOUR)).await;
        assert_eq!(report, Report { aborted: 1, ..Report::default() });
        assert_eq!(alive.count(), 0);
        release.await.unwrap();
    });
}

/// What a stop says that aborts at once, and then waits for `gone` at most.
async fn aborted_at_once(tasks: JoinSet<()>, gone: Duration) -> Report {
    let (now, stop) = (Instant::now(), CancellationToken::new());
    soon(stop_tasks(tasks, &stop, now, now + gone)).await
}

#[test]
fn a_task_that_blocks_its_thread_is_stuck_and_the_stop_ends_without_it() {
    two_workers().block_on(async {
        let (block, mut blocked) = Blocked::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            block();
        });
        soon(&mut blocked.begun).await.unwrap();
        let report = aborted_at_once(tasks, Duration::ZERO).await;
        assert_eq!(report, Report { stuck: 1, ..Report::default() });
        blocked.was_blocked_until_now();
    });
}

#[test]
fn an_abort_does_not_stop_a_blocking_closure_that_runs() {
    two_workers().block_on(async {
        let (block, mut blocked) = Blocked::new();
        let mut tasks = JoinSet::new();
        tasks.spawn_blocking(block);
        soon(&mut blocked.begun).await.unwrap();
        let report = aborted_at_once(tasks, Duration::ZERO).await;
        assert_eq!(report, Report { stuck: 1, ..Report::default() });
        blocked.was_blocked_until_now();
    });
}

#[test]
fn a_task_that_waits_for_a_blocking_closure_is_aborted_and_the_closure_goes_on() {
    two_workers().block_on(async {
        let (block, mut blocked) = Blocked::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { spawn_blocking(block).await.unwrap() });
        soon(&mut blocked.begun).await.unwrap();
        let report = aborted_at_once(tasks, HOUR).await;
        assert_eq!(report, Report { aborted: 1, ..Report::default() });
        blocked.was_blocked_until_now();
    });
}

#[tokio::test(start_paused = true)]
async fn whoever_drops_the_stop_of_the_tasks_leaves_no_task() {
    let done = Arc::new(AtomicBool::new(false));
    let left = left_at_drops(|alive| {
        let mut tasks = JoinSet::new();
        tasks.spawn(stubborn(alive.clone(), Arc::clone(&done)));
        let (now, stop) = (Instant::now(), CancellationToken::new());
        async move {
            yield_now().await; // the task begins
            stop_tasks(tasks, &stop, now + s(6), now + s(7)).await
        }
    });
    // It was dropped while it waited, and the abort needs a turn of the runtime.
    assert!(ends(left).await > 0);
    assert!(!done.load(Ordering::SeqCst));
}

// The whole program.

#[tokio::test(start_paused = true)]
async fn the_steps_come_in_this_order_each_at_its_time() {
    let log = Log::default();
    let begun = Instant::now();
    let say = |what: &str| {
        let (log, what) = (log.clone(), what.to_owned());
        move || log.add(format!("{what} {:?}", begun.elapsed()))
    };
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let (asked, dropped) = (say("asked"), say("dropped"));
    let stopping = stop.clone();
    tasks.spawn(async move {
        stopping.cancelled().await;
        asked();
        let _at_the_abort = Call(Some(dropped));
        pending::<()>().await;
    });
    let (flushing, cut) = (say("flush"), say("flush dropped"));
    let flush = |_| async move {
        flushing();
        let _at_the_limit = Call(Some(cut));
        pending::<()>().await;
    };
    let plan = nine_seconds();
    let stopping = stop_program(tasks, &stop, &plan, say("not ready"), flush);
    let stopped = ends(stopping).await;
    let steps = "not ready 0ns, asked 2s, dropped 6s, flush 6s, flush dropped 8s";
    assert_eq!(log.all(), steps);
    let tasks = Report { aborted: 1, ..Report::default() };
    assert_eq!(stopped, Stopped { tasks, flushed: false, left: s(1) });
}

/// Calls what it holds when it is dropped.
struct Call<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for Call<F> {
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            call();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn time_that_one_step_does_not_need_is_left_for_the_next_ones() {
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(well_behaved(stop.clone())); // ends at 2 s
    tasks.spawn(sleep(ms(2500)));
    // The plan keeps one second for this.
    let flush = |_| sleep(s(5));
    let plan = nine_seconds();
    let stopped = ends(stop_program(tasks, &stop, &plan, || {}, flush)).await;
    let tasks = Report { clean: 2, ..Report::default() };
    assert_eq!(stopped, Stopped { tasks, flushed: true, left: ms(1500) });
}

#[tokio::test(start_paused = true)]
async fn while_it_is_not_ready_new_work_is_still_done() {
    let stop = CancellationToken::new();
    let served = Arc::new(Mutex::new(0));
    let mut tasks = JoinSet::new();
    let (asked, count) = (stop.clone(), Arc::clone(&served));
    tasks.spawn(async move {
        while asked.run_until_cancelled(sleep(ms(300))).await.is_some() {
            *count.lock().unwrap() += 1; // a new client is served
        }
    });
    let flush = |_| ready(());
    ends(stop_program(tasks, &stop, &nine_seconds(), || {}, flush)).await;
    assert_eq!(*served.lock().unwrap(), 6); // within 2 s
}

#[tokio::test(start_paused = true)]
async fn the_flush_gets_the_report() {
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(async { panic!("a bug") });
    tasks.spawn(well_behaved(stop.clone()));
    tasks.spawn(pending());
    let mut logged = None;
    let flush = |report| {
        logged = Some(report);
        ready(())
    };
    let plan = nine_seconds();
    let stopped = ends(stop_program(tasks, &stop, &plan, || {}, flush)).await;
    let report = Report { clean: 1, panicked: 1, aborted: 1, stuck: 0 };
    assert_eq!((logged, stopped.tasks), (Some(report), report));
}

#[test]
fn a_task_that_is_stuck_does_not_hold_up_the_flush() {
    two_workers().block_on(async {
        let (block, mut blocked) = Blocked::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            block();
        });
        soon(&mut blocked.begun).await.unwrap();
        let zero = Duration::ZERO;
        let plan =
            Plan { not_ready: zero, finish: zero, gone: zero, flush: HOUR, end: HOUR };
        let stop = CancellationToken::new();
        let stopping = stop_program(tasks, &stop, &plan, || {}, |_| ready(()));
        let stopped = soon(stopping).await;
        let tasks = Report { stuck: 1, ..Report::default() };
        assert_eq!((stopped.tasks, stopped.flushed), (tasks, true));
        blocked.was_blocked_until_now();
    });
}

#[tokio::test(start_paused = true)]
async fn whoever_drops_the_stop_of_the_program_leaves_no_task() {
    let done = Arc::new(AtomicBool::new(false));
    let left = left_at_drops(|alive| {
        let mut tasks = JoinSet::new();
        tasks.spawn(stubborn(alive.clone(), Arc::clone(&done)));
        let (plan, stop) = (nine_seconds(), CancellationToken::new());
        let guard = alive.guard();
        let flush = |_| async move {
            let _guard = guard;
            sleep(s(1)).await;
        };
        async move {
            yield_now().await; // the task begins
            stop_program(tasks, &stop, &plan, || {}, flush).await
        }
    });
    assert!(ends(left).await > 0);
    assert!(!done.load(Ordering::SeqCst));
}

#[tokio::test(start_paused = true)]
async fn if_it_is_dropped_while_it_is_not_ready_nobody_was_asked_and_nothing_is_flushed()
 {
    let (log, stop) = (Log::default(), CancellationToken::new());
    let mut tasks = JoinSet::new();
    tasks.spawn(well_behaved(stop.clone()));
    let flush = |_| async { log.add("flushed") };
    let (plan, say) = (nine_seconds(), || log.add("not ready"));
    let stopping = stop_program(tasks, &stop, &plan, say, flush);
    assert_eq!(after_polls(1, stopping).await, None);
    sleep(HOUR).await;
    assert_eq!((log.all().as_str(), stop.is_cancelled()), ("not ready", false));
}

#[tokio::test(start_paused = true)]
async fn both_stops_can_be_spawned() {
    let (stop, plan) = (CancellationToken::new(), nine_seconds());
    let spawned = tokio::spawn(async move {
        stop_program(JoinSet::new(), &stop, &plan, || {}, |_| ready(())).await
    });
    assert_eq!(spawned.await.unwrap().left, s(7));
}

// The runtime.

/// A closure in `spawn_blocking` of `runtime` which ends only after the tasks of the runtime have been dropped: a
/// task holds what releases it. Writes into `log`.
fn released_by_the_drop_of_a_task(runtime: &Runtime, log: &Log) {
    let (release, released) = mpsc::channel::<()>();
    let (here, begun) = oneshot::channel();
    let log = log.clone();
    runtime.spawn_blocking(move || {
        here.send(()).unwrap();
        assert!(released.recv().is_err());
        for _ in 0..1000 {
            thread::yield_now(); // who does not wait is first
        }
        log.add("the closure has ended");
    });
    runtime.spawn(async move {
        let _release = release;
        pending::<()>().await;
    });
    runtime.block_on(soon(begun)).unwrap();
}

fn nothing_to_stop(left: Duration) -> Stopped {
    Stopped { tasks: Report::default(), flushed: true, left }
}

#[test]
fn a_runtime_that_is_dropped_waits_for_a_blocking_closure() {
    let log = Log::default();
    let runtime = two_workers();
    released_by_the_drop_of_a_task(&runtime, &log);
    let seen = log.clone();
    in_time(move || {
        drop(runtime);
        seen.add("the drop has returned");
    });
    assert_eq!(log.all(), "the closure has ended, the drop has returned");
}

#[test]
fn without_a_limit_the_program_waits_for_a_blocking_closure() {
    let log = Log::default();
    let runtime = two_workers();
    released_by_the_drop_of_a_task(&runtime, &log);
    let seen = log.clone();
    in_time(move || {
        naive::run_program(runtime, ready(nothing_to_stop(Duration::ZERO)));
        seen.add("the program has ended");
    });
    assert_eq!(log.all(), "the closure has ended, the program has ended");
}

#[test]
fn the_program_ends_in_time_while_a_blocking_closure_still_runs() {
    let runtime = two_workers();
    let (block, mut blocked) = Blocked::new();
    runtime.spawn_blocking(block);
    runtime.block_on(soon(&mut blocked.begun)).unwrap();
    let stopped = nothing_to_stop(ms(10));
    assert_eq!(in_time(move || run_program(runtime, ready(stopped))), stopped);
    blocked.was_blocked_until_now();
}

#[test]
fn the_program_waits_for_a_blocking_closure_that_ends_in_time() {
    let log = Log::default();
    let runtime = two_workers();
    released_by_the_drop_of_a_task(&runtime, &log);
    let seen = log.clone();
    in_time(move || {
        run_program(runtime, ready(nothing_to_stop(HOUR)));
        seen.add("the program has ended");
    });
    assert_eq!(log.all(), "the closure has ended, the program has ended");
}

#[test]
fn shutdown_background_waits_for_no_blocking_closure() {
    let runtime = two_workers();
    let (block, mut blocked) = Blocked::new();
    runtime.spawn_blocking(block);
    runtime.block_on(soon(&mut blocked.begun)).unwrap();
    in_time(move || runtime.shutdown_background());
    blocked.was_blocked_until_now();
}

#[test]
fn shutdown_timeout_returns_while_a_task_blocks_its_thread() {
    let runtime = two_workers();
    let (block, mut blocked) = Blocked::new();
    runtime.spawn(async move {
        block();
    });
    runtime.block_on(soon(&mut blocked.begun)).unwrap();
    in_time(move || runtime.shutdown_timeout(ms(10)));
    blocked.was_blocked_until_now();
}

#[test]
fn a_blocking_closure_that_waits_for_its_turn_is_begun_after_the_shutdown() {
    // With one thread: the workers of a runtime with several take work from the queue too when they end.
    let runtime =
        Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    let (block, mut blocked) = Blocked::new();
    runtime.spawn_blocking(block);
    runtime.block_on(&mut blocked.begun).unwrap();
    let (next, next_begun) = mpsc::channel();
    runtime.spawn_blocking(move || next.send(()).unwrap());
    in_time(move || runtime.shutdown_timeout(ms(10)));
    assert_eq!(next_begun.try_recv(), Err(mpsc::TryRecvError::Empty));
    blocked.was_blocked_until_now();
    assert_eq!(next_begun.recv_timeout(MINUTE), Ok(()));
}

#[test]
fn in_async_code_the_drop_of_a_runtime_panics_and_shutdown_background_does_not() {
    let outer = two_workers();
    let dropped = outer.block_on(async {
        let inner = two_workers();
        tokio::spawn(async move { drop(inner) }).await
    });
    let panic = dropped.unwrap_err().into_panic();
    let said = words(panic.as_ref());
    assert!(
        said.contains("Cannot drop a runtime in a context where blocking"),
        "{said}"
    );

    outer.block_on(async {
        let inner = two_workers();
        tokio::spawn(async move {
            inner.shutdown_background();
        })
        .await
        .unwrap();
    });
}

#[test]
fn after_the_end_of_a_runtime_a_spawn_does_nothing_and_says_nothing() {
    let runtime = two_workers();
    let handle = runtime.handle().clone();
    drop(runtime);
    let alive = Alive::default();
    let guard = alive.guard();
    let task = handle.spawn(async move {
        let _guard = guard;
        unreachable!("it never begins");
    });
    assert_eq!(alive.count(), 0);
    let error = two_workers().block_on(task).unwrap_err();
    assert!(error.is_cancelled());
}

use std::future::pending;
use std::process::{Command, exit};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use backend::panics::words_of;
use backend::{Alive, MINUTE, roles, soon};
use futures::FutureExt;
use futures::executor::block_on;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Barrier, Notify};
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::{Interval, Sleep, interval, sleep, timeout};

use super::*;

const HOUR: Duration = Duration::from_hours(1);

/// What Tokio says when a runtime is gone.
const GONE: &str = "A Tokio 1.x context was found, but it is being shutdown.";

fn workers(n: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(n).enable_all().build().unwrap()
}

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn both() -> [Runtime; 2] {
    [workers(1), one_thread()]
}

/// Handles of runtimes that are gone.
fn gone() -> [Handle; 2] {
    both().map(|runtime| runtime.handle().clone())
}

#[test]
fn a_task_spawned_on_a_runtime_that_is_gone_is_cancelled_and_nothing_panics() {
    for handle in gone() {
        let task = handle.spawn(async {});
        assert!(task.is_finished());
        assert!(block_on(task).unwrap_err().is_cancelled());
        let closure = handle.spawn_blocking(|| ());
        assert!(block_on(closure).unwrap_err().is_cancelled());
    }
}

#[test]
fn block_on_of_a_runtime_that_is_gone_runs_what_needs_no_timer_and_no_socket() {
    for handle in gone() {
        let sum = handle.block_on(async {
            yield_now().await;
            1 + 1
        });
        assert_eq!(sum, 2);
        let limit = async { timeout(HOUR, async { 5 }).await };
        assert_eq!(handle.block_on(limit), Ok(5));
    }
}

#[test]
fn on_a_runtime_that_is_gone_a_new_socket_is_an_error() {
    for handle in gone() {
        let error = handle.block_on(TcpListener::bind("127.0.0.1:0")).unwrap_err();
        assert_eq!(error.to_string(), GONE);
    }
}

#[test]
fn on_a_runtime_that_is_gone_a_timer_panics() {
    for handle in gone() {
        assert_eq!(words_of(|| handle.block_on(async { sleep(HOUR).await })), GONE);
        let limit = async { timeout(HOUR, pending::<()>()).await };
        assert_eq!(words_of(|| handle.block_on(limit)), GONE);
    }
}

#[test]
fn on_a_runtime_that_is_gone_a_file_of_tokio_is_an_error() {
    for handle in gone() {
        let error = handle.block_on(tokio::fs::metadata(".")).unwrap_err();
        assert_eq!(error.to_string(), "background task failed");
    }
}

/// Two timers, a listener and a connection to it, all of which outlive their runtime.
struct Left {
    timer: std::pin::Pin<Box<Sleep>>,
    ticks: Interval,
    listener: TcpListener,
    client: TcpStream,
}

fn left_by(runtime: Runtime) -> Left {
    let left = runtime.block_on(soon(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let _accepted = listener.accept().await.unwrap();
        let mut ticks = interval(HOUR);
        ticks.tick().await;
        let mut timer = Box::pin(sleep(HOUR));
        assert!(timer.as_mut().now_or_never().is_none());
        Left { timer, ticks, listener, client }
    }));
    drop(runtime);
    left
}

#[test]
fn timers_that_outlive_their_runtime_panic_and_sockets_give_errors() {
    for runtime in both() {
        let mut left = left_by(runtime);
        assert_eq!(words_of(|| block_on(left.timer)), GONE);
        assert_eq!(words_of(|| block_on(left.ticks.tick())), GONE);
        assert_eq!(block_on(left.listener.accept()).unwrap_err().to_string(), GONE);
        let client = left.client.into_std();
        assert!(client.is_ok(), "the socket itself is still there");
    }
}

#[test]
fn channels_need_no_runtime() {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    block_on(async {
        sender.send(1).await.unwrap();
        assert_eq!(receiver.recv().await, Some(1));
    });
}

#[test]
fn a_task_that_had_no_turn_yet_is_dropped_and_never_runs() {
    let alive = Alive::default();
    let (ran, runs) = channel();
    let (runtime, guard) = (one_thread(), alive.guard());
    runtime.spawn(async move {
        let _guard = guard;
        ran.send(())
    });
    drop(runtime);
    assert_eq!(alive.count(), 0);
    assert!(runs.recv().is_err(), "it sent nothing");
}

/// A closure that runs until `open` is dropped, and one that waits for its thread. Each
/// says when it ends.
fn two_closures(mut builder: Builder) -> (Runtime, Sender<()>, Receiver<u32>) {
    let runtime = builder.max_blocking_threads(1).build().unwrap();
    let (open, gate) = channel::<()>();
    let (begins, begun) = channel();
    let (ends, ended) = channel();
    let first = ends.clone();
    runtime.spawn_blocking(move || {
        begins.send(()).unwrap();
        let _closed = gate.recv();
        first.send(1)
    });
    begun.recv_timeout(MINUTE).unwrap();
    runtime.spawn_blocking(move || ends.send(2));
    (runtime, open, ended)
}

#[test]
fn a_plain_drop_returns_when_all_tasks_and_all_closures_are_gone() {
    for builder in [Builder::new_multi_thread(), Builder::new_current_thread()] {
        let (alive, (runtime, open, ended)) = (Alive::default(), two_closures(builder));
        let guard = alive.guard();
        runtime.spawn(async move {
            let _held = (open, guard);
            pending::<()>().await;
        });
        runtime.block_on(yield_now());
        drop(runtime); // drops the task, which lets the first closure end
        let mut closures: Vec<u32> = ended.try_iter().collect();
        closures.sort_unstable();
        assert_eq!((alive.count(), closures), (0, vec![1, 2]));
    }
}

#[test]
fn after_shutdown_background_closures_run_on_and_those_in_the_queue_begin() {
    for builder in [Builder::new_multi_thread(), Builder::new_current_thread()] {
        let (runtime, open, ended) = two_closures(builder);
        runtime.shutdown_background(); // a wait for the first closure would never end
        drop(open);
        let mut closures = [(); 2].map(|()| ended.recv_timeout(MINUTE).unwrap());
        closures.sort_unstable();
        assert_eq!(closures, [1, 2]);
    }
}

/// Says on which thread it was dropped.
struct Says(Sender<ThreadId>);

impl Drop for Says {
    fn drop(&mut self) {
        self.0.send(thread::current().id()).unwrap();
    }
}

/// The thread on which a task that waits is dropped with `runtime`, and a worker of it.
fn dropped_on(runtime: Runtime) -> [ThreadId; 2] {
    let (says, said) = channel();
    let (begins, begun) = tokio::sync::oneshot::channel();
    runtime.spawn(async move {
        let _says = Says(says);
        begins.send(thread::current().id()).unwrap();
        pending::<()>().await;
    });
    let ran_on = runtime.block_on(soon(begun)).unwrap();
    drop(runtime);
    [said.recv_timeout(MINUTE).unwrap(), ran_on]
}

#[test]
fn tasks_are_dropped_by_a_worker_or_by_the_only_thread() {
    let [dropped, ran] = dropped_on(workers(1));
    assert!(dropped == ran && dropped != thread::current().id());
    assert_eq!(dropped_on(one_thread())[0], thread::current().id());
}

#[test]
fn on_one_thread_an_aborted_task_is_dropped_only_when_the_runtime_has_a_turn() {
    let (alive, runtime) = (Alive::default(), one_thread());
    let guard = alive.guard();
    let task = runtime.spawn(async move {
        let _guard = guard;
        pending::<()>().await;
    });
    runtime.block_on(yield_now());
    task.abort();
    assert_eq!((alive.count(), task.is_finished()), (1, false));
    runtime.block_on(async {}); // ready at once, so no task has a turn
    assert_eq!((alive.count(), task.is_finished()), (1, false));
    runtime.block_on(yield_now());
    assert_eq!((alive.count(), task.is_finished()), (0, true));
}

#[test]
fn dropping_a_runtime_in_async_code_panics() {
    let expected = "Cannot drop a runtime in a context where blocking is not allowed. \
                    This happens when a runtime is dropped from within an asynchronous \
                    context.";
    for (outer, inner) in both().into_iter().zip(both()) {
        let panic = words_of(|| outer.block_on(async move { drop(inner) }));
        assert_eq!(panic, expected);
    }
    let client = naive::BlockingClient::new().unwrap();
    assert_eq!(words_of(|| workers(1).block_on(async move { drop(client) })), expected);
}

#[test]
fn a_client_that_owns_a_runtime_may_be_dropped_in_a_task() {
    let client = BlockingClient::new().unwrap();
    assert_eq!(client.call(async { 1 }), 1);
    let (says, said) = channel();
    let says = Says(says);
    client.handle.spawn(async move {
        let _says = says;
        pending::<()>().await;
    });
    one_thread().block_on(async move { drop(client) });
    said.recv_timeout(MINUTE).unwrap(); // its task is dropped, a little later
}

#[test]
fn a_client_does_requests_with_timers_and_sockets() {
    let client = BlockingClient::new().unwrap();
    let bound = client.call(async {
        sleep(Duration::from_millis(1)).await;
        TcpListener::bind("127.0.0.1:0").await
    });
    assert!(bound.is_ok());
}

#[test]
fn a_call_in_async_code_panics() {
    let client = BlockingClient::new().unwrap();
    let panic = words_of(|| one_thread().block_on(async { client.call(async {}) }));
    assert!(
        panic.starts_with("Cannot start a runtime from within a runtime."),
        "{panic}"
    );
}

#[test]
fn a_closure_of_spawn_blocking_may_drop_a_runtime() {
    for (outer, inner) in both().into_iter().zip(both()) {
        let dropped = async move { spawn_blocking(move || drop(inner)).await };
        assert!(outer.block_on(soon(dropped)).is_ok());
    }
}

/// A runtime that says when it starts a thread.
fn counted(mut builder: Builder) -> (Runtime, Receiver<()>) {
    let (starts, started) = channel();
    let starts = Mutex::new(starts);
    let said = move || starts.lock().unwrap().send(()).unwrap_or_default();
    (builder.on_thread_start(said).build().unwrap(), started)
}

#[test]
fn workers_start_with_the_runtime_and_a_blocking_thread_when_it_is_needed() {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(3);
    let (runtime, started) = counted(builder);
    for _ in 0..3 {
        started.recv_timeout(MINUTE).unwrap();
    }
    let short = Duration::from_millis(50);
    assert_eq!(started.recv_timeout(short), Err(RecvTimeoutError::Timeout));
    runtime.spawn_blocking(|| ());
    started.recv_timeout(MINUTE).unwrap();
}

#[test]
fn a_current_thread_runtime_starts_no_thread_and_runs_on_that_of_block_on() {
    let (runtime, started) = counted(Builder::new_current_thread());
    let thread = runtime.block_on(async {
        tokio::spawn(async { thread::current().id() }).await.unwrap()
    });
    assert_eq!(thread, thread::current().id());
    drop(runtime);
    assert!(started.recv().is_err(), "no thread had started");
}

#[test]
fn a_panic_in_a_task_does_not_end_its_worker() {
    let runtime = workers(1);
    let thread = || runtime.block_on(runtime.spawn(async { thread::current().id() }));
    let before = thread().unwrap();
    let panic = runtime.block_on(runtime.spawn(async { panic!("boom") }));
    assert!(panic.unwrap_err().is_panic());
    assert_eq!(thread().unwrap(), before);
}

/// Two tasks, each of which waits until both have begun.
async fn two_users<F>(greet: impl Fn(u32, Arc<Barrier>) -> F) -> [u32; 2]
where
    F: Future<Output = u32> + Send + 'static,
{
    let both = Arc::new(Barrier::new(2));
    let tasks = [1, 2].map(|user| tokio::spawn(greet(user, Arc::clone(&both))));
    let mut users = [0; 2];
    for (user, task) in users.iter_mut().zip(tasks) {
        *user = soon(task).await.unwrap();
    }
    users
}

#[test]
fn a_thread_local_of_one_task_is_overwritten_by_another_one() {
    let users = one_thread().block_on(two_users(|user, both| {
        naive::greet(user, async move {
            let _first = both.wait().await;
        })
    }));
    assert_eq!(users, [2, 2], "user 1 was greeted as user 2");
}

#[test]
fn a_task_local_belongs_to_its_task() {
    for runtime in [one_thread(), workers(2)] {
        let users = runtime.block_on(two_users(|user, both| {
            greet(user, async move {
                let _first = both.wait().await;
            })
        }));
        assert_eq!(users, [1, 2]);
    }
}

/// What comes. On a busy machine, Tokio 1.54.1 may miss to wake a worker for a task from
/// outside while the other one is blocked. Another task makes up for it.
fn nudged<T>(runtime: &Runtime, arrived: &Receiver<T>) -> T {
    let mut nudges = (0..600).map(|_| {
        runtime.spawn(async {});
        arrived.recv_timeout(Duration::from_millis(100)).ok()
    });
    nudges.find_map(|arrived| arrived).expect("it comes within a minute")
}

/// Has a task wait on a worker, blocks this worker, and lets the task go on.
fn moved<F>(greet: impl FnOnce(u32, Arc<Notify>) -> F) -> (u32, bool)
where
    F: Future<Output = u32> + Send + 'static,
{
    let (runtime, go_on) = (workers(2), Arc::new(Notify::new()));
    let (begins, begun) = channel();
    let greeting = greet(7, Arc::clone(&go_on));
    let task = runtime.spawn(async move {
        begins.send(thread::current().id()).unwrap();
        let user = greeting.await;
        (user, thread::current().id())
    });
    let first = begun.recv_timeout(MINUTE).unwrap();
    // Both workers are blocked, until the one that is not the first is let go.
    let (at, arrived) = channel();
    let mut gates = Vec::new();
    for _ in 0..2 {
        let ((open, gate), at) = (channel::<()>(), at.clone());
        runtime.spawn(async move {
            at.send(thread::current().id()).unwrap();
            let _closed = gate.recv();
        });
        gates.push((nudged(&runtime, &arrived), open));
    }
    go_on.notify_one();
    gates.retain(|(thread, _)| *thread == first);
    let (user, second) = runtime.block_on(soon(task)).unwrap();
    drop(gates);
    (user, second != first)
}

#[test]
fn a_task_may_continue_on_another_thread_and_has_its_task_local_there_but_no_thread_local()
 {
    let of_the_thread =
        moved(|user, go_on| naive::greet(user, async move { go_on.notified().await }));
    assert_eq!(of_the_thread, (0, true));
    let of_the_task =
        moved(|user, go_on| greet(user, async move { go_on.notified().await }));
    assert_eq!(of_the_task, (7, true));
}

/// What the next proofs start as a child. As a test of its own it does nothing.
#[test]
fn child() {
    struct Goodbye;
    impl Drop for Goodbye {
        fn drop(&mut self) {
            println!("child: goodbye");
        }
    }
    let Some(role) = roles::role() else { return };
    let (begins, begun) = channel();
    if role == "closure" {
        naive::RUNTIME.spawn_blocking(move || {
            let _goodbye = Goodbye;
            begins.send(()).unwrap();
            thread::sleep(HOUR);
        });
        begun.recv_timeout(MINUTE).unwrap();
        exit(0);
    }
    let task = async move {
        let _goodbye = Goodbye;
        begins.send(()).unwrap();
        pending::<()>().await;
    };
    let in_main = (role == "in main").then(|| workers(1));
    in_main.as_ref().unwrap_or(&naive::RUNTIME).spawn(task);
    begun.recv_timeout(MINUTE).unwrap();
    drop(in_main); // as at the end of `main`; and statics are not dropped
    exit(0);
}

/// Whether the child ends with a destructor of its task or closure.
fn says_goodbye(role: &str) -> bool {
    let mut child = roles::again("what_a_runtime_owns::tests::child", role);
    let output = child.output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().contains("child: goodbye")
}

#[test]
fn the_tasks_of_a_static_runtime_are_not_dropped_when_the_program_ends() {
    assert!(says_goodbye("in main"));
    assert!(!says_goodbye("static"));
}

#[test]
fn a_closure_of_a_static_runtime_ends_with_the_program() {
    assert!(!says_goodbye("closure"));
}

#[cfg(unix)]
#[test]
fn a_signal_that_a_runtime_has_heard_does_not_end_the_program_when_the_runtime_is_gone()
{
    use rustix::process::{Signal as Number, getpid, kill_process};
    use tokio::signal::unix::{SignalKind, signal};

    let runtime = one_thread();
    let mut heard = runtime.block_on(async { signal(SignalKind::user_defined1()) });
    let heard = heard.as_mut().unwrap();
    kill_process(getpid(), Number::USR1).unwrap();
    runtime.block_on(soon(heard.recv())).unwrap();
    drop(runtime);
    // Without a handler, this ends the process, and so this test.
    kill_process(getpid(), Number::USR1).unwrap();
}

#[cfg(unix)]
#[test]
fn a_command_may_be_started_while_a_runtime_runs() {
    let runtime = workers(2);
    let status = runtime.block_on(soon(runtime.spawn_blocking(|| {
        Command::new("sh").args(["-c", "exit 7"]).status().unwrap()
    })));
    assert_eq!(status.unwrap().code(), Some(7));
}

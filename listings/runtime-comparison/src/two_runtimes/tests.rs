use std::any::Any;
use std::convert::Infallible;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use backend::panics::{words, words_of};
use backend::polls::let_others_run;
use backend::turns::Done;
use backend::{Alive, MINUTE, on_a_thread, roles};
use futures::{FutureExt, StreamExt, stream};
use smol::channel::bounded;
use smol::{Executor, LocalExecutor, Timer};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{interval, sleep};

use super::*;

/// Runs `main` and the tasks of `executor` on this thread.
fn on<F: Future>(executor: &Executor<'_>, main: F) -> F::Output {
    smol::block_on(executor.run(main))
}

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

// The bodies of these proofs know nothing of their runtime.

macro_rules! five {
    ($runtime:ident) => {{
        let outputs = $runtime::run(async {
            let tasks = [1, 2, 3, 4, 5].map(|i| {
                $runtime::spawn(async move {
                    let_others_run().await;
                    i * 2
                })
            });
            let mut outputs = Vec::new();
            for task in tasks {
                outputs.push(task.output().await.unwrap());
            }
            outputs
        });
        assert_eq!(outputs.unwrap(), [2, 4, 6, 8, 10]);
    }};
}

macro_rules! dropped {
    ($runtime:ident) => {{
        let sent = $runtime::run(async {
            let (sent, receipts) = bounded::<()>(1);
            let task = $runtime::spawn(async move {
                let _sent = sent;
                pending::<()>().await;
            });
            drop(task);
            receipts.recv().await
        });
        assert!(sent.unwrap().is_err(), "what the task owned is dropped");
    }};
}

macro_rules! detached {
    ($runtime:ident) => {{
        let sent = $runtime::run(async {
            let (sent, receipts) = bounded(1);
            let task = $runtime::spawn(async move {
                let_others_run().await;
                sent.send("sent").await.unwrap();
            });
            task.detach();
            receipts.recv().await
        });
        assert_eq!(sent.unwrap(), Ok("sent"));
    }};
}

macro_rules! panicked {
    ($runtime:ident) => {{
        let end = $runtime::run(async {
            let task = $runtime::spawn(async { panic!("boom") });
            let end: Result<(), Failed> = task.output().await;
            end
        });
        assert_eq!(end.unwrap(), Err(Failed::Panicked));
    }};
}

#[test]
fn with_both_modules_five_tasks_give_their_outputs() {
    on_a_thread(|| five!(on_tokio));
    on_a_thread(|| five!(on_smol));
}

#[test]
fn with_both_modules_a_task_is_cancelled_when_it_is_dropped() {
    on_a_thread(|| dropped!(on_tokio));
    on_a_thread(|| dropped!(on_smol));
}

#[test]
fn with_both_modules_a_detached_task_goes_on() {
    on_a_thread(|| detached!(on_tokio));
    on_a_thread(|| detached!(on_smol));
}

#[test]
fn with_both_modules_a_panic_is_an_error() {
    on_a_thread(|| panicked!(on_tokio));
    on_a_thread(|| panicked!(on_smol));
}

#[test]
fn if_both_features_are_on_tokio_runs_the_tasks() {
    let on_tokio =
        runtime::run(async { tokio::runtime::Handle::try_current().is_ok() });
    assert!(on_tokio.unwrap());
}

#[test]
fn with_on_tokio_a_task_whose_runtime_has_ended_is_an_error() {
    let runtime = Runtime::new().unwrap();
    let task = runtime.block_on(async { on_tokio::spawn(pending::<()>()) });
    drop(runtime);
    assert_eq!(smol::block_on(task.output()), Err(Failed::Cancelled));
}

#[test]
fn on_tokio_a_task_whose_handle_is_dropped_goes_on() {
    let sent = one_thread().block_on(async {
        let (sent, receipts) = bounded(1);
        drop(tokio::spawn(async move {
            let_others_run().await;
            sent.send("sent").await.unwrap();
        }));
        receipts.recv().await
    });
    assert_eq!(sent, Ok("sent"));
}

/// What comes from a receipt that `send_in_background` sends.
fn receipt(
    send_in_background: impl FnOnce(
        &Executor<'static>,
        futures::future::BoxFuture<'static, ()>,
    ) + Send
    + 'static,
) -> Result<&'static str, smol::channel::RecvError> {
    on_a_thread(|| {
        let executor = Executor::new();
        let (sent, receipts) = bounded(1);
        let receipt = async move {
            let_others_run().await;
            sent.send("sent").await.unwrap();
        };
        send_in_background(&executor, receipt.boxed());
        on(&executor, receipts.recv())
    })
}

#[test]
fn on_smol_a_task_that_is_dropped_is_cancelled() {
    let sent = receipt(naive::send_in_background);
    assert!(sent.is_err(), "it is dropped with its end of the channel");
}

#[test]
fn on_smol_a_detached_task_goes_on() {
    let sent = receipt(smol_only::send_in_background);
    assert_eq!(sent, Ok("sent"));
}

#[test]
fn an_executor_that_nobody_runs_runs_no_task() {
    let executor = Executor::new();
    let task = executor.spawn(async {});
    // Another executor has its turns meanwhile, and this thread waits for the task.
    smol::block_on(async {
        for _ in 0..100 {
            let_others_run().await;
        }
        assert!(!task.is_finished());
    });
    assert!(executor.try_tick(), "it was in the queue");
    assert!(task.is_finished());
}

/// The names of the threads on which two tasks of the global executor run at once, if
/// `SMOL_THREADS` lets them.
fn threads_of_the_global_executor(tasks: usize) -> Vec<String> {
    let (says, said) = channel();
    let all_are_there = Arc::new(Barrier::new(tasks));
    for _ in 0..tasks {
        let (says, all_are_there) = (says.clone(), Arc::clone(&all_are_there));
        smol::spawn(async move {
            all_are_there.wait(); // blocks: each has a thread of its own, or this hangs
            says.send(thread::current().name().unwrap().to_owned()).unwrap();
        })
        .detach();
    }
    let mut names: Vec<_> =
        (0..tasks).map(|_| said.recv_timeout(MINUTE).unwrap()).collect();
    names.sort();
    names
}

/// What the next proofs start as a child. As a test of its own it does nothing.
#[test]
fn child() {
    let Some(role) = roles::role() else { return };
    if role == "never dropped" {
        struct Goodbye;
        impl Drop for Goodbye {
            fn drop(&mut self) {
                println!("child: goodbye");
            }
        }
        let (begins, begun) = channel();
        smol::spawn(async move {
            let _goodbye = Goodbye;
            begins.send(()).unwrap();
            pending::<()>().await;
        })
        .detach();
        begun.recv_timeout(MINUTE).unwrap();
        println!("child: the task waits");
    } else {
        let tasks = role.parse().unwrap();
        for name in threads_of_the_global_executor(tasks) {
            println!("child: {name}");
        }
    }
    exit(0);
}

/// What the child says in `role`, with `SMOL_THREADS`.
fn child_says(role: &str, threads: Option<&str>) -> Vec<String> {
    let mut child = roles::again("two_runtimes::tests::child", role);
    child.env_remove("SMOL_THREADS");
    if let Some(threads) = threads {
        child.env("SMOL_THREADS", threads);
    }
    let output = child.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once("child: "));
    lines.map(|(_, said)| said.to_owned()).collect()
}

#[test]
fn the_global_executor_has_one_thread_until_smol_threads_says_more() {
    assert_eq!(child_says("1", None), ["smol-1"]);
    assert_eq!(child_says("3", Some("3")), ["smol-1", "smol-2", "smol-3"]);
}

#[test]
fn tasks_of_the_global_executor_are_not_dropped_when_the_program_ends() {
    assert_eq!(child_says("never dropped", None), ["the task waits"]);
}

#[test]
fn two_threads_may_run_one_executor() {
    let executor = Arc::new(Executor::new());
    let both = Arc::new(Barrier::new(2));
    let (stop, stopped) = bounded::<Infallible>(1);
    let threads = [(); 2].map(|()| {
        let (executor, stopped) = (Arc::clone(&executor), stopped.clone());
        thread::spawn(move || {
            let _stop = on(&executor, stopped.recv());
        })
    });
    let (meets, met) = channel();
    for _ in 0..2 {
        let (both, meets) = (Arc::clone(&both), meets.clone());
        let task = async move {
            both.wait(); // blocks its thread until the other one is there
            meets.send(()).unwrap();
        };
        executor.spawn(task).detach();
    }
    for _ in 0..2 {
        met.recv_timeout(MINUTE).unwrap();
    }
    drop(stop);
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_task_of_smol_may_borrow_what_lives_longer_than_its_executor() {
    let word = String::from("borrowed");
    let executor = Executor::new();
    let length = executor.spawn(async { word.len() });
    assert_eq!(on(&executor, length), 8);
}

#[test]
fn on_tokio_a_panic_is_an_error_for_whoever_awaits_the_task() {
    let end =
        one_thread().block_on(async { tokio::spawn(async { panic!("boom") }).await });
    let error: tokio::task::JoinError = Result::<(), _>::unwrap_err(end);
    assert_eq!(words(&*error.into_panic()), "boom");
}

#[test]
fn on_smol_a_panic_goes_on_in_whoever_awaits_the_task_and_the_executor_goes_on() {
    let executor = Executor::new();
    let task = executor.spawn(async { panic!("boom") });
    let next = executor.spawn(async { 7 });
    let end: Result<(), Box<dyn Any + Send>> =
        on(&executor, AssertUnwindSafe(task).catch_unwind());
    assert_eq!(words(&*end.unwrap_err()), "boom");
    let awaited = executor.spawn::<()>(async { panic!("boom") });
    assert_eq!(words_of(|| on(&executor, awaited)), "boom", "`run` panics");
    assert_eq!(on(&executor, next), 7);
}

#[test]
fn on_both_nobody_hears_of_the_panic_of_a_detached_task() {
    let runtime = one_thread();
    let next = runtime.block_on(async {
        drop(tokio::spawn(async { panic!("boom") }));
        tokio::spawn(async { 7 }).await
    });
    assert_eq!(next.unwrap(), 7);

    let executor = Executor::new();
    let ran = Arc::new(AtomicBool::new(false));
    let runs = Arc::clone(&ran);
    let task = async move {
        runs.store(true, Ordering::SeqCst);
        panic!("boom")
    };
    executor.spawn::<()>(task).detach();
    let next = executor.spawn(async { 7 });
    assert_eq!(on(&executor, next), 7);
    assert!(ran.load(Ordering::SeqCst));
}

#[test]
fn on_smol_cancel_and_fallible_pass_a_panic_on_too() {
    let executor = Executor::new();
    let panics = || {
        let task = executor.spawn(async { panic!("boom") });
        assert!(executor.try_tick());
        task
    };
    let cancelled = panics();
    assert_eq!(
        words_of(|| on(&executor, async {
            Option::<()>::is_some(&cancelled.cancel().await)
        })),
        "boom"
    );
    let fallible = panics().fallible();
    assert_eq!(
        words_of(|| on(&executor, async { Option::<()>::is_some(&fallible.await) })),
        "boom"
    );
}

#[test]
fn a_task_that_is_dropped_keeps_what_it_owns_until_its_executor_has_a_turn() {
    for polled in [false, true] {
        let (executor, alive) = (Executor::new(), Alive::default());
        let guard = alive.guard();
        let task = executor.spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        if polled {
            assert!(executor.try_tick());
        }
        drop(task);
        assert_eq!((alive.count(), executor.is_empty()), (1, false));
        assert!(executor.try_tick());
        assert_eq!((alive.count(), executor.is_empty()), (0, true));
    }
}

/// How much of a task is still there when `next` is called, and what `replace` returned.
fn left<F>(replace: impl FnOnce(smol::Task<()>, Alive) -> F) -> (usize, usize)
where
    F: Future<Output = usize>,
{
    let (executor, alive) = (Executor::new(), Alive::default());
    let guard = alive.guard();
    let writer = executor.spawn(async move {
        let _guard = guard;
        pending::<()>().await;
    });
    assert!(executor.try_tick());
    let left = on(&executor, replace(writer, alive.clone()));
    while executor.try_tick() {}
    (left, alive.count())
}

#[test]
fn after_cancel_all_that_a_task_owned_is_dropped() {
    let at_next =
        left(|writer, alive| smol_only::replace(writer, move || alive.count()));
    assert_eq!(at_next, (0, 0));
}

#[test]
fn after_a_drop_the_next_writer_meets_the_first_one() {
    let at_next = left(|writer, alive| naive::replace(writer, move || alive.count()));
    assert_eq!(at_next, (1, 0));
}

#[test]
fn a_dropped_replace_cancels_its_writer_and_starts_nothing() {
    let (executor, alive) = (Executor::new(), Alive::default());
    let guard = alive.guard();
    let writer = executor.spawn(async move {
        let _guard = guard;
        pending::<()>().await;
    });
    assert!(executor.try_tick());
    let mut replaced = Box::pin(smol_only::replace(writer, || panic!("not called")));
    assert!((&mut replaced).now_or_never().is_none());
    drop(replaced);
    while executor.try_tick() {}
    assert_eq!(alive.count(), 0);
}

#[test]
fn awaiting_a_task_whose_executor_is_gone_panics_and_fallible_gives_none() {
    let orphan = || {
        let executor = Executor::new();
        executor.spawn(pending::<()>())
    };
    assert_eq!(words_of(|| smol::block_on(orphan())), "Task polled after completion");
    assert_eq!(smol::block_on(orphan().fallible()), None);
    assert_eq!(smol::block_on(orphan().cancel()), None);
}

#[test]
fn the_output_of_a_task_that_ended_before_its_executor_is_still_there() {
    let executor = Executor::new();
    let task = executor.spawn(async { 5 });
    assert!(executor.try_tick());
    drop(executor);
    assert_eq!(smol::block_on(task), 5);
}

#[test]
fn an_executor_that_is_dropped_drops_its_tasks() {
    let (executor, alive) = (Executor::new(), Alive::default());
    let guard = alive.guard();
    executor
        .spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        })
        .detach();
    assert!(executor.try_tick());
    drop(executor);
    assert_eq!(alive.count(), 0);
}

#[test]
fn tokio_rounds_a_microsecond_up_to_a_millisecond() {
    let runtime =
        Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let took = runtime.block_on(async {
        let start = tokio::time::Instant::now();
        sleep(Duration::from_micros(1)).await;
        start.elapsed()
    });
    assert_eq!(took, Duration::from_millis(1));
}

#[test]
fn the_first_tick_of_tokio_comes_at_once() {
    let runtime =
        Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let took = runtime.block_on(async {
        let start = tokio::time::Instant::now();
        interval(Duration::from_mins(1)).tick().await;
        start.elapsed()
    });
    assert_eq!(took, Duration::ZERO);
}

#[test]
fn the_first_tick_of_smol_is_due_after_one_period_and_missed_ticks_come_at_once() {
    let period = Duration::from_millis(2);
    let start = Instant::now();
    let mut ticks = Timer::interval(period);
    let dues = smol::block_on(async {
        let mut dues = vec![ticks.next().await.unwrap()];
        let later = dues[0] + 4 * period;
        Timer::at(later).await; // at least three ticks are missed
        while dues.len() < 4 {
            let due = ticks.next().now_or_never();
            dues.push(due.expect("it was missed, so it is ready").unwrap());
        }
        dues
    });
    assert!(dues[0] >= start + period);
    for two in dues.windows(2) {
        assert_eq!(two[1] - two[0], period, "each says when it was due");
    }
}

/// How many of 1000 messages a task has read when another one gets its first turn.
async fn read_all(done: Done) {
    let (sender, mut messages) = tokio::sync::mpsc::channel(1000);
    for message in 0..1000 {
        sender.try_send(message).unwrap();
    }
    drop(sender);
    while messages.recv().await.is_some() {
        done.one();
    }
}

#[test]
fn tokio_makes_a_busy_task_yield_after_128_messages_and_smol_does_not() {
    let done = Done::default();
    let on_tokio = one_thread().block_on(async {
        let reader = tokio::spawn(read_all(done.clone()));
        let seen = done.clone();
        let other = tokio::spawn(async move { seen.count() });
        reader.await.unwrap();
        other.await.unwrap()
    });
    assert_eq!(on_tokio, backend::turns::BUDGET);

    let (done, executor) = (Done::default(), LocalExecutor::new());
    let reader = executor.spawn(read_all(done.clone()));
    let other = executor.spawn(async { done.count() });
    let on_smol = smol::block_on(executor.run(async {
        reader.await;
        other.await
    }));
    assert_eq!(on_smol, 1000);
}

#[test]
fn a_local_executor_runs_tasks_that_are_not_send() {
    let executor = LocalExecutor::new();
    let shared = std::rc::Rc::new(7);
    let task = executor.spawn(async move { *shared });
    assert_eq!(smol::block_on(executor.run(task)), 7);
}

#[test]
fn smols_timers_work_on_tokio() {
    one_thread().block_on(backend::soon(Timer::after(Duration::from_millis(1))));
}

#[test]
fn a_panic_of_unblock_goes_on_and_that_of_spawn_blocking_is_an_error() {
    let panic = words_of(|| smol::block_on(smol::unblock(|| panic!("boom"))));
    assert_eq!(panic, "boom");
    let end = one_thread()
        .block_on(async { tokio::task::spawn_blocking(|| panic!("boom")).await });
    assert!(Result::<(), _>::unwrap_err(end).is_panic());
}

#[test]
fn a_closure_of_unblock_that_runs_is_not_stopped_by_a_drop() {
    let (open, gate) = channel::<()>();
    let (begins, begun) = channel();
    let (ends, ended) = channel();
    let task = smol::unblock(move || {
        begins.send(()).unwrap();
        let _closed = gate.recv();
        ends.send(()).unwrap();
    });
    begun.recv_timeout(MINUTE).unwrap();
    drop(task);
    drop(open);
    ended.recv_timeout(MINUTE).unwrap();
}

#[test]
fn outputs_come_in_the_order_of_their_tasks_on_both() {
    let doubled = |i: u32| async move {
        let_others_run().await;
        i * 2
    };
    let executor = Executor::new();
    let on_smol = stream::iter(1..=5).map(|i| executor.spawn(doubled(i))).buffered(5);
    let on_smol = on(&executor, on_smol.collect::<Vec<_>>());
    let on_tokio = stream::iter(1..=5).map(|i| tokio::spawn(doubled(i))).buffered(5);
    let on_tokio =
        one_thread().block_on(on_tokio.map(Result::unwrap).collect::<Vec<_>>());
    assert_eq!((&*on_smol, &*on_tokio), (&[2, 4, 6, 8, 10][..], &[2, 4, 6, 8, 10][..]));
}

#[test]
fn block_on_of_smol_in_a_task_blocks_its_thread_and_nothing_panics() {
    let end = catch_unwind(|| smol::block_on(async { smol::block_on(async { 1 }) }));
    assert_eq!(end.unwrap(), 1);
    let panic =
        words_of(|| one_thread().block_on(async { one_thread().block_on(async {}) }));
    assert!(
        panic.starts_with("Cannot start a runtime from within a runtime."),
        "{panic}"
    );
}

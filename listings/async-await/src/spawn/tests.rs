use super::*;
use backend::{Alive, cancel};
use futures::FutureExt;
use std::cell::Cell;
use std::error::Error;
use std::panic::{self, AssertUnwindSafe, panic_any};
use std::sync::{Arc, Barrier, Once, mpsc as std_mpsc};
use tokio::runtime::{self, Runtime};
use tokio::sync::oneshot;
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("refused")]
struct Refused;

async fn after<T>(wait: Duration, value: T) -> T {
    sleep(wait).await;
    value
}

/// A task that was aborted before it ran.
async fn aborted() -> JoinError {
    let task = tokio::spawn(after(HOUR, ()));
    task.abort();
    task.await.unwrap_err()
}

/// The error of a task that panics in this way.
async fn panicked(panic: impl FnOnce() + Send + 'static) -> JoinError {
    tokio::spawn(async { panic() }).await.unwrap_err()
}

/// A task that waits for an hour and holds a guard, after it has reached its await.
async fn waiting(alive: &Alive) -> JoinHandle<()> {
    let guard = alive.guard();
    let (here, at_its_await) = oneshot::channel();
    let task = tokio::spawn(async move {
        let _guard = guard;
        here.send(()).unwrap();
        sleep(HOUR).await;
    });
    at_its_await.await.unwrap();
    task
}

fn two_workers() -> Runtime {
    runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn two_tasks_give_both_values_after_200_ms() {
    let start = Instant::now();
    let first = tokio::spawn(after(ms(200), 42));
    let second = tokio::spawn(after(ms(150), 100));
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (42, 100));
    assert_eq!(start.elapsed(), ms(200));
}

#[tokio::test(start_paused = true)]
async fn a_task_runs_while_nobody_awaits_its_handle() {
    let task = tokio::spawn(after(ms(200), 7));
    sleep(ms(300)).await;
    let start = Instant::now();
    assert!(task.is_finished());
    assert_eq!((task.await.unwrap(), start.elapsed()), (7, Duration::ZERO));
}

#[tokio::test]
async fn a_task_that_panics_gives_an_error_that_says_panic() {
    let error = panicked(|| panic!("boom")).await;
    assert!(error.is_panic() && !error.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_was_aborted_gives_an_error_that_says_cancelled() {
    let error = aborted().await;
    assert!(error.is_cancelled() && !error.is_panic());
    assert!(error.try_into_panic().unwrap_err().is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_its_own_task_and_no_other() {
    let other = tokio::spawn(after(ms(200), 7));
    assert!(panicked(|| panic!("boom")).await.is_panic());
    assert_eq!(other.await.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_task_runs_on_when_its_handle_is_dropped() {
    let (sender, receipt) = oneshot::channel();
    let start = Instant::now();
    drop(tokio::spawn(async move {
        sleep(ms(200)).await;
        sender.send("receipt").unwrap();
    }));
    assert_eq!((receipt.await.unwrap(), start.elapsed()), ("receipt", ms(200)));
}

#[tokio::test(start_paused = true)]
async fn nobody_hears_of_the_error_or_the_panic_of_a_detached_task() {
    let alive = Alive::default();
    for order in [2, 3] {
        let guard = alive.guard();
        naive::accept(async move {
            let _guard = guard;
            sleep(ms(200)).await;
            assert_ne!(order, 3, "no address");
            Err::<(), _>(Refused)
        });
    }
    sleep(SECOND).await;
    // Both have ended, one by a panic, and this caller still runs.
    assert_eq!((alive.count(), alive.dropped()), (0, 2));
}

#[test]
fn a_detached_task_is_dropped_at_its_await_when_its_runtime_ends() {
    let (alive, done) = (Alive::default(), Alive::default());
    let runtime = two_workers();
    runtime.block_on(async {
        let (guard, done) = (alive.guard(), done.clone());
        let (here, at_its_await) = oneshot::channel();
        drop(tokio::spawn(async move {
            let _guard = guard;
            here.send(()).unwrap();
            sleep(HOUR).await;
            drop(done.guard());
        }));
        at_its_await.await.unwrap();
    });
    assert_eq!(alive.count(), 1);
    drop(runtime);
    assert_eq!((alive.count(), done.dropped()), (0, 0));
}

#[test]
fn a_handle_that_outlives_its_runtime_says_cancelled() {
    let runtime = two_workers();
    let task = runtime.spawn(after(HOUR, ()));
    drop(runtime);
    let error = two_workers().block_on(task).unwrap_err();
    assert!(error.is_cancelled());
}

#[test]
fn outside_a_runtime_a_spawn_panics() {
    let panic = std::panic::catch_unwind(|| drop(tokio::spawn(async {}))).unwrap_err();
    assert!(panic_message(&*panic).unwrap().contains("no reactor running"));
    assert!(std::panic::catch_unwind(|| drop(accept(async {}))).is_err());
    assert!(std::panic::catch_unwind(|| naive::accept(async {})).is_err());
}

#[tokio::test]
async fn around_a_call_catch_unwind_catches_nothing_and_around_the_future_it_does() {
    let send_receipt = async || -> u32 { panic!("no address") };
    let around_the_call = panic::catch_unwind(AssertUnwindSafe(send_receipt));
    let receipt = around_the_call.expect("the call only makes a future");
    let panic = AssertUnwindSafe(receipt).catch_unwind().await.unwrap_err();
    assert_eq!(panic_message(&*panic), Some("no address"));
}

#[tokio::test]
async fn the_message_of_a_panic_is_read_from_both_kinds_of_text() {
    assert_eq!(what_it_said(panicked(|| panic!("boom")).await).unwrap(), "boom");
    let order = 3;
    let error = panicked(move || panic!("order {order}")).await;
    assert_eq!(what_it_said(error).unwrap(), "order 3");
}

#[tokio::test]
async fn a_payload_that_is_no_text_has_no_message() {
    assert_eq!(what_it_said(panicked(|| panic_any(7)).await), None);
}

#[tokio::test(start_paused = true)]
async fn an_aborted_task_has_said_nothing() {
    assert_eq!(what_it_said(aborted().await), None);
    assert_eq!(naive::what_it_said(aborted().await), None);
}

#[tokio::test]
async fn a_box_given_as_the_payload_hides_the_message() {
    assert_eq!(naive::what_it_said(panicked(|| panic!("boom")).await), None);
}

#[tokio::test]
async fn the_error_itself_prints_the_message() {
    let error = panicked(|| panic!("boom")).await;
    let id = error.id();
    assert_eq!(error.to_string(), format!("task {id} panicked with message \"boom\""));
}

#[tokio::test]
async fn as_an_io_error_a_panic_loses_its_message() {
    let error = std::io::Error::from(panicked(|| panic!("boom")).await);
    assert_eq!(error.to_string(), "task panicked");
    let source = error.get_ref().and_then(|inner| inner.source());
    assert!(source.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_panic_of_a_task_goes_on_in_its_caller() {
    let task = tokio::spawn(async { panic_any(7) });
    let payload =
        AssertUnwindSafe(value_or_panic(task)).catch_unwind().await.unwrap_err();
    assert_eq!(payload.downcast_ref::<i32>(), Some(&7));
    assert_eq!(value_or_panic(tokio::spawn(after(ms(10), 7))).await.unwrap(), 7);
    let task = tokio::spawn(after(HOUR, 7));
    task.abort();
    assert!(value_or_panic(task).await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn a_panic_that_goes_on_is_not_printed_a_second_time() {
    thread_local!(static PRINTED: Cell<u32> = const { Cell::new(0) });
    static COUNTED: Once = Once::new();
    // One hook for all tests of this process; each thread counts its own panics.
    COUNTED.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PRINTED.set(PRINTED.get() + 1);
            print(info);
        }));
    });
    let task = tokio::spawn(async { panic!("boom") });
    assert!(AssertUnwindSafe(value_or_panic::<()>(task)).catch_unwind().await.is_err());
    assert_eq!(PRINTED.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_error_type_tells_all_three_ends_and_keeps_the_cause() {
    assert_eq!(flatten(Ok(Ok::<_, Refused>(7))).unwrap(), 7);

    let failed = flatten::<(), _>(Ok(Err(Refused))).unwrap_err();
    assert!(matches!(failed, TaskError::Failed(Refused)));
    assert_eq!(failed.to_string(), "the task failed");
    assert_eq!(failed.source().unwrap().to_string(), "refused");

    let error = panicked(|| panic!("boom")).await;
    let panicked = flatten::<(), Refused>(Err(error)).unwrap_err();
    assert!(matches!(panicked, TaskError::Panicked(_)));
    assert_eq!(panicked.to_string(), "the task panicked");
    assert!(panicked.source().unwrap().to_string().contains("boom"));

    let aborted = flatten::<(), Refused>(Err(aborted().await)).unwrap_err();
    assert!(matches!(aborted, TaskError::Aborted(_)));
    assert_eq!(aborted.to_string(), "the task was aborted");
    assert!(aborted.source().unwrap().to_string().contains("was cancelled"));
}

/// One task that gives a value, one that fails, one that panics, one that was aborted.
fn four_ends() -> Vec<AbortOnDropHandle<Result<u32, Refused>>> {
    let aborted = accept(after(HOUR, Ok(4)));
    aborted.abort();
    vec![
        accept(after(ms(10), Ok(1))),
        accept(after(ms(10), Err(Refused))),
        accept(async { panic!("no address") }),
        aborted,
    ]
}

#[tokio::test(start_paused = true)]
async fn two_oks_count_only_what_was_sent() {
    let count = tally(four_ends()).await;
    assert_eq!(count, Tally { sent: 1, refused: 1, lost: 2 });
}

#[tokio::test(start_paused = true)]
async fn one_ok_counts_a_refusal_as_sent() {
    let count = naive::tally(four_ends()).await;
    assert_eq!(count, Tally { sent: 2, refused: 0, lost: 2 });
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_a_tally_aborts_the_tasks_that_run() {
    let alive = Alive::default();
    let tasks = || {
        let task = |wait| {
            let guard = alive.guard();
            accept(async move {
                let _guard = guard;
                sleep(wait).await;
                Ok::<_, Refused>(())
            })
        };
        vec![task(ms(10)), task(ms(20))]
    };
    let mut ended = false;
    for polls in 0.. {
        let output = cancel::after_polls(polls, tally(tasks())).await;
        yield_now().await;
        yield_now().await;
        assert_eq!(alive.count(), 0, "after {polls} polls");
        if output.is_some() {
            ended = true;
            break;
        }
    }
    assert!(ended);
}

#[tokio::test(start_paused = true)]
async fn an_owned_task_gives_its_value_and_is_aborted_with_its_owner() {
    assert_eq!(accept(after(ms(200), 7)).await.unwrap(), 7);
    let (alive, (sender, receipt)) = (Alive::default(), oneshot::channel::<()>());
    let guard = alive.guard();
    let owner = accept(async move {
        let _guard = guard;
        sleep(ms(200)).await;
        sender.send(()).unwrap();
    });
    sleep(ms(100)).await;
    drop(owner);
    let start = Instant::now();
    assert!(receipt.await.is_err());
    assert_eq!((alive.count(), start.elapsed()), (0, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn abort_does_nothing_to_a_task_that_has_finished() {
    let task = tokio::spawn(after(ms(10), 7));
    sleep(ms(20)).await;
    task.abort();
    assert_eq!(task.await.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_aborted_before_its_first_poll_runs_none_of_its_code() {
    let (alive, ran) = (Alive::default(), Alive::default());
    let (guard, inside) = (alive.guard(), ran.clone());
    let task = tokio::spawn(async move {
        let _guard = guard;
        drop(inside.guard());
    });
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    // What the task was given has been dropped, and its code did not run.
    assert_eq!((alive.count(), ran.dropped()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn after_abort_a_task_still_holds_what_it_has_until_its_handle_says_so() {
    let alive = Alive::default();
    let task = waiting(&alive).await;
    task.abort();
    assert_eq!((alive.count(), task.is_finished()), (1, false));
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(alive.count(), 0);
}

#[test]
fn code_between_two_awaits_is_not_interrupted_by_an_abort() {
    let (started, release) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let runtime = two_workers();
    let task = runtime.spawn({
        let (started, release) = (Arc::clone(&started), Arc::clone(&release));
        async move {
            started.wait();
            release.wait(); // computes, and meets no await
            7
        }
    });
    started.wait();
    task.abort();
    release.wait();
    assert_eq!(runtime.block_on(task).unwrap(), 7);
}

#[test]
fn blocking_work_that_has_begun_runs_to_its_end_after_an_abort() {
    let runtime = two_workers();
    let (started, begun) = std_mpsc::channel();
    let (release, go_on) = std_mpsc::channel::<()>();
    let task = runtime.spawn_blocking(move || {
        started.send(()).unwrap();
        go_on.recv().unwrap();
        7
    });
    begun.recv().unwrap();
    task.abort();
    release.send(()).unwrap();
    assert_eq!(runtime.block_on(task).unwrap(), 7);
}

#[test]
fn blocking_work_that_was_aborted_in_the_queue_never_runs_but_waits_for_its_turn() {
    let runtime =
        runtime::Builder::new_multi_thread().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let (started, begun) = oneshot::channel();
        let (release, go_on) = std_mpsc::channel::<()>();
        let first = spawn_blocking(move || {
            started.send(()).unwrap();
            go_on.recv().unwrap();
        });
        begun.await.unwrap();
        let (alive, ran) = (Alive::default(), Alive::default());
        let (guard, inside) = (alive.guard(), ran.clone());
        let queued = spawn_blocking(move || {
            let _guard = guard;
            drop(inside.guard());
        });
        queued.abort();
        yield_now().await;
        assert_eq!((alive.count(), queued.is_finished()), (1, false));
        release.send(()).unwrap();
        assert!(queued.await.unwrap_err().is_cancelled());
        assert_eq!((alive.count(), ran.dropped()), (0, 0));
        first.await.unwrap();
    });
}

#[test]
fn when_an_aborted_task_is_gone_a_task_that_it_owned_may_still_run() {
    let (started, release) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let alive = Alive::default();
    let runtime = two_workers();
    let parent = runtime.spawn({
        let (started, release) = (Arc::clone(&started), Arc::clone(&release));
        let guard = alive.guard();
        async move {
            let child = accept(async move {
                let _guard = guard;
                started.wait();
                release.wait();
            });
            child.await.unwrap();
        }
    });
    started.wait();
    parent.abort();
    assert!(runtime.block_on(parent).unwrap_err().is_cancelled());
    assert_eq!(alive.count(), 1);
    release.wait();
}

#[tokio::test(start_paused = true)]
async fn at_the_limit_a_handle_that_moved_into_timeout_lets_its_task_run_on() {
    let (sender, receipt) = oneshot::channel();
    let start = Instant::now();
    let task = tokio::spawn(async move {
        sleep(ms(200)).await;
        sender.send("receipt").unwrap();
    });
    assert!(naive::stop_after(task, ms(100)).await.is_none());
    assert_eq!(start.elapsed(), ms(100));
    assert_eq!((receipt.await.unwrap(), start.elapsed()), ("receipt", ms(200)));

    let in_time = naive::stop_after(tokio::spawn(after(ms(50), 7)), ms(100)).await;
    assert_eq!(in_time.unwrap().unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn at_the_limit_a_borrowed_handle_still_stops_its_task() {
    let alive = Alive::default();
    let task = waiting(&alive).await;
    let start = Instant::now();
    let error = stop_after(AbortOnDropHandle::new(task), ms(100)).await.unwrap_err();
    assert!(error.is_cancelled());
    assert_eq!((alive.count(), start.elapsed()), (0, ms(100)));
}

#[tokio::test(start_paused = true)]
async fn before_the_limit_a_task_gives_its_value_or_its_panic() {
    let start = Instant::now();
    let task = accept(after(ms(100), 7));
    assert_eq!(stop_after(task, ms(150)).await.unwrap(), 7);
    assert_eq!(start.elapsed(), ms(100));
    let task = accept(async { panic!("boom") });
    assert!(stop_after::<()>(task, ms(150)).await.unwrap_err().is_panic());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_in_spite_of_the_abort_gives_its_value() {
    // A thread of another runtime: it can compute while the clock of this one moves.
    let other = two_workers();
    let (started, begun) = oneshot::channel();
    let (release, go_on) = std_mpsc::channel();
    let task = other.spawn(async move {
        started.send(()).unwrap();
        go_on.recv().unwrap();
        7
    });
    begun.await.unwrap();
    let task = AbortOnDropHandle::new(task);
    let (value, ()) = tokio::join!(stop_after(task, SECOND), async {
        sleep(2 * SECOND).await;
        release.send(()).unwrap();
    });
    assert_eq!(value.unwrap(), 7);
    other.shutdown_background();
}

#[tokio::test(start_paused = true)]
async fn what_takes_the_place_of_a_task_starts_when_the_task_is_gone() {
    let alive = Alive::default();
    let task = waiting(&alive).await;
    let task = AbortOnDropHandle::new(task);
    let (ended, left) = replace(task, || alive.count()).await;
    assert!(ended.unwrap_err().is_cancelled());
    assert_eq!(left, 0);

    let finished = accept(async { 7 });
    yield_now().await;
    assert_eq!(replace(finished, || ()).await.0.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn right_after_abort_the_task_is_still_there() {
    let alive = Alive::default();
    let task = waiting(&alive).await;
    assert_eq!(naive::replace(&task, || alive.count()), 1);
    assert!(task.await.unwrap_err().is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn dropped_before_or_at_its_await_a_replacement_aborts_and_starts_nothing() {
    for polls in [0, 1] {
        let (alive, started) = (Alive::default(), Alive::default());
        let task = AbortOnDropHandle::new(waiting(&alive).await);
        let inside = started.clone();
        let replacing = replace(task, move || drop(inside.guard()));
        assert!(cancel::after_polls(polls, replacing).await.is_none());
        yield_now().await;
        assert_eq!((alive.count(), started.dropped()), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_before_or_at_its_await_a_limit_aborts_its_task() {
    for polls in [0, 1] {
        let alive = Alive::default();
        let task = AbortOnDropHandle::new(waiting(&alive).await);
        assert!(cancel::after_polls(polls, stop_after(task, SECOND)).await.is_none());
        yield_now().await;
        assert_eq!(alive.count(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn every_wait_for_a_task_can_be_spawned() {
    let task = || accept(after(ms(10), 7));
    assert_eq!(tokio::spawn(value_or_panic(task())).await.unwrap().unwrap(), 7);
    assert_eq!(tokio::spawn(stop_after(task(), SECOND)).await.unwrap().unwrap(), 7);
    let (ended, next) = tokio::spawn(replace(task(), || 8)).await.unwrap();
    assert!(ended.unwrap_err().is_cancelled());
    assert_eq!(next, 8);
    let tasks = vec![accept(after(ms(10), Ok::<_, Refused>(7)))];
    assert_eq!(tokio::spawn(tally(tasks)).await.unwrap().sent, 1);
}

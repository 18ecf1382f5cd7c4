use super::*;
use backend::alive::left_at_drops;
use backend::{Alive, cancel};
use futures::FutureExt;
use std::error::Error;
use std::future::{Ready, pending, ready};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Barrier, Mutex, mpsc as std_mpsc};
use tokio::runtime::{self, Runtime};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("part {0} is missing")]
struct Missing(u64);

type Part = Result<u64, Missing>;

/// Holds a guard for `part` times 10 ms. Part 2 is missing.
fn download(alive: &Alive, part: u64) -> impl Future<Output = Part> + Send + use<> {
    let guard = alive.guard();
    async move {
        let _guard = guard;
        sleep(ms(10 * part)).await;
        if part == 2 { Err(Missing(part)) } else { Ok(part) }
    }
}

fn two_workers() -> Runtime {
    runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A set of five tasks that wait for an hour, each with a guard, at their awaits.
async fn five_that_wait(alive: &Alive) -> JoinSet<()> {
    let mut set = JoinSet::new();
    for _ in 0..5 {
        let guard = alive.guard();
        let (here, at_its_await) = oneshot::channel();
        set.spawn(async move {
            let _guard = guard;
            here.send(()).unwrap();
            sleep(HOUR).await;
        });
        at_its_await.await.unwrap();
    }
    set
}

/// What a task that computes tells, and what it waits for.
struct Computing {
    started: oneshot::Receiver<()>,
    release: std_mpsc::Sender<()>,
}

/// Work that holds a guard, and computes between two awaits until it is released.
fn computing(alive: &Alive) -> (Computing, impl Future<Output = Part> + Send + use<>) {
    let guard = alive.guard();
    let (begin, started) = oneshot::channel();
    let (release, go_on) = std_mpsc::channel();
    let work = async move {
        let _guard = guard;
        begin.send(()).unwrap();
        go_on.recv().unwrap();
        Ok(1)
    };
    (Computing { started, release }, work)
}

#[tokio::test(start_paused = true)]
async fn all_values_come_in_the_order_in_which_the_tasks_end() {
    let (alive, start) = (Alive::default(), Instant::now());
    let values = all_or_none([3, 1, 4].map(|part| download(&alive, part))).await;
    assert_eq!(values.unwrap(), [1, 3, 4]);
    assert_eq!((start.elapsed(), alive.count()), (ms(40), 0));
}

#[tokio::test(start_paused = true)]
async fn at_the_first_error_it_returns_and_no_task_is_left() {
    let (alive, start) = (Alive::default(), Instant::now());
    let error = all_or_none([1, 2, 3, 4].map(|part| download(&alive, part))).await;
    // Looked at before anything else can run.
    assert_eq!((alive.count(), alive.dropped(), start.elapsed()), (0, 4, ms(20)));
    assert!(matches!(error, Err(SetError::Failed(Missing(2)))));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_an_error_and_no_task_is_left() {
    let (alive, start) = (Alive::default(), Instant::now());
    let work = [3, 2].map(|part| {
        let download = download(&alive, part);
        async move {
            download.await.map_err(|Missing(_)| panic!("boom")).map_err(|()| Missing(0))
        }
    });
    let error = all_or_none(work).await.unwrap_err();
    assert_eq!((alive.count(), alive.dropped(), start.elapsed()), (0, 2, ms(20)));
    assert!(matches!(&error, SetError::Died(error) if error.is_panic()));
    assert!(error.source().unwrap().to_string().contains("boom"));
}

#[tokio::test]
async fn an_error_of_a_task_prints_itself() {
    let failed = all_or_none([ready(Err::<(), _>(Missing(2)))]).await.unwrap_err();
    assert_eq!(failed.to_string(), "part 2 is missing");
    assert!(failed.source().is_none()); // that of `Missing`, which has none
}

#[tokio::test(start_paused = true)]
async fn no_work_gives_no_values_at_once() {
    let none = std::iter::empty::<Ready<Part>>;
    assert!(all_or_none(none()).await.unwrap().is_empty());
    assert!(all_until(pending(), none()).await.unwrap().is_empty());
}

#[test]
fn a_task_that_computes_has_ended_when_the_error_comes_back() {
    let (alive, runtime) = (Alive::default(), two_workers());
    let (task, work) = computing(&alive);
    let failing = async {
        task.started.await.unwrap();
        Err(Missing(2))
    };
    let running = runtime.spawn(all_or_none([work.boxed(), failing.boxed()]));
    task.release.send(()).unwrap();
    let error = runtime.block_on(running).unwrap();
    assert_eq!(alive.count(), 0);
    assert!(matches!(error, Err(SetError::Failed(Missing(2)))));
}

#[test]
fn naive_a_question_mark_drops_the_set_and_a_task_still_runs() {
    let (alive, runtime) = (Alive::default(), two_workers());
    let (task, work) = computing(&alive);
    let failing = async {
        task.started.await.unwrap();
        Err(Missing(2))
    };
    let error = runtime.block_on(naive::dropped_set([work.boxed(), failing.boxed()]));
    assert!(matches!(error, Err(SetError::Failed(Missing(2)))));
    assert_eq!(alive.count(), 1);
    task.release.send(()).unwrap();
}

#[tokio::test(start_paused = true)]
async fn naive_on_one_thread_all_waiting_tasks_are_still_there_after_the_error() {
    let alive = Alive::default();
    let work = [1, 2, 3, 4].map(|part| download(&alive, part));
    assert!(naive::dropped_set(work).await.is_err());
    assert_eq!(alive.count(), 2);
    let work = [1, 3].map(|part| download(&alive, part));
    assert_eq!(naive::dropped_set(work).await.unwrap(), [1, 3]);
}

#[test]
fn drop_of_a_set_returns_while_a_task_still_computes() {
    let (started, release) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let events = Arc::new(Mutex::new(Vec::new()));
    let (ended, end) = std_mpsc::channel();
    let runtime = two_workers();
    let _context = runtime.enter();
    let mut set = JoinSet::new();
    set.spawn({
        let (started, release) = (Arc::clone(&started), Arc::clone(&release));
        let events = Arc::clone(&events);
        async move {
            started.wait();
            release.wait(); // computes until it is told
            events.lock().unwrap().push("the task has ended");
            ended.send(()).unwrap();
        }
    });
    started.wait();
    drop(set);
    events.lock().unwrap().push("drop has returned");
    release.wait();
    end.recv().unwrap();
    assert_eq!(*events.lock().unwrap(), ["drop has returned", "the task has ended"]);
}

#[tokio::test(start_paused = true)]
async fn on_one_thread_none_of_five_is_gone_right_after_the_drop() {
    let alive = Alive::default();
    let set = five_that_wait(&alive).await;
    drop(set);
    assert_eq!(alive.dropped(), 0);
    yield_now().await;
    assert_eq!(alive.dropped(), 5);
}

#[tokio::test(start_paused = true)]
async fn after_shutdown_all_five_are_gone() {
    let alive = Alive::default();
    let mut set = five_that_wait(&alive).await;
    set.shutdown().await;
    assert_eq!((alive.dropped(), set.len()), (5, 0));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_that_is_dropped_has_aborted_all_the_same() {
    let alive = Alive::default();
    let mut set = five_that_wait(&alive).await;
    assert!(cancel::after_polls(1, set.shutdown()).await.is_none());
    yield_now().await;
    assert_eq!(alive.dropped(), 5);
}

#[test]
fn shutdown_waits_for_blocking_work_that_runs() {
    let (alive, runtime) = (Alive::default(), two_workers());
    runtime.block_on(async {
        let (guard, mut set) = (alive.guard(), JoinSet::new());
        let (begin, started) = oneshot::channel();
        let (release, go_on) = std_mpsc::channel::<()>();
        set.spawn_blocking(move || {
            let _guard = guard;
            begin.send(()).unwrap();
            go_on.recv().unwrap();
        });
        started.await.unwrap();
        let mut shutdown = pin!(set.shutdown());
        assert!(shutdown.as_mut().now_or_never().is_none());
        assert_eq!(alive.count(), 1);
        release.send(()).unwrap();
        shutdown.await;
        assert_eq!(alive.count(), 0);
    });
}

#[test]
fn drop_does_not_wait_for_blocking_work_that_runs() {
    let (alive, runtime) = (Alive::default(), two_workers());
    runtime.block_on(async {
        let (guard, mut set) = (alive.guard(), JoinSet::new());
        let (begin, started) = oneshot::channel();
        let (release, go_on) = std_mpsc::channel::<()>();
        let (end, ended) = oneshot::channel();
        set.spawn_blocking(move || {
            let _guard = guard;
            begin.send(()).unwrap();
            go_on.recv().unwrap();
            end.send("to its end").unwrap();
        });
        started.await.unwrap();
        drop(set);
        assert_eq!(alive.count(), 1);
        release.send(()).unwrap();
        assert_eq!(ended.await.unwrap(), "to its end");
    });
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_the_values_only_borrows_the_set() {
    let (alive, start) = (Alive::default(), Instant::now());
    let mut set: JoinSet<_> =
        [1, 2, 3].map(|part| download(&alive, part)).into_iter().collect();
    assert!(values_of(&mut set).await.is_err());
    assert_eq!((set.len(), alive.count(), start.elapsed()), (1, 1, ms(20)));
    // The third task runs on.
    assert_eq!(values_of(&mut set).await.unwrap(), [3]);
    assert_eq!(start.elapsed(), ms(30));

    let mut set: JoinSet<_> =
        [1, 3].map(|part| download(&alive, part)).into_iter().collect();
    assert!(timeout(ms(20), values_of(&mut set)).await.is_err());
    assert_eq!(values_of(&mut set).await.unwrap(), [3]);
}

#[tokio::test(start_paused = true)]
async fn at_the_limit_it_stops_and_no_task_is_left() {
    let (alive, start) = (Alive::default(), Instant::now());
    let work = [1, 3, 4].map(|part| download(&alive, part));
    let error = all_until(sleep(ms(25)), work).await;
    assert_eq!((alive.count(), start.elapsed()), (0, ms(25)));
    assert!(matches!(error, Err(SetError::Stopped)));
}

#[tokio::test(start_paused = true)]
async fn before_the_limit_it_gives_the_values_or_the_first_error() {
    let (alive, start) = (Alive::default(), Instant::now());
    let work = [3, 1].map(|part| download(&alive, part));
    assert_eq!(all_until(sleep(ms(35)), work).await.unwrap(), [1, 3]);
    assert_eq!((alive.count(), start.elapsed()), (0, ms(30)));
    let work = [3, 2].map(|part| download(&alive, part));
    let error = all_until(sleep(ms(25)), work).await;
    assert_eq!((alive.count(), start.elapsed()), (0, ms(50)));
    assert!(matches!(error, Err(SetError::Failed(Missing(2)))));
}

#[tokio::test(start_paused = true)]
async fn a_token_stops_it_too() {
    let (alive, start) = (Alive::default(), Instant::now());
    let stop = CancellationToken::new();
    let work = [1, 3].map(|part| download(&alive, part));
    let (error, ()) = tokio::join!(all_until(stop.cancelled(), work), async {
        sleep(ms(15)).await;
        stop.cancel();
    });
    assert!(matches!(error, Err(SetError::Stopped)));
    assert_eq!((alive.count(), start.elapsed()), (0, ms(15)));
}

#[tokio::test]
async fn if_the_values_are_there_when_it_is_to_stop_it_gives_them() {
    let stop = CancellationToken::new();
    let work = {
        let stop = stop.clone();
        async move {
            stop.cancel(); // and ends in the same poll
            Ok::<_, Missing>(7)
        }
    };
    assert_eq!(all_until(stop.cancelled(), [work]).await.unwrap(), [7]);
}

#[test]
fn when_it_is_stopped_a_task_that_computes_is_waited_for() {
    let (alive, runtime) = (Alive::default(), two_workers());
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let (task, work) = computing(&alive);
        let mut running = pin!(all_until(stop.cancelled(), [work]));
        assert!(running.as_mut().now_or_never().is_none());
        task.started.await.unwrap();
        stop.cancel();
        // It has aborted the task, and waits for it.
        assert!(running.as_mut().now_or_never().is_none());
        assert_eq!(alive.count(), 1);
        task.release.send(()).unwrap();
        assert!(matches!(running.await, Err(SetError::Stopped)));
        assert_eq!(alive.count(), 0);
    });
}

#[tokio::test(start_paused = true)]
async fn naive_on_one_thread_a_limit_outside_leaves_the_tasks() {
    let alive = Alive::default();
    let work = [3, 4].map(|part| download(&alive, part));
    let error = naive::limit_outside(ms(25), work).await;
    assert!(matches!(error, Err(SetError::Stopped)));
    assert_eq!(alive.count(), 2);
    let work = [1, 3].map(|part| download(&alive, part));
    assert_eq!(naive::limit_outside(ms(35), work).await.unwrap(), [1, 3]);
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_all_tasks_are_aborted_but_not_at_once() {
    let parts = |alive: &Alive| [1, 2, 3].map(|part| download(alive, part));
    assert!(left_at_drops(|alive| all_or_none(parts(alive))).await > 0);
    assert!(left_at_drops(|alive| all_until(pending(), parts(alive))).await > 0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_parent_itself_aborts_its_tasks_but_does_not_wait() {
    let alive = Alive::default();
    let work = (1..=4).map(|part| {
        assert_ne!(part, 4, "no such part");
        download(&alive, part)
    });
    assert!(AssertUnwindSafe(all_or_none(work)).catch_unwind().await.is_err());
    assert_eq!(alive.count(), 3);
    yield_now().await;
    assert_eq!(alive.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn each_of_these_futures_can_be_spawned() {
    let alive = Alive::default();
    let parts = || [1, 3].map(|part| download(&alive, part));
    assert!(tokio::spawn(all_or_none(parts())).await.unwrap().is_ok());
    assert!(tokio::spawn(all_until(sleep(HOUR), parts())).await.unwrap().is_ok());
}

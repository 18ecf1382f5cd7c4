use super::*;
use async_await::task_sets::all_or_none;
use backend::Alive;
use backend::alive::left_at_drops;
use futures::FutureExt;
use std::future::{Ready, pending};
use std::sync::mpsc as std_mpsc;
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("part {0} is missing")]
struct Missing(u64);

/// Holds a guard for `part` times 10 ms.
fn download(
    alive: &Alive,
    part: u64,
) -> impl Future<Output = Result<u64, Missing>> + Send + use<> {
    let guard = alive.guard();
    async move {
        let _guard = guard;
        sleep(ms(10 * part)).await;
        Ok(part)
    }
}

#[tokio::test(start_paused = true)]
async fn a_grandchild_from_tokio_spawn_survives_the_set() {
    let start = Instant::now();
    let (end, ended) = oneshot::channel();
    let mut set = JoinSet::new();
    set.spawn(async move {
        tokio::spawn(async move {
            sleep(ms(200)).await;
            end.send("grandchild").unwrap();
        });
        sleep(HOUR).await;
    });
    sleep(ms(100)).await;
    set.shutdown().await;
    assert_eq!((ended.await.unwrap(), start.elapsed()), ("grandchild", ms(200)));
}

#[tokio::test(start_paused = true)]
async fn a_set_inside_of_a_task_is_aborted_with_it() {
    let alive = Alive::default();
    let work = [7, 8].map(|part| download(&alive, part));
    let mut set = JoinSet::new();
    set.spawn(all_or_none(work));
    sleep(ms(10)).await;
    set.shutdown().await;
    for _ in 0..2 {
        yield_now().await;
    }
    assert_eq!(alive.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_owned_handle_inside_of_a_task_is_aborted_with_it() {
    let alive = Alive::default();
    let child = download(&alive, 7);
    let mut set = JoinSet::new();
    set.spawn(async move { AbortOnDropHandle::new(tokio::spawn(child)).await });
    sleep(ms(10)).await;
    set.shutdown().await;
    for _ in 0..2 {
        yield_now().await;
    }
    assert_eq!(alive.count(), 0);
}

#[test]
fn after_shutdown_a_grandchild_that_computes_may_still_run() {
    let runtime =
        runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let alive = Alive::default();
        let guard = alive.guard();
        let (begin, started) = oneshot::channel();
        let (release, go_on) = std_mpsc::channel();
        let computing = async move {
            let _guard = guard;
            begin.send(()).unwrap();
            go_on.recv().unwrap();
            Ok::<_, Missing>(1)
        };
        let mut set = JoinSet::new();
        set.spawn(all_or_none([computing]));
        started.await.unwrap();
        set.shutdown().await;
        assert_eq!(alive.count(), 1);
        release.send(()).unwrap();
    });
}

/// A part whose three chapters run in tasks of their own. A chapter writes pages of
/// 10 ms each, and looks at `stop` between two pages.
fn part_of_chapters(
    alive: &Alive,
    cut_off: &Alive,
    stop: &CancellationToken,
) -> impl Future<Output = Result<Vec<u64>, SetError<Missing>>> + Send + use<> {
    let chapters = [1, 2, 3].map(|chapter| {
        let (guard, cut_off, stop) = (alive.guard(), cut_off.clone(), stop.clone());
        async move {
            let _guard = guard;
            for _ in 0..10 {
                if stop.is_cancelled() {
                    return Ok(chapter);
                }
                let half_written = cut_off.guard();
                sleep(ms(10)).await;
                std::mem::forget(half_written); // written: not dropped
            }
            Ok::<_, Missing>(chapter)
        }
    });
    let stop = stop.clone();
    async move { ask_and_wait(&stop, chapters).await }
}

#[tokio::test(start_paused = true)]
async fn a_tree_that_is_asked_has_ended_when_its_root_returns() {
    let (alive, cut_off, start) = (Alive::default(), Alive::default(), Instant::now());
    let program = CancellationToken::new();
    let stop = program.child_token();
    let part = part_of_chapters(&alive, &cut_off, &stop);
    let failing = async {
        sleep(ms(25)).await;
        Err(SetError::Failed(Missing(2)))
    };
    let error = ask_and_wait(&stop, [part.boxed(), failing.boxed()]).await;
    // Each chapter ends its third page; nothing is cut off, and nothing is left.
    assert_eq!((alive.count(), cut_off.dropped(), start.elapsed()), (0, 0, ms(30)));
    assert!(matches!(error, Err(SetError::Failed(SetError::Failed(Missing(2))))));
    // Only what the failed set covers was asked.
    assert!(stop.is_cancelled() && !program.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_tree_can_be_asked_from_outside_and_is_waited_for() {
    let (alive, cut_off, start) = (Alive::default(), Alive::default(), Instant::now());
    let stop = CancellationToken::new();
    let part = part_of_chapters(&alive, &cut_off, &stop);
    let (ended, ()) = tokio::join!(ask_and_wait(&stop, [part]), async {
        sleep(ms(15)).await;
        stop.cancel();
    });
    assert_eq!(ended.unwrap()[0].len(), 3); // all chapters
    assert_eq!((alive.count(), cut_off.dropped(), start.elapsed()), (0, 0, ms(20)));
}

#[tokio::test(start_paused = true)]
async fn a_panic_asks_the_others_too() {
    let (alive, cut_off, start) = (Alive::default(), Alive::default(), Instant::now());
    let stop = CancellationToken::new();
    let part = part_of_chapters(&alive, &cut_off, &stop);
    let failing = async { panic!("boom") };
    let error = ask_and_wait(&stop, [part.boxed(), failing.boxed()]).await;
    assert!(matches!(error, Err(SetError::Died(error)) if error.is_panic()));
    assert_eq!((alive.count(), cut_off.dropped(), start.elapsed()), (0, 0, ms(10)));
}

#[tokio::test(start_paused = true)]
async fn without_an_error_nobody_is_asked() {
    let alive = Alive::default();
    let stop = CancellationToken::new();
    let work = [3, 1].map(|part| download(&alive, part));
    assert_eq!(ask_and_wait(&stop, work).await.unwrap(), [1, 3]);
    assert!(!stop.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn at_the_limit_the_tree_is_asked_and_waited_for() {
    let (alive, cut_off, start) = (Alive::default(), Alive::default(), Instant::now());
    let stop = CancellationToken::new();
    let part = part_of_chapters(&alive, &cut_off, &stop);
    let error = ask_at_limit(ms(25), &stop, [part]).await;
    assert!(matches!(error, Err(SetError::Stopped)));
    assert_eq!((alive.count(), cut_off.dropped(), start.elapsed()), (0, 0, ms(30)));
}

#[tokio::test(start_paused = true)]
async fn before_the_limit_the_values_or_the_error_come_and_nobody_is_asked() {
    let (alive, start) = (Alive::default(), Instant::now());
    let stop = CancellationToken::new();
    let work = [3, 1].map(|part| download(&alive, part));
    assert_eq!(ask_at_limit(ms(35), &stop, work).await.unwrap(), [1, 3]);
    assert_eq!(start.elapsed(), ms(30));
    assert!(!stop.is_cancelled());
    let failing = async { Err::<(), _>(Missing(2)) };
    let error = ask_at_limit(ms(35), &stop, [failing]).await;
    assert!(matches!(error, Err(SetError::Failed(Missing(2)))));
}

#[tokio::test(start_paused = true)]
async fn naive_a_limit_outside_aborts_the_tree_and_does_not_wait() {
    let (alive, cut_off, start) = (Alive::default(), Alive::default(), Instant::now());
    let stop = CancellationToken::new();
    let part = part_of_chapters(&alive, &cut_off, &stop);
    let error = naive::ask_at_limit(ms(25), &stop, [part]).await;
    assert!(matches!(error, Err(SetError::Stopped)));
    // All three chapters are still there, and their pages will be cut off.
    assert_eq!((alive.count(), start.elapsed()), (3, ms(25)));
    sleep(HOUR).await;
    assert_eq!((alive.count(), cut_off.dropped()), (0, 3));
    let work = [1].map(|part| download(&alive, part));
    assert_eq!(naive::ask_at_limit(ms(25), &stop, work).await.unwrap(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_tree_that_is_dropped_at_any_await_is_aborted_but_not_at_once() {
    let asked = |alive: &Alive| {
        let (stop, cut_off) = (CancellationToken::new(), Alive::default());
        let part = part_of_chapters(alive, &cut_off, &stop);
        async move { ask_and_wait(&stop, [part]).await }
    };
    assert!(left_at_drops(asked).await > 0);
    let limited = |alive: &Alive| {
        let (stop, cut_off) = (CancellationToken::new(), Alive::default());
        let part = part_of_chapters(alive, &cut_off, &stop);
        async move { ask_at_limit(ms(25), &stop, [part]).await }
    };
    assert!(left_at_drops(limited).await > 0);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_stopped_by_its_token_and_awaited_leaves_nothing() {
    let (alive, cut_off) = (Alive::default(), Alive::default());
    let stop = CancellationToken::new();
    let part = part_of_chapters(&alive, &cut_off, &stop);
    let root = tokio::spawn({
        let stop = stop.clone();
        async move { ask_and_wait(&stop, [part]).await.map(|_| ()) }
    });
    sleep(ms(15)).await;
    stop.cancel();
    assert!(root.await.unwrap().is_ok());
    assert_eq!((alive.count(), cut_off.dropped()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_never_looks_is_waited_for_to_its_end() {
    let (alive, start) = (Alive::default(), Instant::now());
    let stop = CancellationToken::new();
    let failing = async { Err(Missing(2)) };
    let deaf = download(&alive, 100);
    assert!(ask_and_wait(&stop, [failing.boxed(), deaf.boxed()]).await.is_err());
    assert_eq!((alive.count(), start.elapsed()), (0, ms(1000)));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_asked_can_await_while_it_cleans_up() {
    let (alive, start) = (Alive::default(), Instant::now());
    let stop = CancellationToken::new();
    let token = stop.clone();
    let cleaned = alive.clone();
    let cleans_up = async move {
        let ended = token.run_until_cancelled(pending::<()>()).await;
        assert!(ended.is_none());
        sleep(ms(5)).await;
        drop(cleaned.guard());
        Ok(())
    };
    let failing = async {
        sleep(ms(20)).await;
        Err(Missing(2))
    };
    let error = ask_and_wait(&stop, [cleans_up.boxed(), failing.boxed()]).await;
    assert!(matches!(error, Err(SetError::Failed(Missing(2)))));
    assert_eq!((alive.dropped(), start.elapsed()), (1, ms(25)));
}

#[tokio::test(start_paused = true)]
async fn without_work_a_tree_ends_at_once() {
    let none = std::iter::empty::<Ready<Result<u64, Missing>>>;
    let stop = CancellationToken::new();
    assert!(ask_and_wait(&stop, none()).await.unwrap().is_empty());
    assert!(ask_at_limit(HOUR, &stop, none()).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn each_wait_for_a_tree_can_be_spawned() {
    let alive = Alive::default();
    let parts = || [1, 3].map(|part| download(&alive, part));
    let (work, limited) = (parts(), parts());
    let asked = async move { ask_and_wait(&CancellationToken::new(), work).await };
    assert!(tokio::spawn(asked).await.unwrap().is_ok());
    let stop = CancellationToken::new();
    let asked = async move { ask_at_limit(HOUR, &stop, limited).await };
    assert!(tokio::spawn(asked).await.unwrap().is_ok());
}

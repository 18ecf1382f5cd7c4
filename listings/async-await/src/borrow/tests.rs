use std::collections::BTreeSet;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backend::Alive;
use backend::cancel::at_every_await;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

use super::*;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// If an event does not come, its test fails after this time and does not hang.
const LONG: Duration = Duration::from_secs(20);

async fn double(n: u64) -> u64 {
    sleep(ms(10)).await;
    2 * n
}

/// The larger, the longer it takes.
async fn double_slowly(n: u64) -> u64 {
    sleep(ms(10 * n)).await;
    2 * n
}

#[tokio::test(start_paused = true)]
async fn on_one_task_a_borrowed_list_is_doubled_in_place_in_the_time_of_one() {
    let start = Instant::now();
    let mut numbers = [1, 2, 3, 4, 5];
    change_all(&mut numbers, double).await;
    assert_eq!((numbers, start.elapsed()), ([2, 4, 6, 8, 10], ms(10)));
}

#[tokio::test(start_paused = true)]
async fn in_tasks_a_list_is_doubled_in_the_time_of_the_longest_and_in_its_order() {
    let start = Instant::now();
    let numbers = change_in_tasks(vec![5, 4, 3, 2, 1], double_slowly).await.unwrap();
    assert_eq!((numbers, start.elapsed()), (vec![10, 8, 6, 4, 2], ms(50)));
}

#[tokio::test]
async fn on_threads_a_list_is_doubled_and_keeps_its_order() {
    for threads in [1, 2, 3, 5, 9] {
        let threads = NonZeroUsize::new(threads).unwrap();
        let numbers = compute_all(vec![1, 2, 3, 4, 5], threads, |n| *n *= 2).await;
        assert_eq!(numbers.unwrap(), [2, 4, 6, 8, 10]);
    }
}

#[tokio::test]
async fn an_empty_list_stays_empty_in_all_three_ways() {
    let mut none: [u64; 0] = [];
    change_all(&mut none, double).await;
    assert_eq!(change_in_tasks(vec![], double).await.unwrap(), Vec::<u64>::new());
    let none = compute_all(Vec::<u64>::new(), TWO, |n| *n *= 2).await;
    assert_eq!(none.unwrap(), Vec::<u64>::new());
}

// All on one task.

#[tokio::test(start_paused = true)]
async fn dropped_at_its_limit_it_has_changed_what_was_ready_and_nothing_else() {
    let mut numbers = [1, 2, 3, 4, 5];
    let change = change_all(&mut numbers, double_slowly);
    assert!(timeout(ms(25), change).await.is_err());
    assert_eq!(numbers, [2, 4, 3, 4, 5]);
}

#[tokio::test(start_paused = true)]
async fn the_changes_run_on_the_task_of_the_caller() {
    let seen = Mutex::new(BTreeSet::new());
    let mut numbers = [1, 2, 3];
    let seen_ref = &seen;
    let task = async move |n: u64| {
        yield_now().await;
        seen_ref.lock().unwrap().insert(tokio::task::try_id().map(|id| id.to_string()));
        n
    };
    change_all(&mut numbers, task).await;
    assert_eq!(seen.into_inner().unwrap().len(), 1);
}

// In tasks.

#[tokio::test(start_paused = true)]
async fn each_item_has_a_task_of_its_own() {
    let ids = |_: String| async { tokio::task::id().to_string() };
    let ids = change_in_tasks(vec![String::new(); 3], ids).await.unwrap();
    let different: BTreeSet<_> = ids.iter().collect();
    assert_eq!(different.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_panic_aborts_the_other_tasks_and_loses_all_items() {
    let items = Alive::default();
    let list: Vec<_> = (1..=3_u64).map(|n| (n, items.guard())).collect();
    let start = Instant::now();
    let change = |(n, item)| async move {
        sleep(ms(10 * n)).await;
        assert_ne!(n, 2);
        (n, item)
    };
    let error = change_in_tasks(list, change).await.unwrap_err();
    assert!(error.is_panic());
    assert_eq!(start.elapsed(), ms(20));
    yield_now().await;
    assert_eq!(items.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_it_leaves_no_task_and_no_item() {
    let items = Alive::default();
    let make = || {
        let list = vec![items.guard(), items.guard()];
        change_in_tasks(list, |item| async move {
            sleep(ms(10)).await;
            item
        })
    };
    let dropped = at_every_await(make, |_, _| ()).await;
    assert!(dropped > 0, "it waits");
    yield_now().await;
    assert_eq!(items.count(), 0);
}

// On threads.

#[tokio::test]
async fn two_threads_compute_at_the_same_time() {
    // Each waits for the other.
    let (wake_first, first_hears) = mpsc::channel();
    let (call_second, second_waits) = mpsc::channel();
    let pairs = vec![
        (call_second, Some(first_hears), false),
        (wake_first, Some(second_waits), false),
    ];
    let meet =
        |(to, at, met): &mut (mpsc::Sender<()>, Option<mpsc::Receiver<()>>, bool)| {
            let _ = to.send(());
            *met = at.take().is_some_and(|at| at.recv_timeout(LONG).is_ok());
        };
    let both = compute_all(pairs, TWO, meet).await.unwrap();
    assert!(both.iter().all(|(_, _, met)| *met));
}

#[tokio::test]
async fn no_more_threads_than_it_was_told() {
    for (threads, used) in [(1, 1), (2, 2), (3, 3), (9, 6)] {
        let threads = NonZeroUsize::new(threads).unwrap();
        let thread =
            |id: &mut Option<thread::ThreadId>| *id = Some(thread::current().id());
        let ids = compute_all(vec![None; 6], threads, thread).await.unwrap();
        let ids: Vec<_> = ids.into_iter().map(Option::unwrap).collect();
        let mut different = ids.clone();
        different.dedup();
        assert_eq!(different.len(), used, "{ids:?}");
    }
}

#[tokio::test]
async fn while_they_compute_other_tasks_of_the_runtime_run() {
    let (tell, told) = mpsc::channel();
    let told = Mutex::new(told);
    let waits = move |heard: &mut bool| {
        *heard = told.lock().unwrap().recv_timeout(LONG).is_ok();
    };
    let other = tokio::spawn(async move { tell.send(()).unwrap() });
    assert_eq!(compute_all(vec![false], TWO, waits).await.unwrap(), [true]);
    other.await.unwrap();
}

#[tokio::test]
async fn naive_a_scope_in_async_code_stops_the_other_tasks_of_its_thread() {
    let (tell, told) = mpsc::channel();
    let told = Mutex::new(told);
    let other = tokio::spawn(async move { tell.send(()).unwrap() });
    let waits = |heard: &mut bool| {
        *heard = told.lock().unwrap().recv_timeout(ms(50)).is_ok();
    };
    assert_eq!(naive::compute_all(vec![false], TWO, waits).await, [false]);
    other.await.unwrap();
}

#[tokio::test]
async fn a_panic_on_a_thread_is_an_error() {
    let panics = |n: &mut u64| assert_ne!(*n, 2);
    let error = compute_all(vec![1, 2, 3], TWO, panics).await.unwrap_err();
    assert!(error.is_panic());
}

#[tokio::test]
async fn a_dropped_computation_runs_to_its_end_and_its_items_are_lost() {
    let (tell, told) = oneshot::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let (finish, finished) = oneshot::channel();
    let items = Alive::default();
    let signals = Mutex::new(Some((tell, wait, finish)));
    let compute = move |_: &mut backend::alive::Guard| {
        let (tell, wait, finish) = signals.lock().unwrap().take().unwrap();
        tell.send(()).unwrap();
        let _ = wait.recv_timeout(LONG);
        finish.send(()).unwrap();
    };
    let mut work = Box::pin(compute_all(vec![items.guard()], TWO, compute));
    assert!(futures::poll!(&mut work).is_pending());
    told.await.unwrap();
    drop(work);
    assert_eq!(items.count(), 1, "the thread still has it");
    go_on.send(()).unwrap();
    finished.await.unwrap();
}

#[test]
fn all_of_it_can_be_spawned() {
    fn spawns<F: Future + Send>(_: impl FnOnce() -> F) {}
    spawns(|| async { change_all(&mut [1], double).await });
    spawns(|| change_in_tasks(vec![1], double));
    spawns(|| compute_all(vec![1], TWO, |n| *n += 1));
    let shared = Arc::new(vec![1]);
    spawns(|| async move { shared.len() });
}

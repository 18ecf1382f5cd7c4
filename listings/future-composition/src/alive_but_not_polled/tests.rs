use super::*;
use backend::{Alive, Site, cancel, ends};
use futures::FutureExt;
use std::cell::Cell;
use std::future::{Ready, ready};
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::{Instant, sleep};

const LIMIT: Duration = Duration::from_millis(100);
const HOUR: Duration = Duration::from_hours(1);

/// One `sleep` of Tokio ends after 30 years, however long it was to be.
const DECADE: Duration = Duration::from_hours(10 * 365 * 24);

/// Long enough for any machine; only a broken listing waits that long.
const AGES: Duration = Duration::from_mins(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Polls `future` once; it is not ready.
async fn poll_once(future: impl Future + Unpin) {
    assert!(cancel::after_polls(1, future).await.is_none());
}

/// A lock that another task holds for the first 200 ms.
fn busy_lock() -> Arc<Mutex<()>> {
    let lock = Arc::new(Mutex::new(()));
    let guard = Arc::clone(&lock).try_lock_owned().unwrap();
    tokio::spawn(sleep(ms(200)).map(|()| drop(guard)));
    lock
}

/// Takes the lock, and keeps it this long.
async fn use_lock(lock: Arc<Mutex<()>>, takes: Duration) {
    let _guard = lock.lock().await;
    sleep(takes).await;
}

/// A queue with one place, which is taken; its reader begins after 200 ms, and reads on.
fn full_queue() -> (mpsc::Sender<&'static str>, impl Future<Output = Vec<&'static str>>)
{
    let (queue, mut reader) = mpsc::channel(1);
    queue.try_send("first").unwrap();
    let read = async move {
        sleep(ms(200)).await;
        let mut got = Vec::new();
        while let Some(item) = reader.recv().await {
            got.push(item);
        }
        got
    };
    (queue, tokio::spawn(read).map(Result::unwrap))
}

/// A service with one connection, which another task keeps for the first 200 ms.
async fn busy_site() -> Site {
    let site = Site::with_connections(1)
        .with_page("other", ms(200))
        .with_page("save", ms(50))
        .with_page("warn", ms(20));
    tokio::spawn(site.fetch("other"));
    tokio::task::yield_now().await;
    site
}

fn fetch(site: &Site, path: &str) -> impl Future<Output = ()> + Send + use<> {
    site.fetch(path).map(|page| assert!(page.is_ok()))
}

async fn is_stuck(future: impl Future) -> bool {
    timeout(HOUR, future).await.is_err()
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_handed_to_a_future_that_nobody_polls() {
    let lock = Mutex::new(());
    let guard = lock.lock().await;
    let mut waiting = Box::pin(lock.lock());
    poll_once(&mut waiting).await;
    drop(guard);
    assert!(lock.try_lock().is_err(), "nobody has a guard, and the lock is taken");
    assert!(is_stuck(lock.lock()).await);
    drop(waiting);
    assert!(lock.try_lock().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_place_in_a_channel_is_handed_to_a_send_that_nobody_polls() {
    let (queue, mut reader) = mpsc::channel(1);
    queue.send("first").await.unwrap();
    let mut waiting = Box::pin(queue.send("second"));
    poll_once(&mut waiting).await;
    assert_eq!(reader.recv().await, Some("first"));
    assert!(reader.try_recv().is_err(), "the channel is empty");
    assert_eq!(queue.try_send("third"), Err(TrySendError::Full("third")), "and full");
    assert!(is_stuck(queue.reserve()).await);
    drop(waiting);
    assert_eq!(queue.try_send("third"), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_reads_keeps_its_connection() {
    let site =
        Site::with_connections(1).with_page("save", ms(50)).with_page("warn", ms(20));
    let mut waiting = Box::pin(site.fetch("save"));
    poll_once(&mut waiting).await;
    assert!(
        is_stuck(site.fetch("warn")).await,
        "the answer has been there since 50 ms"
    );
    drop(waiting);
    assert!(!is_stuck(site.fetch("warn")).await);
}

#[tokio::test(start_paused = true)]
async fn an_output_that_join_keeps_is_held_too() {
    let (lock, queue) = (Mutex::new(()), full_queue().0);
    assert!(is_stuck(async { tokio::join!(lock.lock(), lock.lock()) }).await);
    assert!(is_stuck(async { tokio::join!(queue.reserve(), queue.reserve()) }).await);
}

#[tokio::test(start_paused = true)]
async fn an_unfair_lock_is_free_and_its_waiters_sleep() {
    let lock = Arc::new(futures::lock::Mutex::new(()));
    let guard = lock.lock().await;
    let mut waiting = Box::pin(lock.lock());
    poll_once(&mut waiting).await;
    let lock_2 = Arc::clone(&lock);
    let other = tokio::spawn(async move { drop(lock_2.lock().await) });
    tokio::task::yield_now().await;
    drop(guard);
    assert!(
        is_stuck(other).await,
        "the one wake-up went to the future that nobody polls"
    );
    assert!(lock.try_lock().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_place_in_the_queue_for_a_lock_stops_the_handler() {
    let lock = busy_lock();
    let warn = || use_lock(Arc::clone(&lock), ms(20));
    assert!(
        is_stuck(naive::warn_when_slow(
            use_lock(Arc::clone(&lock), ms(50)),
            LIMIT,
            warn
        ))
        .await
    );
}

#[tokio::test(start_paused = true)]
async fn a_guard_stops_the_handler() {
    let lock = Arc::new(Mutex::new(()));
    let warn = || use_lock(Arc::clone(&lock), ms(20));
    assert!(
        is_stuck(naive::warn_when_slow(
            use_lock(Arc::clone(&lock), ms(200)),
            LIMIT,
            warn
        ))
        .await
    );
}

#[tokio::test(start_paused = true)]
async fn a_send_that_waits_for_a_place_stops_the_handler() {
    let (queue, _read) = full_queue();
    let warn = || queue.send("warn").map(Result::unwrap);
    assert!(is_stuck(naive::warn_when_slow(queue.send("save"), LIMIT, warn)).await);
}

#[tokio::test(start_paused = true)]
async fn a_reserve_that_waits_for_a_place_stops_the_handler() {
    let (queue, _read) = full_queue();
    let send = |item| queue.reserve().map(move |place| place.unwrap().send(item));
    assert!(
        is_stuck(naive::warn_when_slow(send("save"), LIMIT, || send("warn"))).await
    );
}

#[tokio::test(start_paused = true)]
async fn a_place_in_the_queue_for_a_connection_stops_the_handler() {
    let site = busy_site().await;
    let warn = || fetch(&site, "warn");
    assert!(is_stuck(naive::warn_when_slow(fetch(&site, "save"), LIMIT, warn)).await);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_of_a_reference_is_the_same() {
    let lock = busy_lock();
    let stuck = async {
        let mut save = Box::pin(use_lock(Arc::clone(&lock), ms(50)));
        if timeout(LIMIT, &mut save).await.is_err() {
            use_lock(Arc::clone(&lock), ms(20)).await;
            save.await;
        }
    };
    assert!(is_stuck(stuck).await);
}

#[tokio::test(start_paused = true)]
async fn another_task_is_stopped_too() {
    let lock = busy_lock();
    let work = use_lock(Arc::clone(&lock), ms(50));
    tokio::spawn(naive::warn_when_slow(work, LIMIT, std::future::pending));
    sleep(LIMIT).await;
    assert!(is_stuck(use_lock(lock, ms(20))).await);
}

#[tokio::test(start_paused = true)]
async fn while_the_handler_runs_the_work_stands_still() {
    let two_steps = || async {
        sleep(ms(150)).await;
        sleep(ms(150)).await;
    };
    let warn = || sleep(ms(500));
    let start = Instant::now();
    naive::warn_when_slow(two_steps(), LIMIT, warn).await;
    assert_eq!(start.elapsed(), ms(100 + 500 + 150));
    let start = Instant::now();
    warn_when_slow(two_steps(), LIMIT, warn).await;
    assert_eq!(start.elapsed(), ms(100 + 500));
}

#[tokio::test(start_paused = true)]
async fn a_limit_on_the_second_lock_makes_the_hang_an_error() {
    let (lock, start) = (busy_lock(), Instant::now());
    let warn = || async {
        assert!(timeout(ms(1000), lock.lock()).await.is_err());
    };
    naive::warn_when_slow(use_lock(Arc::clone(&lock), ms(50)), LIMIT, warn).await;
    assert_eq!(start.elapsed(), ms(100 + 1000 + 50));
}

#[tokio::test(start_paused = true)]
async fn polled_side_by_side_both_get_the_lock() {
    let (lock, start) = (busy_lock(), Instant::now());
    let warn = || {
        assert_eq!(start.elapsed(), LIMIT);
        use_lock(Arc::clone(&lock), ms(20))
    };
    let work = use_lock(Arc::clone(&lock), ms(50)).map(|()| "saved");
    assert_eq!(ends(warn_when_slow(work, LIMIT, warn)).await, "saved");
    assert_eq!(start.elapsed(), ms(200 + 50 + 20));
}

#[tokio::test(start_paused = true)]
async fn polled_side_by_side_both_are_sent() {
    let (queue, read) = full_queue();
    let start = Instant::now();
    let warn = || queue.send("warn").map(Result::unwrap);
    ends(warn_when_slow(queue.send("save"), LIMIT, warn)).await.unwrap();
    assert_eq!(start.elapsed(), ms(200));
    drop(queue);
    assert_eq!(read.await, ["first", "save", "warn"]);
}

#[tokio::test(start_paused = true)]
async fn polled_side_by_side_both_get_the_connection() {
    let (site, start) = (busy_site().await, Instant::now());
    ends(warn_when_slow(fetch(&site, "save"), LIMIT, || fetch(&site, "warn"))).await;
    assert_eq!(start.elapsed(), ms(200 + 50 + 20));
}

#[tokio::test(start_paused = true)]
async fn as_a_task_the_work_goes_on_by_itself() {
    let (lock, start) = (busy_lock(), Instant::now());
    let warn = || {
        assert_eq!(start.elapsed(), LIMIT);
        use_lock(Arc::clone(&lock), ms(20))
    };
    let work = use_lock(Arc::clone(&lock), ms(50)).map(|()| "saved");
    assert_eq!(ends(warn_when_task_is_slow(work, LIMIT, warn)).await.unwrap(), "saved");
    assert_eq!(start.elapsed(), ms(200 + 50 + 20));
}

#[tokio::test(start_paused = true)]
async fn as_a_task_its_send_goes_on_too() {
    let (queue, read) = full_queue();
    let (start, sender) = (Instant::now(), queue.clone());
    let work = async move { sender.send("save").await };
    let warn = || queue.send("warn").map(Result::unwrap);
    ends(warn_when_task_is_slow(work, LIMIT, warn)).await.unwrap().unwrap();
    assert_eq!(start.elapsed(), ms(200));
    drop(queue);
    assert_eq!(read.await, ["first", "save", "warn"]);
}

#[tokio::test(start_paused = true)]
async fn as_a_task_its_call_goes_on_too() {
    let (site, start) = (busy_site().await, Instant::now());
    let warn = || fetch(&site, "warn");
    ends(warn_when_task_is_slow(fetch(&site, "save"), LIMIT, warn)).await.unwrap();
    assert_eq!(start.elapsed(), ms(200 + 50 + 20));
}

#[tokio::test(start_paused = true)]
async fn work_that_is_given_up_is_gone_before_instead_is_called() {
    let (lock, alive, start) = (busy_lock(), Alive::default(), Instant::now());
    let work = {
        let (guard, lock) = (alive.guard(), Arc::clone(&lock));
        async move {
            let _guard = guard;
            use_lock(lock, ms(50)).await;
            "saved"
        }
    };
    let instead = || {
        assert_eq!(alive.count(), 0);
        use_lock(Arc::clone(&lock), ms(20)).map(|()| "gave up")
    };
    assert_eq!(ends(fall_back_when_slow(work, LIMIT, instead)).await, "gave up");
    assert_eq!(start.elapsed(), ms(200 + 20));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_was_dropped_starts_again_at_the_end_of_the_queue() {
    let (lock, start) = (busy_lock(), Instant::now());
    timeout(LIMIT, lock.lock()).await.unwrap_err();
    let other = tokio::spawn(use_lock(Arc::clone(&lock), ms(50)));
    tokio::task::yield_now().await;
    use_lock(lock, ms(20)).await;
    assert_eq!(start.elapsed(), ms(200 + 50 + 20), "it came first, and had to let go");
    other.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn work_that_ends_at_the_limit_is_not_slow() {
    let start = Instant::now();
    let never = || -> Ready<()> { unreachable!("it was in time") };
    assert_eq!(warn_when_slow(sleep(LIMIT).map(|()| 1), LIMIT, never).await, 1);
    let instead = || -> Ready<u32> { unreachable!("it was in time") };
    let work = sleep(LIMIT).map(|()| 2);
    assert_eq!(fall_back_when_slow(work, LIMIT, instead).await, 2);
    let task = warn_when_task_is_slow(sleep(ms(99)).map(|()| 3), LIMIT, never);
    assert_eq!(task.await.unwrap(), 3);
    assert_eq!(start.elapsed(), ms(100 + 100 + 99));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_at_the_limit_gives_its_output_slow_or_not() {
    let start = Instant::now();
    for n in 1..=200 {
        let task = warn_when_task_is_slow(sleep(LIMIT), LIMIT, || ready(()));
        task.await.unwrap();
        assert_eq!(start.elapsed(), n * LIMIT);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_blocks_its_thread_is_slow_at_the_limit() {
    let (warned, until_warned) = std::sync::mpsc::channel();
    let work = async move { until_warned.recv_timeout(AGES).is_ok() };
    let warn = || {
        warned.send(()).unwrap();
        ready(())
    };
    assert!(warn_when_task_is_slow(work, ms(1), warn).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn the_longest_limit_is_none() {
    let work = || async {
        for _ in 0..4 {
            sleep(DECADE).await;
        }
    };
    let start = Instant::now();
    let never = || -> Ready<()> { unreachable!("there is no limit") };
    warn_when_slow(work(), Duration::MAX, never).await;
    fall_back_when_slow(work(), Duration::MAX, never).await;
    warn_when_task_is_slow(work(), Duration::MAX, never).await.unwrap();
    assert_eq!(start.elapsed(), 12 * DECADE);
}

/// Reads very many messages, each of which is there already, so that each of its polls
/// uses up the whole budget of the task.
async fn busy() -> &'static str {
    let (sender, mut messages) = mpsc::unbounded_channel();
    for n in 0..300_000 {
        sender.send(n).unwrap();
        messages.recv().await.unwrap();
    }
    "busy"
}

#[tokio::test]
async fn work_that_is_always_busy_is_slow_at_the_limit() {
    let warned = Cell::new(0);
    let warn = || {
        warned.set(warned.get() + 1);
        ready(())
    };
    assert_eq!(warn_when_slow(busy(), ms(1), warn).await, "busy");
    assert_eq!(warned.get(), 1);
    assert_eq!(warn_when_task_is_slow(busy(), ms(1), warn).await.unwrap(), "busy");
    assert_eq!(warned.get(), 2);
    let instead = || ready("gave up");
    assert_eq!(fall_back_when_slow(busy(), ms(1), instead).await, "gave up");
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_both_are_dropped() {
    let alive = Alive::default();
    let steps = |count: usize| {
        let guard = alive.guard();
        async move {
            let _guard = guard;
            for _ in 0..count {
                sleep(ms(60)).await;
            }
        }
    };
    let nobody = |_, _| assert_eq!(alive.count(), 0);
    let make = || warn_when_slow(steps(4), LIMIT, || steps(2));
    assert_eq!(cancel::at_every_await(make, nobody).await, 8, "one at each wake-up");
    let make = || fall_back_when_slow(steps(4), LIMIT, || steps(2));
    assert_eq!(cancel::at_every_await(make, nobody).await, 5, "one at each wake-up");
}

#[tokio::test(start_paused = true)]
async fn dropped_before_or_after_the_limit_the_task_is_aborted() {
    for after in [50, 150] {
        let alive = Alive::default();
        let forever = |guard| async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        };
        let (work, warn) = (forever(alive.guard()), || forever(alive.guard()));
        timeout(ms(after), warn_when_task_is_slow(work, LIMIT, warn))
            .await
            .unwrap_err();
        sleep(ms(1)).await;
        assert_eq!(alive.count(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_begins_before_the_first_poll() {
    let begun = Cell::new(0);
    let begins = || async { begun.set(begun.get() + 1) };
    let never = || -> Ready<()> { unreachable!("it is not slow") };
    let warned = warn_when_slow(begins(), LIMIT, never);
    let given_up = fall_back_when_slow(begins(), LIMIT, never);
    let shared = Arc::new(Mutex::new(()));
    let task = use_lock(Arc::clone(&shared), ms(50));
    let task = warn_when_task_is_slow(task, LIMIT, never);
    sleep(ms(1)).await;
    assert!(begun.get() == 0 && shared.try_lock().is_ok());
    tokio::join!(warned, given_up, task.map(Result::unwrap));
    assert_eq!(begun.get(), 2);
}

#[test]
#[should_panic(expected = "there is no reactor running")]
fn outside_a_runtime_there_is_no_task() {
    let task = warn_when_task_is_slow(async {}, LIMIT, || ready(()));
    futures::executor::block_on(task).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_task_is_an_error() {
    let work = async { panic!("out of paper") };
    let error = warn_when_task_is_slow(work, LIMIT, || sleep(LIMIT)).await.unwrap_err();
    assert!(error.is_panic());
}

#[tokio::test(start_paused = true)]
async fn each_of_them_can_be_spawned() {
    let quick = || sleep(ms(1));
    tokio::spawn(warn_when_slow(sleep(ms(200)), LIMIT, quick)).await.unwrap();
    tokio::spawn(fall_back_when_slow(sleep(ms(200)), LIMIT, quick)).await.unwrap();
    let task = warn_when_task_is_slow(sleep(ms(200)), LIMIT, quick);
    tokio::spawn(task).await.unwrap().unwrap();
}

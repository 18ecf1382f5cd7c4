use super::*;
use backend::cancel::{after_polls, at_every_await};
use backend::{Alive, Load, Site};
use futures::poll;
use std::convert::Infallible;
use std::future::pending;
use std::pin::pin;
use std::process::Command;
#[cfg(unix)]
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as StdMutex, mpsc};
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::runtime::Builder;
use tokio::sync::mpsc::channel;
use tokio::sync::{Notify, Semaphore};
use tokio::task::{block_in_place, spawn_blocking, yield_now};
use tokio::time::{Instant, interval, sleep, timeout};

const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Notes its name when it is dropped.
struct Note(&'static str, Notes);
type Notes = Arc<StdMutex<Vec<&'static str>>>;

impl Drop for Note {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(self.0);
    }
}

// A future moves only when it is polled.

#[tokio::test(start_paused = true)]
async fn nothing_happens_before_the_first_poll() {
    let site = Site::default().with_page("/a", ms(30));
    let fetch = site.fetch("/a");
    sleep(HOUR).await;
    assert_eq!(site.load(), Load::default());
    fetch.await.unwrap();
    assert_eq!(site.load().answered, 1);
}

#[tokio::test(start_paused = true)]
async fn a_future_left_alone_stays_where_it_is() {
    let site = Site::default().with_page("/a", ms(30));
    let mut fetch = pin!(site.fetch("/a"));
    assert!(poll!(&mut fetch).is_pending());
    sleep(HOUR).await;
    assert_eq!((site.load().in_flight, site.load().answered), (1, 0));
    let start = Instant::now();
    fetch.await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO, "its timer had passed long ago");
}

#[tokio::test(start_paused = true)]
async fn two_futures_awaited_in_turn_take_the_sum_of_their_times() {
    let site = Site::default().with_page("/a", ms(30)).with_page("/b", ms(50));
    let start = Instant::now();
    let (a, b) = (site.fetch("/a"), site.fetch("/b"));
    a.await.unwrap();
    b.await.unwrap();
    assert_eq!((start.elapsed(), site.load().peak), (ms(80), 1));
}

#[tokio::test]
async fn a_place_in_the_queue_is_taken_at_the_first_poll() {
    let (lock, permits) = (Mutex::new(()), Semaphore::new(1));
    let held = (lock.lock().await, permits.acquire().await.unwrap());
    let made_first = (lock.lock(), permits.acquire());
    let mut polled_first = (Box::pin(lock.lock()), Box::pin(permits.acquire()));
    assert!(poll!(&mut polled_first.0).is_pending());
    assert!(poll!(&mut polled_first.1).is_pending());
    let mut made_first = (Box::pin(made_first.0), Box::pin(made_first.1));
    assert!(poll!(&mut made_first.0).is_pending());
    assert!(poll!(&mut made_first.1).is_pending());
    drop(held);
    assert!(poll!(&mut made_first.0).is_pending());
    assert!(poll!(&mut made_first.1).is_pending());
    assert!(poll!(&mut polled_first.0).is_ready());
    assert!(poll!(&mut polled_first.1).is_ready());
}

// What a plain function does before it returns its future has been done.

#[tokio::test(start_paused = true)]
async fn two_sleeps_awaited_in_turn_take_as_long_as_the_longer() {
    let start = Instant::now();
    let (a, b) = (sleep(ms(30)), sleep(ms(50)));
    a.await;
    b.await;
    assert_eq!(start.elapsed(), ms(50), "both deadlines were set at the start");
}

#[tokio::test(start_paused = true)]
async fn a_time_limit_and_an_interval_start_when_they_are_made() {
    let start = Instant::now();
    let limited = timeout(ms(50), pending::<()>());
    let mut ticks = interval(ms(50));
    sleep(ms(40)).await;
    ticks.tick().await;
    ticks.tick().await;
    limited.await.unwrap_err();
    assert_eq!(start.elapsed(), ms(50));
}

#[tokio::test]
async fn a_wait_that_was_made_and_not_polled_hears_notify_waiters() {
    let notify = Notify::new();
    let made = notify.notified();
    notify.notify_waiters();
    made.await;
    assert!(poll!(pin!(notify.notified())).is_pending(), "this one came later");
}

#[tokio::test]
async fn a_wait_that_was_made_and_not_polled_has_no_place_for_notify_one() {
    let notify = Notify::new();
    let mut made_first = Box::pin(notify.notified());
    let mut polled_first = Box::pin(notify.notified());
    assert!(poll!(&mut polled_first).is_pending());
    notify.notify_one();
    assert!(poll!(&mut made_first).is_pending());
    assert!(poll!(&mut polled_first).is_ready());
}

#[tokio::test]
async fn what_is_spawned_runs_though_its_handle_is_never_polled() {
    let (done, mut is_done) = channel(2);
    let also_done = done.clone();
    let thread = spawn_blocking(move || done.blocking_send("thread").unwrap());
    let task = tokio::spawn(async move { also_done.send("task").await.unwrap() });
    let mut both = [is_done.recv().await.unwrap(), is_done.recv().await.unwrap()];
    both.sort_unstable();
    assert_eq!(both, ["task", "thread"]);
    drop((thread, task));
}

#[tokio::test(start_paused = true)]
async fn a_spawned_task_moves_while_nobody_awaits_it() {
    let site = Site::default().with_page("/a", ms(30));
    let task = tokio::spawn(site.fetch("/a"));
    sleep(HOUR).await;
    assert_eq!(site.load().answered, 1);
    assert!(task.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_task_is_polled_when_it_is_woken_and_not_before() {
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&polls);
    let mut hour = Box::pin(sleep(HOUR));
    let task = tokio::spawn(poll_fn(move |cx| {
        counted.fetch_add(1, Ordering::SeqCst);
        hour.as_mut().poll(cx)
    }));
    task.await.unwrap();
    assert_eq!(
        polls.load(Ordering::SeqCst),
        2,
        "when it was spawned, and an hour later"
    );
}

// To cancel is to drop at an await.

#[tokio::test]
async fn a_drop_runs_the_destructors_now_the_newest_first() {
    let notes = Notes::default();
    let note = |name| Note(name, Arc::clone(&notes));
    let (first, second, inner) = (note("first"), note("second"), note("inner"));
    let mut future = Box::pin(async move {
        let _first = first;
        let _second = second;
        let awaited = async move {
            let _inner = inner;
            pending::<()>().await;
        };
        awaited.await;
    });
    assert!(poll!(&mut future).is_pending());
    assert!(notes.lock().unwrap().is_empty());
    drop(future);
    assert_eq!(*notes.lock().unwrap(), ["inner", "second", "first"]);
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_the_await_never_runs() {
    let reached = AtomicUsize::new(0);
    let end = after_polls(2, async {
        sleep(ms(1)).await;
        reached.store(1, Ordering::SeqCst);
        sleep(ms(1)).await;
        reached.store(2, Ordering::SeqCst);
    });
    assert_eq!(end.await, None);
    sleep(HOUR).await;
    assert_eq!(reached.into_inner(), 1);
}

/// Calls it when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[tokio::test]
async fn inside_a_runtime_block_on_in_a_destructor_panics() {
    let goodbye = || Handle::current().block_on(async {});
    let task = tokio::spawn(async move { drop(OnDrop(goodbye)) });
    let panic = task.await.unwrap_err().to_string();
    assert!(panic.contains("Cannot start a runtime from within a runtime"), "{panic}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn with_block_in_place_a_destructor_waits_for_a_future() {
    let said = Arc::new(AtomicUsize::new(0));
    let saying = Arc::clone(&said);
    let goodbye = move || {
        let other_task = async {
            let count = Arc::clone(&saying);
            tokio::spawn(async move { count.fetch_add(1, Ordering::SeqCst) })
                .await
                .unwrap();
            sleep(ms(1)).await;
        };
        block_in_place(|| Handle::current().block_on(other_task));
    };
    tokio::spawn(async move { drop(OnDrop(goodbye)) }).await.unwrap();
    assert_eq!(said.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn on_one_thread_block_in_place_panics() {
    let goodbye = || block_in_place(|| Handle::current().block_on(async {}));
    let task = tokio::spawn(async move { drop(OnDrop(goodbye)) });
    let panic = task.await.unwrap_err().to_string();
    assert!(
        panic.contains("can call blocking only when running on the multi-threaded"),
        "{panic}"
    );
}

/// Waits for a timer of 1 ms, and polls it again when more than that has passed.
async fn is_due_and_fires() -> bool {
    let mut timer = pin!(sleep(ms(1)));
    assert!(poll!(&mut timer).is_pending());
    thread::sleep(ms(20));
    poll!(&mut timer).is_ready()
}

#[tokio::test]
async fn with_the_executor_of_futures_a_destructor_stops_all_that_its_thread_runs() {
    let other = tokio::spawn(async {});
    let mut fires = None;
    drop(OnDrop(|| fires = Some(futures::executor::block_on(is_due_and_fires()))));
    assert_eq!(fires, Some(false), "it is this thread that turns the timers");
    assert!(!other.is_finished(), "it was ready all the time");
    yield_now().await;
    assert!(other.is_finished());
}

#[test]
fn at_shutdown_a_destructor_that_blocks_waits_for_a_timer_in_vain() {
    let (fires, has_fired) = mpsc::channel();
    let goodbye = move || {
        let wait = || Handle::current().block_on(is_due_and_fires());
        fires.send(block_in_place(wait)).unwrap();
    };
    let runtime =
        Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let (waits, is_waiting) = mpsc::channel();
    runtime.spawn(async move {
        let _goodbye = OnDrop(goodbye);
        waits.send(()).unwrap();
        pending::<()>().await;
    });
    is_waiting.recv().unwrap();
    drop(runtime);
    assert_eq!(has_fired.recv(), Ok(false), "its driver had stopped before");
}

/// Spawns a task that counts, when it is dropped.
struct SpawnsGoodbye(Arc<AtomicUsize>);

impl Drop for SpawnsGoodbye {
    fn drop(&mut self) {
        let said = Arc::clone(&self.0);
        tokio::spawn(async move { said.fetch_add(1, Ordering::SeqCst) });
    }
}

#[tokio::test]
async fn what_a_destructor_spawns_runs_after_it() {
    let said = Arc::new(AtomicUsize::new(0));
    drop(SpawnsGoodbye(Arc::clone(&said)));
    assert_eq!(said.load(Ordering::SeqCst), 0);
    yield_now().await;
    assert_eq!(said.load(Ordering::SeqCst), 1);
}

#[test]
fn outside_a_runtime_a_destructor_that_spawns_panics() {
    let goodbye = SpawnsGoodbye(Arc::default());
    let panic = thread::spawn(move || drop(goodbye)).join().unwrap_err();
    let panic = panic.downcast::<String>().unwrap();
    assert!(panic.contains("there is no reactor running"), "{panic}");
}

/// The same, while another panic unwinds. It runs itself again, in a process that may die.
#[cfg(unix)]
#[test]
fn outside_a_runtime_it_ends_the_process_during_a_panic() {
    use std::os::unix::process::ExitStatusExt;
    const INSIDE: &str = "THIS_PROCESS_MAY_DIE";
    if std::env::var_os(INSIDE).is_some() {
        let _goodbye = SpawnsGoodbye(Arc::default());
        panic!("the first");
    }
    let name = "outside_a_runtime_it_ends_the_process_during_a_panic";
    let ended = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("polled_or_dropped::tests::{name}")])
        .arg("--nocapture")
        .env(INSIDE, "yes")
        // Where a core dump would be nobody's.
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("panic in a destructor during cleanup"), "{said}");
    assert_eq!(ended.status.signal(), Some(6), "SIGABRT; no test can catch it");
}

// Clean-up that asks for a runtime first.

/// Clean-up with one await in it, and how often it has begun and ended.
fn counted()
-> (CleanUp<impl Future<Output = ()> + Send + 'static>, Arc<[AtomicUsize; 2]>) {
    let counts = Arc::<[AtomicUsize; 2]>::default();
    let count = Arc::clone(&counts);
    let clean_up = CleanUp::new(async move {
        count[0].fetch_add(1, Ordering::SeqCst);
        sleep(ms(5)).await;
        count[1].fetch_add(1, Ordering::SeqCst);
    });
    (clean_up, counts)
}

fn told(counts: &[AtomicUsize; 2]) -> [usize; 2] {
    counts.each_ref().map(|count| count.load(Ordering::SeqCst))
}

#[tokio::test(start_paused = true)]
async fn finished_the_clean_up_has_run_once_and_spawns_nothing() {
    let ((clean_up, counts), start) = (counted(), Instant::now());
    clean_up.finish().await;
    assert_eq!((told(&counts), start.elapsed()), ([1, 1], ms(5)));
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
    let here = async { assert_eq!(tokio::task::try_id(), None) };
    CleanUp::new(here).finish().await;
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_the_clean_up_is_done_by_a_task() {
    let mut made = Vec::new();
    let finish = || {
        let (clean_up, counts) = counted();
        made.push(counts);
        clean_up.finish()
    };
    assert_eq!(at_every_await(finish, |_, _| ()).await, 2);
    sleep(ms(5)).await;
    yield_now().await;
    assert_eq!(
        made.iter().map(|counts| told(counts)).collect::<Vec<_>>(),
        [[1, 1], [1, 1], [1, 1]]
    );
}

#[tokio::test(start_paused = true)]
async fn never_finished_the_clean_up_is_done_by_a_task_also_after_a_panic() {
    let ((dropped, first), (unwound, second)) = (counted(), counted());
    drop(dropped);
    assert_eq!(told(&first), [0, 0], "not in the destructor");
    let panics = tokio::spawn(async move {
        let _clean_up = unwound;
        panic!("on purpose");
    });
    assert!(panics.await.unwrap_err().is_panic());
    sleep(ms(6)).await;
    assert_eq!((told(&first), told(&second)), ([1, 1], [1, 1]));
}

#[tokio::test(start_paused = true)]
async fn a_clean_up_that_panics_in_finish_is_not_run_again() {
    let polls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&polls);
    let clean_up = CleanUp::new(poll_fn(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        panic!("on purpose");
    }));
    assert!(tokio::spawn(clean_up.finish()).await.unwrap_err().is_panic());
    sleep(ms(1)).await;
    assert_eq!(polls.load(Ordering::SeqCst), 1);
}

#[test]
fn outside_a_runtime_the_clean_up_is_dropped_and_panics_not_even_in_a_panic() {
    let ((dropped, first), (unwound, second)) = (counted(), counted());
    thread::spawn(move || drop(dropped)).join().unwrap();
    let panics = thread::spawn(move || {
        let _clean_up = unwound;
        panic!("on purpose");
    });
    assert!(panics.join().is_err());
    assert_eq!((told(&first), told(&second)), ([0, 0], [0, 0]));
    assert_eq!((Arc::strong_count(&first), Arc::strong_count(&second)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn finishing_can_be_spawned() {
    let (clean_up, counts) = counted();
    tokio::spawn(clean_up.finish()).await.unwrap();
    assert_eq!(told(&counts), [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_join_handle_detaches_its_task() {
    let site = Site::default().with_page("/a", ms(30));
    drop(tokio::spawn(site.fetch("/a")));
    sleep(HOUR).await;
    assert_eq!((site.load().answered, site.load().dropped), (1, 0));
}

#[tokio::test]
async fn an_aborted_task_is_dropped_where_it_waits_but_later() {
    let alive = Alive::default();
    let guard = alive.guard();
    let task = tokio::spawn(async move {
        let _guard = guard;
        pending::<()>().await;
    });
    yield_now().await;
    task.abort();
    assert_eq!(alive.count(), 1, "abort() is a request");
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(alive.count(), 0, "the handle tells when it has been met");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_task_that_does_not_yield_cannot_be_cancelled() {
    let (started, until_started) = mpsc::channel();
    let (aborted, until_aborted) = mpsc::channel();
    let task = tokio::spawn(async move {
        started.send(()).unwrap();
        until_aborted.recv().unwrap();
        "done all the same"
    });
    until_started.recv().unwrap();
    task.abort();
    aborted.send(()).unwrap();
    assert_eq!(task.await.unwrap(), "done all the same");
}

#[test]
fn a_runtime_that_is_dropped_drops_its_tasks() {
    let alive = Alive::default();
    let guard = alive.guard();
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        tokio::spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        yield_now().await;
    });
    assert_eq!(alive.count(), 1);
    drop(runtime);
    assert_eq!(alive.count(), 0);
}

#[test]
fn at_shutdown_what_a_destructor_spawns_never_runs() {
    let said = Arc::new(AtomicUsize::new(0));
    let goodbye = SpawnsGoodbye(Arc::clone(&said));
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        tokio::spawn(async move {
            let _goodbye = goodbye;
            pending::<()>().await;
        });
        yield_now().await;
    });
    drop(runtime);
    assert_eq!(Arc::strong_count(&said), 1, "the destructor ran, its task is gone too");
    assert_eq!(said.load(Ordering::SeqCst), 0);
}

// Cancel safe, or not.

#[tokio::test]
async fn a_dropped_recv_loses_no_message() {
    let (sender, mut receiver) = channel(1);
    let mut receiving = Box::pin(receiver.recv());
    assert!(poll!(&mut receiving).is_pending());
    sender.send("hello").await.unwrap();
    drop(receiving);
    assert_eq!(receiver.recv().await, Some("hello"));
}

#[tokio::test]
async fn a_dropped_read_exact_loses_what_it_has_read() {
    let (mut near, mut far) = duplex(16);
    far.write_all(b"abc").await.unwrap();
    let mut four = [0; 4];
    let mut reading = Box::pin(near.read_exact(&mut four));
    assert!(poll!(&mut reading).is_pending());
    drop(reading);
    far.write_all(b"defg").await.unwrap();
    near.read_exact(&mut four).await.unwrap();
    assert_eq!(&four, b"defg", "a, b and c were read, and nobody knows");
}

// Safe for the data, but the place in the queue is lost.

/// Two ask, one after the other; the early one may be dropped and ask again. Who is served when
/// one can be?
async fn served<F: Future>(
    ask: impl Fn() -> F,
    asks_again: bool,
    free_one: impl FnOnce(),
) -> &'static str {
    let (mut early, mut late) = (Box::pin(ask()), Box::pin(ask()));
    assert!(poll!(&mut early).is_pending());
    assert!(poll!(&mut late).is_pending());
    if asks_again {
        early = Box::pin(ask());
        assert!(poll!(&mut early).is_pending());
    }
    free_one();
    // Both are kept: a guard that is dropped would serve the next one too.
    let (early, late) = (poll!(&mut early), poll!(&mut late));
    match (early.is_ready(), late.is_ready()) {
        (true, false) => "early",
        (false, true) => "late",
        _ => panic!("one can be served, and one only"),
    }
}

#[tokio::test]
async fn a_lock_asked_for_again_comes_last() {
    let lock = Mutex::new(());
    for (asks_again, expected) in [(false, "early"), (true, "late")] {
        let held = lock.lock().await;
        assert_eq!(served(|| lock.lock(), asks_again, || drop(held)).await, expected);
    }
}

#[tokio::test]
async fn a_permit_asked_for_again_comes_last() {
    for (asks_again, expected) in [(false, "early"), (true, "late")] {
        let permits = Semaphore::new(0);
        let free_one = || permits.add_permits(1);
        assert_eq!(served(|| permits.acquire(), asks_again, free_one).await, expected);
    }
}

#[tokio::test]
async fn a_notification_waited_for_again_comes_last() {
    for (asks_again, expected) in [(false, "early"), (true, "late")] {
        let notify = Notify::new();
        let free_one = || notify.notify_one();
        assert_eq!(served(|| notify.notified(), asks_again, free_one).await, expected);
    }
}

#[tokio::test]
async fn what_was_granted_to_a_dropped_future_goes_to_the_next() {
    let permits = Semaphore::new(0);
    let (mut early, mut late) = (Box::pin(permits.acquire()), pin!(permits.acquire()));
    assert!(poll!(&mut early).is_pending());
    assert!(poll!(&mut late).is_pending());
    permits.add_permits(1);
    assert!(
        poll!(&mut late).is_pending(),
        "granted to the early one, which nobody polls"
    );
    drop(early);
    assert!(poll!(&mut late).is_ready());
}

// A drop at each await.

type Shared = Arc<Mutex<Accounts>>;
type Approval = Pin<Box<dyn Future<Output = Result<(), Infallible>> + Send>>;

const BEFORE: Accounts = Accounts { from: 100, to: 0 };
const AFTER: Accounts = Accounts { from: 90, to: 10 };

/// Drops a transfer of 10 at each of its awaits, each time with fresh accounts whose lock another
/// task holds for 3 ms and an approval that takes 1 ms. Returns what each left behind.
async fn left_by<F>(transfer: impl Fn(Shared, Approval) -> F) -> Vec<Accounts>
where
    F: Future<Output = Result<(), TransferError<Infallible>>>,
{
    let mut all = Vec::new();
    let make = || {
        let accounts = Arc::new(Mutex::new(BEFORE));
        all.push(Arc::clone(&accounts));
        let held = Arc::clone(&accounts).try_lock_owned().unwrap();
        tokio::spawn(async move {
            sleep(ms(3)).await;
            drop(held);
        });
        let approval = Box::pin(async {
            sleep(ms(1)).await;
            Ok(())
        });
        transfer(accounts, approval)
    };
    at_every_await(make, |_, end| end.into_iter().for_each(Result::unwrap)).await;
    sleep(HOUR).await;
    all.iter()
        .map(|accounts| *accounts.try_lock().expect("nobody holds the lock"))
        .collect()
}

/// The approval that the tests of the page wait for.
async fn approval() -> Result<(), Infallible> {
    sleep(ms(50)).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn dropped_at_each_await_no_money_is_gone() {
    let accounts = Mutex::new(Accounts { from: 100, to: 0 });
    let make = || transfer(&accounts, 10, approval());
    let dropped = at_every_await(make, |polls, end| {
        let left = *accounts.try_lock().expect("nobody holds the lock");
        if end.is_some() {
            assert_eq!(left, Accounts { from: 90, to: 10 });
        } else {
            assert_eq!(left, Accounts { from: 100, to: 0 }, "polls: {polls}");
        }
    });
    assert_eq!(dropped.await, 2, "before the first poll, and at the approval");
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "polls: 1")]
async fn the_same_test_of_the_wrong_transfer_fails_after_one_poll() {
    let accounts = Mutex::new(Accounts { from: 100, to: 0 });
    let make = || naive::transfer(&accounts, 10, approval());
    let dropped = at_every_await(make, |polls, end| {
        let left = *accounts.try_lock().expect("nobody holds the lock");
        if end.is_none() {
            assert_eq!(left, Accounts { from: 100, to: 0 }, "polls: {polls}");
        }
    });
    dropped.await;
}

#[tokio::test(start_paused = true)]
async fn with_the_lock_held_it_is_dropped_there_too() {
    let mut all = Vec::new(); // the accounts of each run
    let make = || {
        let accounts = Arc::new(Mutex::new(Accounts { from: 100, to: 0 }));
        all.push(Arc::clone(&accounts));
        let held = Arc::clone(&accounts).try_lock_owned().expect("it is new");
        tokio::spawn(async move {
            sleep(ms(60)).await; // longer than the approval
            drop(held);
        });
        async move { transfer(&accounts, 10, approval()).await }
    };
    let dropped = at_every_await(make, |_, _| ()).await;
    assert_eq!(dropped, 3, "before the first poll, at the approval, at the lock");

    sleep(ms(60)).await; // from now on, nobody holds a lock
    let left = |accounts: &Arc<Mutex<Accounts>>| accounts.try_lock().unwrap().from;
    let left: Vec<_> = all.iter().map(left).collect();
    assert_eq!(left, [100, 100, 100, 90]); // only the last run was not dropped
}

#[tokio::test(start_paused = true)]
async fn a_limit_drops_the_transfer_at_its_approval() {
    let accounts = Mutex::new(Accounts { from: 100, to: 0 });
    let late = timeout(ms(30), transfer(&accounts, 10, approval())).await;
    assert!(late.is_err(), "the approval needs 50 ms");
    assert_eq!(*accounts.lock().await, Accounts { from: 100, to: 0 });
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_the_transfer_moves_all_or_nothing() {
    let transfer = |accounts: Shared, approval| async move {
        transfer(&accounts, 10, approval).await
    };
    assert_eq!(left_by(transfer).await, [BEFORE, BEFORE, BEFORE, AFTER]);
}

#[tokio::test(start_paused = true)]
async fn dropped_between_debit_and_credit_the_money_is_gone() {
    let transfer = |accounts: Shared, approval| async move {
        naive::transfer(&accounts, 10, approval).await
    };
    let lost = Accounts { from: 90, to: 0 };
    assert_eq!(left_by(transfer).await, [BEFORE, BEFORE, lost, AFTER]);
}

#[tokio::test(start_paused = true)]
async fn once_spawned_even_that_one_survives_its_caller() {
    let transfer = |accounts: Shared, approval| async move {
        let task = async move { naive::transfer(&accounts, 10, approval).await };
        tokio::spawn(task).await.unwrap()
    };
    assert_eq!(left_by(transfer).await, [BEFORE, AFTER, AFTER]);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not today")]
struct NotToday;

#[tokio::test]
async fn without_approval_nothing_moves() {
    let accounts = Mutex::new(BEFORE);
    let no = || async { Err(NotToday) };
    for end in [
        transfer(&accounts, 10, no()).await,
        naive::transfer(&accounts, 10, no()).await,
    ] {
        let refused = end.unwrap_err();
        assert_eq!(refused, TransferError::Refused(NotToday));
        assert_eq!(refused.to_string(), "the transfer was not approved");
        assert_eq!(refused.source().unwrap().to_string(), "not today");
    }
    assert_eq!(accounts.into_inner(), BEFORE);
}

#[tokio::test]
async fn what_the_balances_do_not_allow_does_not_move() {
    let yes = || async { Ok::<_, NotToday>(()) };
    for before in [Accounts { from: 9, to: 0 }, Accounts { from: 10, to: u64::MAX - 9 }]
    {
        let accounts = Mutex::new(before);
        let refused = Err(TransferError::Balance { amount: 10 });
        assert_eq!(transfer(&accounts, 10, yes()).await, refused);
        assert_eq!(naive::transfer(&accounts, 10, yes()).await, refused);
        assert_eq!(accounts.into_inner(), before);
    }
}

#[tokio::test]
async fn waiting_for_the_approval_it_holds_nothing() {
    let accounts = Mutex::new(BEFORE);
    let approval = pending::<Result<(), NotToday>>;
    let mut waiting = pin!(transfer(&accounts, 10, approval()));
    assert!(poll!(&mut waiting).is_pending());
    assert!(accounts.try_lock().is_ok());
}

#[tokio::test(start_paused = true)]
async fn from_the_debit_to_the_credit_everybody_else_is_kept_out() {
    let approval = || async {
        sleep(ms(50)).await;
        Ok::<_, NotToday>(())
    };
    let (accounts, start) = (Mutex::new(BEFORE), Instant::now());
    let look = async { (*accounts.lock().await, start.elapsed()) };
    let (end, seen) =
        tokio::join!(biased; naive::transfer(&accounts, 10, approval()), look);
    end.unwrap();
    assert_eq!(seen, (AFTER, ms(50)), "a look at the balances takes 50 ms");
    let (accounts, start) = (Mutex::new(BEFORE), Instant::now());
    let look = async { (*accounts.lock().await, start.elapsed()) };
    let (end, seen) = tokio::join!(biased; transfer(&accounts, 10, approval()), look);
    end.unwrap();
    assert_eq!(seen, (BEFORE, ms(0)));
}

#[tokio::test(start_paused = true)]
async fn the_amount_is_what_moves() {
    let yes = || async { Ok::<_, NotToday>(()) };
    for (amount, from, to) in [(0, 100, 0), (1, 99, 1), (100, 0, 100)] {
        let accounts = Mutex::new(BEFORE);
        transfer(&accounts, amount, yes()).await.unwrap();
        assert_eq!(accounts.into_inner(), Accounts { from, to });
        let accounts = Mutex::new(BEFORE);
        naive::transfer(&accounts, amount, yes()).await.unwrap();
        assert_eq!(accounts.into_inner(), Accounts { from, to });
    }
    let refused = transfer(&Mutex::new(BEFORE), 101, yes()).await.unwrap_err();
    assert_eq!(refused.to_string(), "the balances do not allow a transfer of 101");
}

#[tokio::test]
async fn a_transfer_can_be_spawned() {
    let accounts = Arc::new(Mutex::new(BEFORE));
    let shared = Arc::clone(&accounts);
    let yes = async { Ok::<_, NotToday>(()) };
    let task = tokio::spawn(async move { transfer(&shared, 10, yes).await });
    task.await.unwrap().unwrap();
    assert_eq!(*accounts.lock().await, AFTER);
}

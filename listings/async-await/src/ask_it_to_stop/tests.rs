use super::*;
use backend::{Alive, cancel};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use std::cell::Cell;
use std::future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, mpsc as std_mpsc};
use tokio::sync::oneshot;
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::{Instant, sleep};
use tokio_util::future::FutureExt as _;
use tokio_util::task::AbortOnDropHandle;

const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A channel with batches 1, 2, … in it, which does not end while the sender lives.
fn filled(batches: u32) -> (mpsc::Sender<u32>, mpsc::Receiver<u32>) {
    let (sender, receiver) = mpsc::channel(batches as usize + 1);
    for batch in 1..=batches {
        sender.try_send(batch).unwrap();
    }
    (sender, receiver)
}

/// The same, and it ends after the last one.
fn ended(batches: u32) -> mpsc::Receiver<u32> {
    filled(batches).1
}

/// Batches, in the order in which each step was done to them.
#[derive(Clone, Debug, Default)]
struct Store {
    written: Arc<Mutex<Vec<u32>>>,
    marked: Arc<Mutex<Vec<u32>>>,
}

impl Store {
    /// As on the page: 30 ms to write a batch, 20 ms to mark it.
    async fn save(self, batch: u32) {
        sleep(ms(30)).await;
        self.written.lock().unwrap().push(batch);
        sleep(ms(20)).await;
        self.marked.lock().unwrap().push(batch);
    }

    fn saver(&self) -> impl Fn(u32) -> BoxFuture<'static, ()> + Send + use<> {
        let store = self.clone();
        move |batch| Box::pin(store.clone().save(batch))
    }

    fn written(&self) -> Vec<u32> {
        self.written.lock().unwrap().clone()
    }

    fn marked(&self) -> Vec<u32> {
        self.marked.lock().unwrap().clone()
    }
}

/// Cancels a token after a while.
fn cancel_after(wait: Duration) -> CancellationToken {
    let token = CancellationToken::new();
    let later = token.clone();
    tokio::spawn(async move {
        sleep(wait).await;
        later.cancel();
    });
    token
}

// One task and one token.

#[tokio::test(start_paused = true)]
async fn asked_to_stop_an_import_finishes_the_batch_in_hand_and_no_other() {
    let (start, store) = (Instant::now(), Store::default());
    let (sender, batches) = filled(5);
    let outcome = import(cancel_after(ms(90)), batches, store.saver()).await;
    assert_eq!((outcome, start.elapsed()), (Outcome::Cancelled, ms(100)));
    assert_eq!((store.written(), store.marked()), (vec![1, 2], vec![1, 2]));
    assert!(sender.is_closed(), "batches 3 to 5 were dropped with the channel");
}

#[tokio::test(start_paused = true)]
async fn aborted_at_the_same_moment_it_leaves_a_batch_written_and_not_marked() {
    let store = Store::default();
    let (_sender, batches) = filled(5);
    let task = tokio::spawn(import(CancellationToken::new(), batches, store.saver()));
    sleep(ms(90)).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!((store.written(), store.marked()), (vec![1, 2], vec![1]));
}

#[tokio::test(start_paused = true)]
async fn while_it_waits_for_a_batch_an_import_stops_at_once() {
    let (start, store) = (Instant::now(), Store::default());
    let (_sender, batches) = filled(1);
    let outcome = import(cancel_after(ms(170)), batches, store.saver()).await;
    assert_eq!((outcome, start.elapsed()), (Outcome::Cancelled, ms(170)));
    assert_eq!(store.marked(), [1]);
}

#[tokio::test(start_paused = true)]
async fn not_asked_to_stop_an_import_ends_with_its_channel() {
    let (start, store) = (Instant::now(), Store::default());
    let batches = ended(2);
    let outcome = import(CancellationToken::new(), batches, store.saver()).await;
    assert_eq!((outcome, start.elapsed()), (Outcome::Done(2), ms(100)));
    assert_eq!(store.marked(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn asked_to_stop_before_it_starts_an_import_saves_nothing() {
    let store = Store::default();
    let stop = CancellationToken::new();
    stop.cancel();
    assert_eq!(import(stop, ended(2), store.saver()).await, Outcome::Cancelled);
    assert!(store.written().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_import_can_be_spawned() {
    let save = |_: u32| future::ready(());
    let stop = CancellationToken::new;
    let plain = tokio::spawn(import(stop(), ended(3), save));
    let ticking = tokio::spawn(import_and_report(stop(), ended(3), save, HOUR, |_| ()));
    let own = tokio::spawn(async {
        with_child_token(&CancellationToken::new(), |_own| async { 3 }).await
    });
    assert_eq!(plain.await.unwrap(), Outcome::Done(3));
    assert_eq!(ticking.await.unwrap(), Outcome::Done(3));
    assert_eq!(own.await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_token_around_the_write_leaves_half_a_batch_too() {
    let store = Store::default();
    let (_sender, batches) = filled(5);
    let outcome = naive::import(cancel_after(ms(90)), batches, store.saver()).await;
    assert_eq!(outcome, Outcome::Cancelled);
    assert_eq!((store.written(), store.marked()), (vec![1, 2], vec![1]));
    let done = naive::import(CancellationToken::new(), ended(2), store.saver());
    assert_eq!(done.await, Outcome::Done(2), "else it does the same");
}

// What `run_until_cancelled` and `cancelled` promise.

#[tokio::test(start_paused = true)]
async fn with_a_cancelled_token_the_future_is_never_polled() {
    let token = CancellationToken::new();
    token.cancel();
    let polled = Cell::new(false);
    let ready = async { polled.set(true) };
    assert_eq!(token.run_until_cancelled(ready).await, None);
    assert!(!polled.get());
}

#[tokio::test(start_paused = true)]
async fn the_future_is_dropped_before_none_comes_back() {
    let (alive, start) = (Alive::default(), Instant::now());
    let token = cancel_after(ms(100));
    let guard = alive.guard();
    let waiting = async move {
        let _guard = guard;
        future::pending::<()>().await;
    };
    let mut run = Box::pin(token.run_until_cancelled(waiting));
    assert_eq!(run.as_mut().await, None);
    assert_eq!((alive.count(), start.elapsed()), (0, ms(100)));
}

#[tokio::test(start_paused = true)]
async fn when_both_have_come_the_completion_wins() {
    let token = CancellationToken::new();
    let (sender, receiver) = oneshot::channel();
    let both = async {
        sender.send("message").unwrap();
        token.cancel();
    };
    let run = token.run_until_cancelled(receiver);
    // `run` is polled first and waits; then both happen, and it is polled again.
    let ((), answer) = {
        let mut run = std::pin::pin!(run);
        assert!(run.as_mut().now_or_never().is_none());
        (both.await, run.await)
    };
    assert_eq!(answer, Some(Ok("message")));
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_comes_with_the_cancel_is_saved_and_no_more() {
    let (store, stop) = (Store::default(), CancellationToken::new());
    let (sender, batches) = filled(0);
    let task = tokio::spawn(import(stop.clone(), batches, store.saver()));
    sleep(ms(10)).await; // it waits for a batch
    sender.try_send(1).unwrap();
    stop.cancel();
    assert_eq!(task.await.unwrap(), Outcome::Cancelled);
    assert_eq!(store.marked(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_heard_by_those_who_ask_later_and_again() {
    let token = CancellationToken::new();
    let lost = token.cancelled();
    assert!(cancel::after_polls(1, lost).await.is_none(), "it waits, and is dropped");
    token.cancel();
    token.cancel();
    for _ in 0..3 {
        assert_eq!(token.cancelled().now_or_never(), Some(()));
        assert!(token.is_cancelled());
    }
}

/// Never waits for anything but Tokio's budget; ends by itself after a million rounds.
async fn busy(rounds: &Cell<u32>) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    while rounds.get() < 1_000_000 {
        sender.send(()).unwrap();
        receiver.recv().await.unwrap();
        rounds.set(rounds.get() + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_stops_a_loop_that_finds_a_message_each_time() {
    let (token, rounds) = (CancellationToken::new(), Cell::new(0));
    let later = async {
        yield_now().await;
        token.cancel();
    };
    let (outcome, ()) = tokio::join!(token.run_until_cancelled(busy(&rounds)), later);
    assert_eq!(outcome, None);
    assert!(rounds.get() <= 3 * 128, "{} rounds", rounds.get());
}

#[tokio::test(start_paused = true)]
async fn what_does_not_wait_at_any_await_is_not_stopped() {
    let token = CancellationToken::new();
    let outcome = token
        .run_until_cancelled(async {
            token.cancel();
            for _ in 0..1_000 {
                future::ready(()).await;
            }
            "the end"
        })
        .await;
    assert_eq!(outcome, Some("the end"));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_never_looks_at_its_token_goes_on() {
    let (token, start) = (CancellationToken::new(), Instant::now());
    let own = token.clone();
    let task = tokio::spawn(async move {
        sleep(ms(500)).await;
        own.is_cancelled()
    });
    token.cancel();
    assert_eq!((task.await.unwrap(), start.elapsed()), (true, ms(500)));
}

#[tokio::test(start_paused = true)]
async fn the_method_of_a_future_looks_at_the_token_when_it_is_made() {
    let token = CancellationToken::new();
    let polled = Cell::new(0);
    let work = || async {
        polled.set(polled.get() + 1);
        "done"
    };
    let (function, method) =
        (token.run_until_cancelled(work()), work().with_cancellation_token(&token));
    token.cancel();
    assert_eq!((function.await, method.await), (None, Some("done")));
    assert_eq!(polled.get(), 1);
    assert_eq!(work().with_cancellation_token(&token).await, None);
}

// Several waits; a computation.

#[tokio::test(start_paused = true)]
async fn reports_come_at_once_and_once_a_period_and_the_token_ends_them() {
    let (start, store) = (Instant::now(), Store::default());
    let (_sender, batches) = filled(2);
    let reports = Mutex::new(Vec::new());
    let report = |saved| reports.lock().unwrap().push((saved, start.elapsed()));
    let stop = cancel_after(ms(270));
    let outcome = import_and_report(stop, batches, store.saver(), ms(60), report).await;
    assert_eq!((outcome, start.elapsed()), (Outcome::Cancelled, ms(270)));
    let reports = reports.into_inner().unwrap();
    let at = |saved, n| (saved, ms(n));
    assert_eq!(
        reports,
        [at(0, 0), at(2, 100), at(2, 120), at(2, 180), at(2, 240)],
        "a tick waits for the batch in hand"
    );
}

#[tokio::test(start_paused = true)]
async fn not_asked_to_stop_a_reporting_import_ends_with_its_channel() {
    let store = Store::default();
    let stop = CancellationToken::new();
    let outcome = import_and_report(stop, ended(3), store.saver(), HOUR, |_| ()).await;
    assert_eq!((outcome, store.marked()), (Outcome::Done(3), vec![1, 2, 3]));
}

#[tokio::test(start_paused = true)]
async fn with_the_token_first_no_batch_is_taken_after_the_cancel() {
    let (taken, stop) = (Cell::new(0), CancellationToken::new());
    let (_sender, batches) = filled(10_000);
    let save = |batch| {
        taken.set(taken.get() + 1);
        if batch == 5 {
            stop.cancel();
        }
        future::ready(())
    };
    let stopped = import_and_report(stop.clone(), batches, save, HOUR, |_| ()).await;
    assert_eq!((stopped, taken.get()), (Outcome::Cancelled, 5));
}

#[tokio::test(start_paused = true)]
async fn with_the_token_first_nothing_is_reported_after_the_cancel() {
    let (stop, reports) = (CancellationToken::new(), Cell::new(0));
    stop.cancel();
    let save = |_: u32| future::ready(());
    let report = |_saved| reports.set(reports.get() + 1);
    // The first tick is ready at once.
    let outcome = import_and_report(stop, ended(3), save, HOUR, report).await;
    assert_eq!((outcome, reports.get()), (Outcome::Cancelled, 0));
}

#[tokio::test(start_paused = true)]
async fn with_the_token_last_all_batches_are_taken_after_the_cancel() {
    let (taken, stop) = (Cell::new(0), CancellationToken::new());
    let (_sender, batches) = filled(10_000);
    let save = |batch| {
        taken.set(taken.get() + 1);
        if batch == 5 {
            stop.cancel();
        }
        future::ready(())
    };
    let run = naive::import_and_report(stop.clone(), batches, save, HOUR, |_| ());
    assert_eq!((run.await, taken.get()), (Outcome::Cancelled, 10_000));
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "`period` must be non-zero.")]
async fn a_period_of_zero_panics() {
    let batches = ended(0);
    let save = |_: u32| future::ready(());
    import_and_report(CancellationToken::new(), batches, save, Duration::ZERO, |_| ())
        .await;
}

/// Four chunks of ones; `at_third` runs before the third is there.
fn chunks(at_third: impl FnMut()) -> impl Iterator<Item = Vec<u8>> {
    let mut at_third = at_third;
    (1..=4).map(move |chunk| {
        if chunk == 3 {
            at_third();
        }
        vec![1; 10]
    })
}

#[test]
fn a_checksum_stops_before_the_next_chunk() {
    let stop = CancellationToken::new();
    let taken = Cell::new(0);
    let watched = chunks(|| stop.cancel()).inspect(|_| taken.set(taken.get() + 1));
    assert_eq!(checksum(&stop, watched), Outcome::Cancelled);
    assert_eq!(taken.get(), 3);
    assert_eq!(checksum(&CancellationToken::new(), chunks(|| ())), Outcome::Done(40));
}

#[test]
fn a_checksum_that_never_looks_is_not_stopped() {
    let stop = CancellationToken::new();
    assert_eq!(naive::checksum(chunks(|| stop.cancel())), 40);
}

#[tokio::test]
async fn on_a_blocking_thread_a_token_stops_what_abort_does_not() {
    let outcome = |with_token: bool| async move {
        let stop = CancellationToken::new();
        let own = stop.clone();
        let (begun, mut has_begun) = mpsc::unbounded_channel();
        let (go_on, may_go_on) = std_mpsc::channel::<()>();
        let task = spawn_blocking(move || {
            checksum(
                &own,
                chunks(|| {
                    begun.send(()).unwrap();
                    may_go_on.recv().unwrap();
                }),
            )
        });
        has_begun.recv().await.unwrap();
        if with_token {
            stop.cancel();
        } else {
            task.abort();
        }
        go_on.send(()).unwrap();
        task.await.unwrap()
    };
    assert_eq!(outcome(true).await, Outcome::Cancelled);
    assert_eq!(outcome(false).await, Outcome::Done(40));
}

// A tree of tokens.

/// A root, two children, and a child of the first: which are cancelled when `one` is.
fn seen(one: usize) -> [bool; 4] {
    let root = CancellationToken::new();
    let (left, right) = (root.child_token(), root.child_token());
    let grandchild = left.child_token();
    let tree = [root, left, right, grandchild];
    tree[one].cancel();
    tree.map(|token| token.is_cancelled())
}

#[test]
fn a_cancel_goes_down_to_children_and_never_up_or_beside() {
    assert_eq!(seen(0), [true, true, true, true], "root");
    assert_eq!(seen(1), [false, true, false, true], "left");
    assert_eq!(seen(2), [false, false, true, false], "right");
    assert_eq!(seen(3), [false, false, false, true], "child of left");
}

#[test]
fn a_child_of_a_cancelled_token_is_born_cancelled() {
    let root = CancellationToken::new();
    root.cancel();
    assert!(root.child_token().is_cancelled());
    assert!(root.child_token().child_token().is_cancelled());
}

#[test]
fn a_grandchild_hears_of_the_root_though_its_parent_is_gone() {
    let root = CancellationToken::new();
    let grandchild = root.child_token().child_token();
    root.cancel();
    assert!(grandchild.is_cancelled());
}

#[test]
fn a_clone_is_the_same_token() {
    let token = CancellationToken::new();
    let clone = token.clone();
    clone.cancel();
    assert!(token.is_cancelled());
    assert!(token == clone && token != token.child_token());
}

#[test]
fn a_token_that_is_dropped_cancels_nothing() {
    let token = CancellationToken::new();
    let child = token.child_token();
    drop(token);
    assert!(!child.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_token_of_its_own_is_cancelled_on_every_way_out() {
    let parent = CancellationToken::new();
    let seen = Mutex::new(None);
    let keep = |own: &CancellationToken| *seen.lock().unwrap() = Some(own.clone());
    let kept = || seen.lock().unwrap().take().unwrap();

    let fails = |own: CancellationToken| async move {
        keep(&own);
        assert!(!own.is_cancelled());
        Err::<(), _>("a `?`")?;
        Ok::<_, &str>(())
    };
    assert_eq!(with_child_token(&parent, fails).await, Err("a `?`"));
    assert!(kept().is_cancelled(), "after an error");

    let panics = |own: CancellationToken| async move {
        keep(&own);
        assert!(own.is_cancelled(), "a panic");
    };
    let panicked = AssertUnwindSafe(with_child_token(&parent, panics)).catch_unwind();
    assert!(panicked.await.is_err());
    assert!(kept().is_cancelled(), "after a panic");

    let waits = |own: CancellationToken| async move {
        keep(&own);
        future::pending::<()>().await;
    };
    assert_eq!(cancel::after_polls(1, with_child_token(&parent, waits)).await, None);
    assert!(kept().is_cancelled(), "after a drop");

    assert!(!parent.is_cancelled(), "and its parent never is");
}

#[tokio::test(start_paused = true)]
async fn a_token_of_its_own_hears_of_its_parent() {
    let parent = cancel_after(ms(100));
    let start = Instant::now();
    let work = |own: CancellationToken| async move { own.cancelled().await };
    with_child_token(&parent, work).await;
    assert_eq!(start.elapsed(), ms(100));
}

#[tokio::test(start_paused = true)]
async fn a_guard_of_a_clone_stops_everybody() {
    let parent = CancellationToken::new();
    let other_job = parent.child_token();
    naive::with_child_token(&parent, |_own| async {}).await;
    assert!(parent.is_cancelled() && other_job.is_cancelled());
}

#[test]
fn a_guard_that_is_disarmed_cancels_nothing() {
    let guard = CancellationToken::new().drop_guard();
    assert!(!guard.disarm().is_cancelled());
}

// The end of a chain of tasks.

#[test]
fn an_aborted_task_has_ended_before_the_task_that_it_owned() {
    /// Says that its drop has begun, and waits until it may end.
    struct SlowDrop(std_mpsc::Sender<()>, std_mpsc::Receiver<()>);
    impl Drop for SlowDrop {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
            self.1.recv().unwrap();
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (begun, has_begun) = std_mpsc::channel();
    let (go_on, may_go_on) = std_mpsc::channel();
    let slow = SlowDrop(begun, may_go_on);
    runtime.block_on(async {
        let (running, runs) = oneshot::channel();
        let root = tokio::spawn(async {
            let _leaf = AbortOnDropHandle::new(tokio::spawn(async move {
                let _slow = slow;
                running.send(()).unwrap();
                future::pending::<()>().await;
            }));
            future::pending::<()>().await;
        });
        runs.await.unwrap();
        root.abort();
        assert!(root.await.unwrap_err().is_cancelled());
        // The root has ended. The drop of the leaf has not: nobody lets it go on yet.
        has_begun.recv().unwrap();
        go_on.send(()).unwrap();
    });
}

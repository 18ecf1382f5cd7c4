use super::*;
use backend::Alive;
use backend::cancel::at_every_await;
use backend::turns::{BUDGET, Done, turns_beside};
use futures::FutureExt;
use futures::future::join;
use futures::stream::StreamExt;
use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;
use std::thread;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{error::Elapsed, sleep, timeout};
use tokio_stream::wrappers::WatchStream;
use tokio_test::{assert_pending, assert_ready_eq, task};

const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A waker that counts its calls.
#[derive(Default)]
struct Calls(AtomicUsize);

impl Wake for Calls {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Calls {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

// Waiting.

#[test]
fn a_value_wakes_the_reader_that_waits() {
    let (sender, prices) = latest();
    let mut prices = task::spawn(prices);
    for price in [101, 102] {
        assert_pending!(prices.poll_next());
        assert!(!prices.is_woken());

        sender.set(price).unwrap();
        assert!(prices.is_woken()); // fails if nobody kept the waker
        assert_ready_eq!(prices.poll_next(), Some(price));
    }
}

#[test]
fn a_value_that_was_there_first_is_ready_at_once() {
    let (sender, prices) = latest();
    sender.set(1).unwrap();
    let mut reader = task::spawn(prices);
    assert_ready_eq!(reader.poll_next(), Some(1));
    assert!(!reader.is_woken());
}

#[test]
fn the_newest_value_replaces_the_unread_one() {
    let (sender, prices) = latest();
    assert_eq!(sender.set(1), Ok(None));
    assert_eq!(sender.set(2), Ok(Some(1)));
    let mut reader = task::spawn(prices);
    assert_ready_eq!(reader.poll_next(), Some(2));
    assert_pending!(reader.poll_next());
}

#[test]
fn two_values_wake_once() {
    let (sender, mut prices) = latest();
    let calls = Arc::new(Calls::default());
    let waker = Waker::from(Arc::clone(&calls));
    assert_pending!(prices.poll_next_unpin(&mut Context::from_waker(&waker)));
    sender.set(1).unwrap();
    sender.set(2).unwrap();
    drop(sender);
    assert_eq!(calls.count(), 1);
}

#[test]
fn the_task_that_polled_last_is_woken() {
    let (sender, mut prices) = latest();
    let (first, second) = (Arc::new(Calls::default()), Arc::new(Calls::default()));
    for calls in [&first, &second] {
        let waker = Waker::from(Arc::clone(calls));
        assert_pending!(prices.poll_next_unpin(&mut Context::from_waker(&waker)));
    }
    sender.set(1).unwrap();
    assert_eq!((first.count(), second.count()), (0, 1));
}

#[test]
fn polled_without_a_reason_it_keeps_one_waker_and_wakes_once() {
    let (sender, prices) = latest();
    let mut reader = task::spawn(prices);
    let without = reader.waker_ref_count();
    for _ in 0..5 {
        assert_pending!(reader.poll_next());
        assert!(!reader.is_woken());
        assert_eq!(reader.waker_ref_count(), without + 1);
    }
    sender.set(1).unwrap();
    assert!(reader.is_woken());
    assert_eq!(reader.waker_ref_count(), without);
    assert_ready_eq!(reader.poll_next(), Some(1));
}

#[test]
fn waiting_costs_no_budget() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (sender, mut prices) = latest();
        for _ in 0..2 * BUDGET {
            assert_eq!(prices.next().now_or_never(), None);
        }
        assert!(coop::has_budget_remaining());
        sender.set(1).unwrap();
        assert_eq!(prices.next().now_or_never(), Some(Some(1)));
    });
}

#[tokio::test]
async fn a_slot_that_is_always_full_lets_others_run() {
    let done = Done::default();
    let (sender, mut prices) = latest();
    let work = async {
        for n in 0..500 {
            sender.set(n).unwrap();
            prices.next().await;
            done.one();
        }
    };
    let ((), turns) = turns_beside(&done, work).await;
    assert_eq!(turns, [BUDGET, 2 * BUDGET, 3 * BUDGET]);
}

/// Notes, whenever it is called or dropped, whether the slot's lock is free.
struct Visitor {
    slot: Arc<Mutex<Slot<u32>>>,
    free: Arc<Mutex<Vec<bool>>>,
}

impl Visitor {
    fn visit(&self) {
        self.free.lock().unwrap().push(self.slot.try_lock().is_ok());
    }
}

impl Wake for Visitor {
    fn wake(self: Arc<Self>) {
        self.visit();
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.visit();
    }
}

#[test]
fn wakers_are_cloned_before_the_lock() {
    let (_sender, mut prices) = latest::<u32>();
    let (slot, calls) = (Arc::clone(&prices.slot), Arc::new(Calls::default()));
    let waker = Waker::from(Arc::clone(&calls));
    let held = lock(&slot);
    let reader = thread::spawn(move || {
        let mut cx = Context::from_waker(&waker);
        assert_pending!(prices.poll_next_unpin(&mut cx));
    });
    // Here, in the reader's thread, and the clone. Under the lock, it never comes.
    let start = std::time::Instant::now();
    while Arc::strong_count(&calls) < 3 {
        assert!(start.elapsed() < Duration::from_mins(1), "no clone");
        thread::yield_now();
    }
    drop(held);
    reader.join().unwrap();
}

#[test]
fn wakers_are_called_and_dropped_without_the_lock() {
    let free = Arc::default();
    let (sender, mut prices) = latest();
    let poll = |prices: &mut Latest<u32>| {
        let slot = Arc::clone(&prices.slot);
        let waker = Waker::from(Arc::new(Visitor { slot, free: Arc::clone(&free) }));
        assert_pending!(prices.poll_next_unpin(&mut Context::from_waker(&waker)));
    };
    let visits = || std::mem::take(&mut *free.lock().unwrap());
    poll(&mut prices);
    poll(&mut prices);
    assert_eq!(visits(), [true], "the first is dropped");
    sender.set(1).unwrap();
    assert_eq!(visits(), [true, true], "the second is called, then dropped");
    assert_ready_eq!(task::spawn(&mut prices).poll_next(), Some(1));
    poll(&mut prices);
    drop(sender);
    assert_eq!(visits(), [true, true], "called and dropped");
    let (_sender, mut prices) = latest();
    poll(&mut prices);
    drop(prices);
    assert_eq!(visits(), [true], "dropped");
}

#[test]
fn a_waker_that_is_called_under_the_lock_finds_it_taken() {
    let free = Arc::default();
    let (sender, mut prices) = latest();
    let slot = Arc::clone(&prices.slot);
    let waker = Waker::from(Arc::new(Visitor { slot, free: Arc::clone(&free) }));
    assert_pending!(prices.poll_next_unpin(&mut Context::from_waker(&waker)));
    drop(waker);
    naive::set_and_wake_locked(&sender, 1).unwrap();
    // Called, then dropped. A poll of the reader would wait here for ever.
    assert_eq!(*free.lock().unwrap(), [false, false]);
    assert_ready_eq!(task::spawn(prices).poll_next(), Some(1));
}

// Its ends.

#[test]
fn a_dropped_sender_wakes_the_reader_and_ends_the_stream() {
    let (sender, prices) = latest::<u32>();
    let mut reader = task::spawn(prices);
    assert_pending!(reader.poll_next());
    drop(sender);
    assert!(reader.is_woken());
    for _ in 0..3 {
        assert_ready_eq!(reader.poll_next(), None);
    }
}

#[test]
fn the_last_value_comes_before_the_end() {
    let (sender, prices) = latest();
    let mut reader = task::spawn(prices);
    assert_eq!((reader.size_hint(), reader.is_terminated()), ((0, None), false));
    sender.set(1).unwrap();
    assert_eq!((reader.size_hint(), reader.is_terminated()), ((1, None), false));
    drop(sender);
    assert_eq!((reader.size_hint(), reader.is_terminated()), ((1, Some(1)), false));
    assert_ready_eq!(reader.poll_next(), Some(1));
    assert_eq!((reader.size_hint(), reader.is_terminated()), ((0, Some(0)), true));
    assert_ready_eq!(reader.poll_next(), None);
}

#[test]
fn a_dropped_reader_frees_the_slot_and_tells_the_sender() {
    let alive = Alive::default();
    let (sender, prices) = latest();
    sender.set(alive.guard()).unwrap();
    assert_eq!(alive.count(), 1);
    drop(prices);
    assert_eq!(alive.count(), 0);
    let refused = sender.set(alive.guard()).unwrap_err();
    assert_eq!(alive.count(), 1, "it is given back");
    drop(refused);
}

#[test]
fn a_dropped_reader_leaves_no_waker_behind() {
    let (sender, prices) = latest::<u32>();
    let mut reader = task::spawn(());
    let without = reader.waker_ref_count();
    let mut prices = prices;
    reader.enter(|cx, _| assert_pending!(prices.poll_next_unpin(cx)));
    assert_eq!(reader.waker_ref_count(), without + 1);
    drop(prices);
    assert_eq!((reader.waker_ref_count(), reader.is_woken()), (without, false));
    assert_eq!(sender.set(1), Err(NoReader(1)));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_next_loses_nothing() {
    let (sender, mut prices) = latest();
    timeout(ms(10), prices.next()).await.unwrap_err();
    sender.set(1).unwrap();
    assert_eq!(prices.next().now_or_never(), Some(Some(1)));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_it_leaves_nothing_behind() {
    let alive = Alive::default();
    let both_ends = || {
        let alive = alive.clone();
        let (sender, prices) = latest();
        let send = async move {
            for _ in 0..3 {
                sleep(ms(10)).await;
                sender.set(alive.guard()).unwrap();
            }
        };
        join(send, prices.map(drop).count())
    };
    let points = at_every_await(both_ends, |_, end| {
        assert_eq!(alive.count(), 0);
        assert!(end.is_none_or(|((), values)| values == 3));
    });
    assert!(points.await >= 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_it_can_be_spawned() {
    let (sender, prices) = latest();
    let values = tokio::spawn(prices.collect::<Vec<_>>());
    tokio::spawn(async move { sender.set("last").map(drop) }).await.unwrap().unwrap();
    assert_eq!(values.await.unwrap(), ["last"]);
}

// Wake-ups that are lost.

#[tokio::test(start_paused = true)]
async fn a_waker_that_is_kept_from_the_first_poll_wakes_the_wrong_task() {
    let (sender, prices) = latest();
    let mut prices = naive::FirstWaker(prices);
    let first = Arc::new(Calls::default());
    let waker = Waker::from(Arc::clone(&first));
    assert_pending!(prices.poll_next_unpin(&mut Context::from_waker(&waker)));
    let mut reader = task::spawn(prices);
    assert_pending!(reader.poll_next());
    sender.set(1).unwrap();
    assert_eq!((first.count(), reader.is_woken()), (1, false));
    assert_eq!(reader.poll_next(), Poll::Ready(Some(1)), "it was there");
}

#[tokio::test(start_paused = true)]
async fn polled_on_one_task_and_spawned_on_another_the_naive_slot_hangs() {
    async fn read<S>(mut prices: S, sender: LatestSender<u32>) -> Result<(), Elapsed>
    where
        S: Stream<Item = u32> + Unpin + Send + 'static,
    {
        assert_eq!(prices.next().now_or_never(), None);
        let mut reader = tokio::spawn(async move { prices.next().await });
        yield_now().await;
        sender.set(1).unwrap();
        let end = timeout(HOUR, &mut reader).await.map(|value| {
            assert_eq!(value.unwrap(), Some(1));
        });
        reader.abort();
        end
    }
    let (sender, prices) = latest();
    read(prices, sender).await.unwrap();
    let (sender, prices) = latest();
    read(naive::FirstWaker(prices), sender).await.unwrap_err();
}

/// A value that another thread puts there in the very moment after `look` missed it.
fn looked_at_too_early<'a>(
    value: &'a RefCell<Option<u32>>,
    waker: &'a AtomicWaker,
) -> impl Fn() -> Option<u32> + use<'a> {
    move || {
        let seen = value.take();
        if seen.is_none() {
            value.replace(Some(1));
            waker.wake();
        }
        seen
    }
}

#[test]
fn a_value_between_the_look_and_the_waker_wakes_nobody() {
    let (value, waker) = (RefCell::default(), AtomicWaker::new());
    let look = looked_at_too_early(&value, &waker);
    let mut reader = task::spawn(());
    reader.enter(|cx, _| {
        assert_pending!(naive::look_then_register(&waker, cx, &look));
    });
    assert!(!reader.is_woken());
    assert_eq!(value.take(), Some(1), "it is there, and nobody comes");
}

#[test]
fn after_a_wake_up_that_is_lost_the_next_value_wakes() {
    let (value, waker) = (RefCell::default(), AtomicWaker::new());
    let look = looked_at_too_early(&value, &waker);
    let mut reader = task::spawn(());
    reader.enter(|cx, _| {
        assert_pending!(naive::look_then_register(&waker, cx, &look));
    });
    assert!(!reader.is_woken());
    value.replace(Some(2)); // replaces the 1 that nobody read
    waker.wake();
    assert!(reader.is_woken());
    reader.enter(|cx, _| {
        assert_ready_eq!(naive::look_then_register(&waker, cx, &look), 2);
    });
}

#[test]
fn a_value_between_the_waker_and_the_look_wakes_the_reader() {
    let (value, waker) = (RefCell::default(), AtomicWaker::new());
    let look = looked_at_too_early(&value, &waker);
    let mut reader = task::spawn(());
    reader.enter(|cx, _| assert_pending!(register_then_look(&waker, cx, &look)));
    assert!(reader.is_woken());
    reader.enter(|cx, _| {
        assert_ready_eq!(register_then_look(&waker, cx, &look), 1);
    });
}

#[test]
fn in_either_order_a_value_that_is_there_is_ready() {
    let waker = AtomicWaker::new();
    let mut reader = task::spawn(());
    reader.enter(|cx, _| {
        assert_ready_eq!(register_then_look(&waker, cx, || Some(1)), 1);
        assert_ready_eq!(naive::look_then_register(&waker, cx, || Some(1)), 1);
    });
}

// What others have.

#[tokio::test]
async fn a_watch_stream_gives_the_first_value_and_then_the_newest() {
    let (sender, receiver) = watch::channel(0);
    let mut values = task::spawn(WatchStream::new(receiver));
    assert_ready_eq!(values.poll_next(), Some(0));
    assert_pending!(values.poll_next());
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    assert!(values.is_woken());
    drop(sender);
    assert_ready_eq!(values.poll_next(), Some(2));
    assert_ready_eq!(values.poll_next(), None);
}

#[tokio::test]
async fn a_watch_can_begin_empty() {
    let (sender, receiver) = watch::channel(None);
    let mut values = task::spawn(WatchStream::from_changes(receiver));
    assert_pending!(values.poll_next());
    sender.send(Some(1)).unwrap();
    assert!(values.is_woken());
    assert_ready_eq!(values.poll_next(), Some(Some(1)));
    assert_pending!(values.poll_next());
}

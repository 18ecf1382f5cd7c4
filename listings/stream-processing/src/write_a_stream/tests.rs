use super::*;
use backend::Alive;
use backend::cancel::at_every_await;
use futures::FutureExt;
use futures::future::join;
use futures::stream;
use std::cell::RefCell;
use std::future::ready;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;
use std::thread;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::{consume_budget, yield_now};
use tokio::time::{Instant, advance, error::Elapsed, sleep, timeout};
use tokio_stream::wrappers::WatchStream;
use tokio_test::{assert_pending, assert_ready, assert_ready_eq, task};

/// What Tokio 1.54.1 gives a task for each poll.
const BUDGET: usize = 128;
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

/// Spawns a task that yields for ever; at each of its turns it notes how many items
/// `seen` has. Returns what `work` made, and the notes.
async fn beside_a_ticker<Fut: Future>(
    seen: &'static AtomicUsize,
    work: Fut,
) -> (Fut::Output, Vec<usize>) {
    let (tx, mut rx) = mpsc::unbounded_channel();
    let ticker = tokio::spawn(async move {
        while tx.send(seen.load(Ordering::SeqCst)).is_ok() {
            yield_now().await;
        }
    });
    let output = work.await;
    ticker.abort();
    let mut turns = Vec::new();
    while let Ok(turn) = rx.try_recv() {
        turns.push(turn);
    }
    (output, turns)
}

fn count_in(seen: &'static AtomicUsize) -> impl FnMut(usize) {
    move |_| {
        seen.fetch_add(1, Ordering::SeqCst);
    }
}

fn new_count() -> &'static AtomicUsize {
    Box::leak(Box::default())
}

// The counter.

#[tokio::test]
async fn it_counts_and_ends_and_stays_at_its_end() {
    let mut counter = Counter::below(3);
    assert_eq!(counter.by_ref().collect::<Vec<_>>().await, [0, 1, 2]);
    assert_eq!(counter.next().await, None);
    assert_eq!(counter.next().await, None);
}

#[tokio::test]
async fn it_knows_how_many_are_left() {
    let mut counter = Counter::below(3);
    for left in [3, 2, 1] {
        assert_eq!(counter.size_hint(), (left, Some(left)));
        assert!(!counter.is_terminated());
        counter.next().await;
    }
    assert_eq!(counter.size_hint(), (0, Some(0)));
    assert!(counter.is_terminated());
    let all: Vec<_> = tokio_stream::StreamExt::collect(Counter::below(7)).await;
    assert_eq!(all.capacity(), 7, "allocated once");
}

#[tokio::test]
async fn the_naive_counter_tells_nobody_how_many_are_left() {
    let counter = naive::Counter(0..7);
    assert_eq!(counter.size_hint(), (0, None));
    assert_eq!(counter.count().await, 7);
}

// The budget.

#[tokio::test]
async fn others_have_a_turn_after_each_128_items() {
    let seen = new_count();
    let numbers = Counter::below(500).for_each(|_| async {
        seen.fetch_add(1, Ordering::SeqCst);
    });
    let ((), turns) = beside_a_ticker(seen, numbers).await;
    assert_eq!(turns, [BUDGET, 2 * BUDGET, 3 * BUDGET]);
}

#[tokio::test]
async fn beside_the_naive_counter_nobody_has_a_turn() {
    let seen = new_count();
    let numbers = naive::Counter(0..1_000_000);
    let work = naive::for_each(numbers, count_in(seen));
    let ((), turns) = beside_a_ticker(seen, work).await;
    assert_eq!(turns, [0; 0]);
    assert_eq!(seen.load(Ordering::SeqCst), 1_000_000);
}

/// Works off 1000 numbers, each with a millisecond of computing that lets nobody else
/// run, within 20 ms. Returns the items done, the time taken, and the end.
async fn within_20_ms(
    work: impl AsyncFnOnce(&mut dyn FnMut(usize)),
) -> (usize, Duration, Result<(), Elapsed>) {
    let start = Instant::now();
    let mut items = 0;
    let mut compute = |_| {
        // Its first poll moves the clock; the rest would be a yield.
        assert!(advance(ms(1)).now_or_never().is_none());
        items += 1;
    };
    let end = timeout(ms(20), work(&mut compute)).await;
    (items, start.elapsed(), end)
}

#[tokio::test(start_paused = true)]
async fn a_time_limit_of_20_ms_lets_the_naive_loop_run_for_a_second() {
    let numbers = naive::Counter(0..1000);
    let run = within_20_ms(async |work| naive::for_each(numbers, work).await).await;
    assert_eq!(run, (1000, ms(1000), Ok(())));
}

#[tokio::test(start_paused = true)]
async fn a_time_limit_of_20_ms_stops_the_counter_at_the_end_of_its_second_turn() {
    let numbers = Counter::below(1000);
    let (items, took, end) =
        within_20_ms(async |work| naive::for_each(numbers, work).await).await;
    assert_eq!((items, took), (2 * BUDGET, ms(256)));
    end.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn the_polite_loop_lets_a_time_limit_fire_over_any_stream() {
    let numbers = stream::iter(0..1000);
    let (items, took, end) =
        within_20_ms(async |work| for_each(numbers, work).await).await;
    assert_eq!((items, took), (2 * BUDGET, ms(256)));
    end.unwrap_err();
}

#[tokio::test]
async fn the_polite_loop_lets_others_run_after_each_128_items() {
    let seen = new_count();
    let work = for_each(stream::iter(0..500), count_in(seen));
    let ((), turns) = beside_a_ticker(seen, work).await;
    assert_eq!(turns, [BUDGET, 2 * BUDGET, 3 * BUDGET]);
}

#[tokio::test]
async fn consume_budget_in_the_loop_does_the_same() {
    let seen = new_count();
    let work = async {
        let mut numbers = stream::iter(0..500);
        while numbers.next().await.is_some() {
            seen.fetch_add(1, Ordering::SeqCst);
            consume_budget().await;
        }
    };
    let ((), turns) = beside_a_ticker(seen, work).await;
    assert_eq!(turns, [BUDGET, 2 * BUDGET, 3 * BUDGET].map(|n| n + 1));
}

#[tokio::test]
async fn the_iter_of_tokio_stream_lets_others_run_and_that_of_futures_does_not() {
    let seen = new_count();
    let work = naive::for_each(tokio_stream::iter(0..500), count_in(seen));
    let ((), turns) = beside_a_ticker(seen, work).await;
    assert!(turns.len() >= 3, "{turns:?}"); // each 32, or with feature `rt` 128
    let seen = new_count();
    let work = naive::for_each(stream::iter(0..500), count_in(seen));
    assert_eq!(beside_a_ticker(seen, work).await.1, [0; 0]);
}

#[tokio::test]
async fn a_filter_leaves_items_out_and_no_loop_around_it_counts_them() {
    let seen = new_count();
    let draw = move |_: &usize| count_in(seen)(0);
    let none = stream::iter(0..1_000_000).inspect(draw).filter(|_| ready(false));
    let ((), turns) = beside_a_ticker(seen, for_each(none, |_| {})).await;
    assert_eq!(turns, [0; 0]);
    assert_eq!(seen.load(Ordering::SeqCst), 1_000_000);
}

#[tokio::test]
async fn below_a_filter_a_source_that_spends_the_budget_counts_them() {
    let seen = new_count();
    let draw = move |_: &usize| count_in(seen)(0);
    let none = Counter::below(500).inspect(draw).filter(|_| ready(false));
    let (none, turns) = beside_a_ticker(seen, none.count()).await;
    assert_eq!((none, turns), (0, vec![BUDGET, 2 * BUDGET, 3 * BUDGET]));
}

#[tokio::test]
async fn counted_twice_the_budget_is_used_up_after_64_items() {
    let seen = new_count();
    let work = for_each(Counter::below(200), count_in(seen));
    let ((), turns) = beside_a_ticker(seen, work).await;
    assert_eq!(turns, [64, 128, 192]);
}

// The slot: waiting.

#[test]
fn a_value_wakes_the_reader_that_waits() {
    let (tx, rx) = latest();
    let mut reader = task::spawn(rx);
    assert_pending!(reader.poll_next());
    assert!(!reader.is_woken());
    tx.set(1).unwrap();
    assert!(reader.is_woken());
    assert_ready_eq!(reader.poll_next(), Some(1));
    assert_pending!(reader.poll_next());
    tx.set(2).unwrap();
    assert!(reader.is_woken());
    assert_ready_eq!(reader.poll_next(), Some(2));
}

#[test]
fn a_value_that_was_there_first_is_ready_at_once() {
    let (tx, rx) = latest();
    tx.set(1).unwrap();
    let mut reader = task::spawn(rx);
    assert_ready_eq!(reader.poll_next(), Some(1));
    assert!(!reader.is_woken());
}

#[test]
fn the_newest_value_replaces_the_unread_one() {
    let (tx, rx) = latest();
    assert_eq!(tx.set(1), Ok(None));
    assert_eq!(tx.set(2), Ok(Some(1)));
    let mut reader = task::spawn(rx);
    assert_ready_eq!(reader.poll_next(), Some(2));
    assert_pending!(reader.poll_next());
}

#[test]
fn two_values_wake_once() {
    let (tx, mut rx) = latest();
    let calls = Arc::new(Calls::default());
    let waker = Waker::from(Arc::clone(&calls));
    assert_pending!(rx.poll_next_unpin(&mut Context::from_waker(&waker)));
    tx.set(1).unwrap();
    tx.set(2).unwrap();
    drop(tx);
    assert_eq!(calls.count(), 1);
}

#[test]
fn the_task_that_polled_last_is_woken() {
    let (tx, mut rx) = latest();
    let (first, second) = (Arc::new(Calls::default()), Arc::new(Calls::default()));
    for calls in [&first, &second] {
        let waker = Waker::from(Arc::clone(calls));
        assert_pending!(rx.poll_next_unpin(&mut Context::from_waker(&waker)));
    }
    tx.set(1).unwrap();
    assert_eq!((first.count(), second.count()), (0, 1));
}

#[test]
fn polled_without_a_reason_it_keeps_one_waker_and_wakes_once() {
    let (tx, rx) = latest();
    let mut reader = task::spawn(rx);
    let without = reader.waker_ref_count();
    for _ in 0..5 {
        assert_pending!(reader.poll_next());
        assert!(!reader.is_woken());
        assert_eq!(reader.waker_ref_count(), without + 1);
    }
    tx.set(1).unwrap();
    assert!(reader.is_woken());
    assert_eq!(reader.waker_ref_count(), without);
    assert_ready_eq!(reader.poll_next(), Some(1));
}

#[test]
fn waiting_costs_no_budget() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (tx, mut rx) = latest();
        for _ in 0..2 * BUDGET {
            assert_eq!(rx.next().now_or_never(), None);
        }
        assert!(coop::has_budget_remaining());
        tx.set(1).unwrap();
        assert_eq!(rx.next().now_or_never(), Some(Some(1)));
    });
}

#[tokio::test]
async fn a_slot_that_is_always_full_lets_others_run() {
    let seen = new_count();
    let (tx, mut rx) = latest();
    let work = async {
        for n in 0..500 {
            tx.set(n).unwrap();
            rx.next().await;
            seen.fetch_add(1, Ordering::SeqCst);
        }
    };
    let ((), turns) = beside_a_ticker(seen, work).await;
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
    let (_tx, mut rx) = latest::<u32>();
    let (slot, calls) = (Arc::clone(&rx.slot), Arc::new(Calls::default()));
    let waker = Waker::from(Arc::clone(&calls));
    let held = lock(&slot);
    let reader = thread::spawn(move || {
        let mut cx = Context::from_waker(&waker);
        assert_pending!(rx.poll_next_unpin(&mut cx));
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
    let (tx, mut rx) = latest();
    let poll = |rx: &mut Latest<u32>| {
        let slot = Arc::clone(&rx.slot);
        let waker = Waker::from(Arc::new(Visitor { slot, free: Arc::clone(&free) }));
        assert_pending!(rx.poll_next_unpin(&mut Context::from_waker(&waker)));
    };
    let visits = || std::mem::take(&mut *free.lock().unwrap());
    poll(&mut rx);
    poll(&mut rx);
    assert_eq!(visits(), [true], "the first is dropped");
    tx.set(1).unwrap();
    assert_eq!(visits(), [true, true], "the second is called, then dropped");
    assert_ready_eq!(task::spawn(&mut rx).poll_next(), Some(1));
    poll(&mut rx);
    drop(tx);
    assert_eq!(visits(), [true, true], "called and dropped");
    let (_tx, mut rx) = latest();
    poll(&mut rx);
    drop(rx);
    assert_eq!(visits(), [true], "dropped");
}

// The slot: its ends.

#[test]
fn a_dropped_sender_wakes_the_reader_and_ends_the_stream() {
    let (tx, rx) = latest::<u32>();
    let mut reader = task::spawn(rx);
    assert_pending!(reader.poll_next());
    drop(tx);
    assert!(reader.is_woken());
    for _ in 0..3 {
        assert_ready_eq!(reader.poll_next(), None);
    }
}

#[test]
fn the_last_value_comes_before_the_end() {
    let (tx, rx) = latest();
    let mut reader = task::spawn(rx);
    assert_eq!((reader.size_hint(), reader.is_terminated()), ((0, None), false));
    tx.set(1).unwrap();
    assert_eq!((reader.size_hint(), reader.is_terminated()), ((1, None), false));
    drop(tx);
    assert_eq!((reader.size_hint(), reader.is_terminated()), ((1, Some(1)), false));
    assert_ready_eq!(reader.poll_next(), Some(1));
    assert_eq!((reader.size_hint(), reader.is_terminated()), ((0, Some(0)), true));
    assert_ready_eq!(reader.poll_next(), None);
}

#[test]
fn a_dropped_reader_frees_the_slot_and_tells_the_sender() {
    let alive = Alive::default();
    let (tx, rx) = latest();
    tx.set(alive.guard()).unwrap();
    assert_eq!(alive.count(), 1);
    drop(rx);
    assert_eq!(alive.count(), 0);
    let refused = tx.set(alive.guard()).unwrap_err();
    assert_eq!(alive.count(), 1, "it is given back");
    drop(refused);
}

#[test]
fn a_dropped_reader_leaves_no_waker_behind() {
    let (tx, rx) = latest::<u32>();
    let mut reader = task::spawn(());
    let without = reader.waker_ref_count();
    let mut rx = rx;
    reader.enter(|cx, _| assert_pending!(rx.poll_next_unpin(cx)));
    assert_eq!(reader.waker_ref_count(), without + 1);
    drop(rx);
    assert_eq!((reader.waker_ref_count(), reader.is_woken()), (without, false));
    assert_eq!(tx.set(1), Err(NoReader(1)));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_next_loses_nothing() {
    let (tx, mut rx) = latest();
    timeout(ms(10), rx.next()).await.unwrap_err();
    tx.set(1).unwrap();
    assert_eq!(rx.next().now_or_never(), Some(Some(1)));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_it_leaves_nothing_behind() {
    let alive = Alive::default();
    let both_ends = || {
        let alive = alive.clone();
        let (tx, rx) = latest();
        let send = async move {
            for _ in 0..3 {
                sleep(ms(10)).await;
                tx.set(alive.guard()).unwrap();
            }
        };
        join(send, rx.map(drop).count())
    };
    let points = at_every_await(both_ends, |_, end| {
        assert_eq!(alive.count(), 0);
        assert!(end.is_none_or(|((), values)| values == 3));
    });
    assert!(points.await >= 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_it_can_be_spawned() {
    let (tx, rx) = latest();
    let values = tokio::spawn(changes(rx).collect::<Vec<_>>());
    let numbers = tokio::spawn(for_each(Counter::below(9), |_| {}));
    numbers.await.unwrap();
    tokio::spawn(async move { tx.set("last").map(drop) }).await.unwrap().unwrap();
    assert_eq!(values.await.unwrap(), ["last"]);
}

// Wake-ups that are lost.

#[tokio::test(start_paused = true)]
async fn a_waker_that_is_kept_from_the_first_poll_wakes_the_wrong_task() {
    let (tx, rx) = latest();
    let mut rx = naive::FirstWaker(rx);
    let first = Arc::new(Calls::default());
    let waker = Waker::from(Arc::clone(&first));
    assert_pending!(rx.poll_next_unpin(&mut Context::from_waker(&waker)));
    let mut reader = task::spawn(rx);
    assert_pending!(reader.poll_next());
    tx.set(1).unwrap();
    assert_eq!((first.count(), reader.is_woken()), (1, false));
    assert_eq!(reader.poll_next(), Poll::Ready(Some(1)), "it was there");
}

#[tokio::test(start_paused = true)]
async fn polled_on_one_task_and_spawned_on_another_the_naive_slot_hangs() {
    async fn read<S>(mut rx: S, tx: LatestSender<u32>) -> Result<(), Elapsed>
    where
        S: Stream<Item = u32> + Unpin + Send + 'static,
    {
        assert_eq!(rx.next().now_or_never(), None);
        let mut reader = tokio::spawn(async move { rx.next().await });
        yield_now().await;
        tx.set(1).unwrap();
        let end = timeout(HOUR, &mut reader).await.map(|value| {
            assert_eq!(value.unwrap(), Some(1));
        });
        reader.abort();
        end
    }
    let (tx, rx) = latest();
    read(rx, tx).await.unwrap();
    let (tx, rx) = latest();
    read(naive::FirstWaker(rx), tx).await.unwrap_err();
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

// The wrapper.

#[tokio::test]
async fn an_item_comes_out_when_it_differs_from_the_one_before() {
    let items = changes(stream::iter([1, 1, 2, 2, 2, 1, 3]));
    assert_eq!(items.collect::<Vec<_>>().await, [1, 2, 1, 3]);
}

#[test]
fn after_an_equal_item_the_source_is_asked_again() {
    let (tx, rx) = mpsc::unbounded_channel();
    let source = tokio_stream::wrappers::UnboundedReceiverStream::new(rx);
    let mut items = task::spawn(changes(source));
    for item in [7, 7, 7] {
        tx.send(item).unwrap();
    }
    assert_ready_eq!(items.poll_next(), Some(7));
    assert_pending!(items.poll_next());
    tx.send(8).unwrap();
    assert!(items.is_woken());
    assert_ready_eq!(items.poll_next(), Some(8));
}

#[test]
fn pending_after_an_equal_item_is_a_wake_up_lost() {
    let (tx, rx) = mpsc::unbounded_channel();
    let source = tokio_stream::wrappers::UnboundedReceiverStream::new(rx);
    let mut items = task::spawn(naive::changes(source));
    for item in [7, 7] {
        tx.send(item).unwrap();
    }
    assert_ready_eq!(items.poll_next(), Some(7));
    assert_pending!(items.poll_next());
    tx.send(8).unwrap();
    assert!(!items.is_woken());
}

#[tokio::test(start_paused = true)]
async fn the_naive_wrapper_hangs_at_the_first_equal_item() {
    let items = changes(stream::iter([7, 7, 8])).collect::<Vec<_>>();
    let mut all = tokio::spawn(items);
    assert_eq!(timeout(HOUR, &mut all).await.unwrap().unwrap(), [7, 8]);
    let items = naive::changes(stream::iter([7, 7, 8])).collect::<Vec<_>>();
    let mut all = tokio::spawn(items);
    timeout(HOUR, &mut all).await.unwrap_err();
    all.abort();
}

#[tokio::test(start_paused = true)]
async fn a_time_limit_on_the_same_task_polls_again_and_hides_the_bug() {
    let start = Instant::now();
    let items = naive::changes(stream::iter([7, 7, 8])).collect::<Vec<_>>();
    assert_eq!(timeout(HOUR, items).await.unwrap(), [7, 8]);
    assert_eq!(start.elapsed(), HOUR);
}

#[test]
fn the_wrapper_passes_the_waker_on() {
    let (tx, rx) = latest();
    let mut items = task::spawn(changes(rx));
    let without = items.waker_ref_count();
    assert_pending!(items.poll_next());
    assert_eq!(items.waker_ref_count(), without + 1, "the slot has it, once");
    tx.set(1).unwrap();
    assert!(items.is_woken());
    drop(tx);
    assert_ready_eq!(items.poll_next(), Some(1));
    assert_ready_eq!(items.poll_next(), None);
}

#[tokio::test]
async fn the_wrapper_stays_at_its_end_whatever_its_source_does_then() {
    let item = Arc::new(());
    let copy = Arc::clone(&item);
    // Polled after its end, an `unfold` panics.
    let source = stream::unfold(Some(copy), |copy| async { Some((copy?, None)) });
    let mut items = pin!(changes(source));
    assert!(!items.is_terminated());
    assert!(items.next().await.is_some());
    assert!(!items.is_terminated());
    for _ in 0..3 {
        assert_eq!(items.next().await, None);
        assert!(items.is_terminated());
        assert_eq!(Arc::strong_count(&item), 1, "the copy is gone, too");
    }
    // This one goes on, and hints at no end.
    let mut turn = 0;
    let mut items = changes(stream::poll_fn(|_| {
        turn += 1;
        Poll::Ready((turn != 2).then_some(turn))
    }));
    assert_eq!(items.next().await, Some(1));
    for _ in 0..2 {
        assert_eq!((items.next().await, items.size_hint()), (None, (0, Some(0))));
    }
    let mut none = changes(stream::empty::<u8>());
    assert_eq!((none.next().await, none.is_terminated()), (None, true));
}

#[tokio::test]
async fn the_wrapper_hints_at_no_more_than_it_knows() {
    let mut items = changes(Counter::below(3));
    assert_eq!(items.size_hint(), (1, Some(3)), "the first comes out");
    items.next().await;
    assert_eq!(items.size_hint(), (0, Some(2)), "the others may be equal to it");
    assert!(!items.is_terminated());
    assert_eq!(changes(Counter::below(0)).size_hint(), (0, Some(0)));
}

#[tokio::test]
async fn an_item_that_the_wrapper_leaves_out_costs_a_unit_of_the_budget() {
    let seen = new_count();
    let equal = stream::iter(0..500).map(|_| {
        seen.fetch_add(1, Ordering::SeqCst);
        "equal"
    });
    let (items, turns) = beside_a_ticker(seen, changes(equal).count()).await;
    assert_eq!(items, 1);
    // The first comes out; for the last of each turn there was no unit left.
    assert_eq!(turns, [BUDGET + 2, 2 * BUDGET + 3, 3 * BUDGET + 4]);
}

#[tokio::test]
async fn an_item_that_comes_out_costs_only_what_its_source_spends() {
    let seen = new_count();
    let all = changes(Counter::below(500)).map(count_in(seen));
    let (items, turns) = beside_a_ticker(seen, all.count()).await;
    assert_eq!((items, turns), (500, vec![BUDGET, 2 * BUDGET, 3 * BUDGET]));
}

#[test]
fn the_wrapper_drops_its_source_and_its_copy() {
    let item = Arc::new(());
    let (tx, rx) = latest();
    tx.set(Arc::clone(&item)).unwrap();
    let mut items = task::spawn(changes(rx));
    drop(assert_ready!(items.poll_next()));
    assert_eq!(Arc::strong_count(&item), 2, "a copy, to compare the next one with");
    drop(items);
    assert_eq!(Arc::strong_count(&item), 1);
    assert_eq!(tx.set(item), Err(NoReader(Arc::default())));
}

// What others have.

#[tokio::test]
async fn poll_fn_makes_a_stream_of_a_poll_method() {
    let (tx, mut rx) = mpsc::channel(4);
    let mut items = task::spawn(stream::poll_fn(move |cx| rx.poll_recv(cx)));
    assert_pending!(items.poll_next());
    tx.send(1).await.unwrap();
    assert!(items.is_woken());
    assert_ready_eq!(items.poll_next(), Some(1));
    assert_eq!(items.size_hint(), (0, None));
}

#[tokio::test]
async fn unfold_makes_a_stream_of_an_async_function() {
    let (tx, rx) = watch::channel(0);
    let values = stream::unfold(rx, |mut rx| async move {
        rx.changed().await.ok()?;
        let value = *rx.borrow_and_update();
        Some((value, rx))
    });
    let mut values = task::spawn(values);
    assert_pending!(values.poll_next());
    tx.send(1).unwrap();
    tx.send(2).unwrap();
    assert!(values.is_woken());
    assert_ready_eq!(values.poll_next(), Some(2));
    assert_eq!(values.size_hint(), (0, None));
    drop(tx);
    assert_ready_eq!(values.poll_next(), None);
}

#[tokio::test]
#[should_panic(expected = "Unfold must not be polled after it returned")]
async fn unfold_panics_when_it_is_polled_after_its_end() {
    let mut ended = pin!(stream::unfold((), |()| async { None::<((), ())> }));
    assert_eq!(ended.next().await, None);
    ended.next().await;
}

#[tokio::test]
async fn a_fused_stream_may_be_polled_after_its_end() {
    let mut ended = pin!(stream::unfold((), |()| async { None::<((), ())> }).fuse());
    for _ in 0..3 {
        assert_eq!(ended.next().await, None);
    }
}

#[tokio::test]
async fn a_watch_stream_gives_the_first_value_and_then_the_newest() {
    let (tx, rx) = watch::channel(0);
    let mut values = task::spawn(WatchStream::new(rx));
    assert_ready_eq!(values.poll_next(), Some(0));
    assert_pending!(values.poll_next());
    tx.send(1).unwrap();
    tx.send(2).unwrap();
    assert!(values.is_woken());
    drop(tx);
    assert_ready_eq!(values.poll_next(), Some(2));
    assert_ready_eq!(values.poll_next(), None);
}

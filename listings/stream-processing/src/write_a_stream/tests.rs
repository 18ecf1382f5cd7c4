use super::*;
use backend::turns::{BUDGET, Done, turns_beside};
use futures::stream;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use stream_processing::a_stream_that_waits::{NoReader, latest};
use stream_processing::let_others_run::Counter;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_test::{assert_pending, assert_ready, assert_ready_eq, task};

const HOUR: Duration = Duration::from_hours(1);

// What comes out.

#[tokio::test]
async fn an_item_comes_out_when_it_differs_from_the_one_before() {
    let items = changes(stream::iter([1, 1, 2, 2, 2, 1, 3]));
    assert_eq!(items.collect::<Vec<_>>().await, [1, 2, 1, 3]);
}

#[test]
fn after_an_equal_item_the_source_is_asked_again() {
    let (sender, receiver) = mpsc::unbounded_channel();
    let numbers = UnboundedReceiverStream::new(receiver);
    let mut changes = task::spawn(changes(numbers));
    for number in [7, 7, 7] {
        sender.send(number).unwrap();
    }
    assert_ready_eq!(changes.poll_next(), Some(7));
    assert_pending!(changes.poll_next()); // leaves out the other two

    sender.send(8).unwrap();
    assert!(changes.is_woken()); // fails if nobody kept the waker
    assert_ready_eq!(changes.poll_next(), Some(8));
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

#[test]
fn the_wrapper_passes_the_waker_on() {
    let (sender, prices) = latest();
    let mut items = task::spawn(changes(prices));
    let without = items.waker_ref_count();
    assert_pending!(items.poll_next());
    assert_eq!(items.waker_ref_count(), without + 1, "the slot has it, once");
    sender.set(1).unwrap();
    assert!(items.is_woken());
    drop(sender);
    assert_ready_eq!(items.poll_next(), Some(1));
    assert_ready_eq!(items.poll_next(), None);
}

// Its end.

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

#[test]
fn the_wrapper_drops_its_source_and_its_copy() {
    let item = Arc::new(());
    let (sender, prices) = latest();
    sender.set(Arc::clone(&item)).unwrap();
    let mut items = task::spawn(changes(prices));
    drop(assert_ready!(items.poll_next()));
    assert_eq!(Arc::strong_count(&item), 2, "a copy, to compare the next one with");
    drop(items);
    assert_eq!(Arc::strong_count(&item), 1);
    assert_eq!(sender.set(item), Err(NoReader(Arc::default())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_it_can_be_spawned() {
    let (sender, prices) = latest();
    let values = tokio::spawn(changes(prices).collect::<Vec<_>>());
    tokio::spawn(async move { sender.set("last").map(drop) }).await.unwrap().unwrap();
    assert_eq!(values.await.unwrap(), ["last"]);
}

// Other tasks.

#[tokio::test]
async fn an_item_that_the_wrapper_leaves_out_costs_a_unit_of_the_budget() {
    let done = Done::default();
    let equal = stream::iter(0..500).map(|_| {
        done.one();
        "equal"
    });
    let (items, turns) = turns_beside(&done, changes(equal).count()).await;
    assert_eq!(items, 1);
    // The first comes out; for the last of each turn there was no unit left.
    assert_eq!(turns, [BUDGET + 2, 2 * BUDGET + 3, 3 * BUDGET + 4]);
}

#[tokio::test]
async fn an_item_that_comes_out_costs_only_what_its_source_spends() {
    let done = Done::default();
    let all = changes(Counter::below(500)).map(|_| done.one());
    let (items, turns) = turns_beside(&done, all.count()).await;
    assert_eq!((items, turns), (500, vec![BUDGET, 2 * BUDGET, 3 * BUDGET]));
}

// A wake-up that is lost.

#[test]
fn pending_after_an_equal_item_is_a_wake_up_lost() {
    let (sender, receiver) = mpsc::unbounded_channel();
    let numbers = UnboundedReceiverStream::new(receiver);
    let mut changes = task::spawn(naive::changes(numbers));
    for number in [7, 7] {
        sender.send(number).unwrap();
    }
    assert_ready_eq!(changes.poll_next(), Some(7));
    assert_pending!(changes.poll_next());
    sender.send(8).unwrap();
    assert!(!changes.is_woken());
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

// What others have.

#[tokio::test]
async fn poll_fn_makes_a_stream_of_a_poll_method() {
    let (sender, mut receiver) = mpsc::channel(4);
    let mut items = task::spawn(stream::poll_fn(move |cx| receiver.poll_recv(cx)));
    assert_pending!(items.poll_next());
    sender.send(1).await.unwrap();
    assert!(items.is_woken());
    assert_ready_eq!(items.poll_next(), Some(1));
    assert_eq!(items.size_hint(), (0, None));
}

#[tokio::test]
async fn unfold_makes_a_stream_of_an_async_function() {
    let (sender, receiver) = watch::channel(0);
    let values = stream::unfold(receiver, |mut receiver| async move {
        receiver.changed().await.ok()?;
        let value = *receiver.borrow_and_update();
        Some((value, receiver))
    });
    let mut values = task::spawn(values);
    assert_pending!(values.poll_next());
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    assert!(values.is_woken());
    assert_ready_eq!(values.poll_next(), Some(2));
    assert_eq!(values.size_hint(), (0, None));
    drop(sender);
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
async fn a_stream_of_the_macro_repeats_its_end() {
    let mut once = pin!(async_stream::stream! { yield 7 });
    assert_eq!(once.next().await, Some(7));
    for _ in 0..3 {
        assert_eq!(once.next().await, None);
    }
}

#[tokio::test]
async fn a_fused_stream_may_be_polled_after_its_end() {
    let mut ended = pin!(stream::unfold((), |()| async { None::<((), ())> }).fuse());
    for _ in 0..3 {
        assert_eq!(ended.next().await, None);
    }
}

//! Proofs of the batches that no page names: what is only passed on, and what can panic.

use super::*;
use futures::future::BoxFuture;
use std::task::{Context, Wake, Waker};
use tokio::sync::Semaphore;
use tokio::task::unconstrained;

#[tokio::test(start_paused = true)]
async fn in_batches_may_have_an_age_without_end() {
    let (sender, items) = channel_of(0..2);
    let written =
        in_batches(ReceiverStream::new(items), THREE, Duration::MAX, async |it| it);
    let mut written = pin!(written);
    timeout(HOUR, written.next()).await.unwrap_err();
    sender.send(2).await.unwrap();
    assert_eq!(written.next().await, Some(vec![0, 1, 2]));
}

#[test]
fn in_batches_panics_outside_a_runtime_and_for_a_size_that_no_vec_can_have() {
    let ten = || tokio_stream::iter(0..10);
    let make = |size| move || in_batches(ten(), size, HOUR, async |it| it);
    assert!(catch_unwind(make(NonZeroUsize::MAX)).is_err());
    let mut written = Box::pin(catch_unwind(make(THREE)).unwrap());
    let next = AssertUnwindSafe(|| written.next().now_or_never());
    assert!(catch_unwind(next).is_err());
}

#[tokio::test(start_paused = true)]
async fn chunks_timeout_takes_all_that_is_ready_before_it_looks_at_its_clock() {
    let (sender, items) = mpsc::channel(1_000);
    let batches = ReceiverStream::new(items).chunks_timeout(2_000, ms(100));
    let mut batches = pin!(batches);
    sender.send(0).await.unwrap();
    assert_eq!(batches.next().now_or_never(), None);
    for item in 1..=1_000 {
        sender.send(item).await.unwrap();
    }
    sleep(ms(200)).await; // item 0 is late
    assert_eq!(batches.next().await.unwrap().len(), 1_001);
}

#[tokio::test(start_paused = true)]
async fn an_item_that_came_late_in_a_write_waits_for_the_rest_of_its_age() {
    let (intake, mut batches) = accepted(THREES, 0..3, one).await;
    let mut table = Table::new(ms(500), &[]);
    let late = async {
        sleep(ms(470)).await;
        intake.send(3).await.unwrap();
        sleep(ms(1_000)).await;
        intake.close();
    };
    let (end, ()) = tokio::join!(written(&mut batches, &mut table), late);
    assert_eq!(end, Ok(()));
    assert_eq!(table.begun()[1..], [(ms(570), 1, vec![3])]);
}

#[tokio::test(start_paused = true)]
async fn an_item_that_is_late_leaves_before_others_are_taken() {
    let limits = Limits { items: count(2_000), ..THREES };
    for _ in 0..20 {
        let (intake, mut batches) = batcher(limits, count(1_000), one);
        intake.send(0).await.unwrap();
        let mut next = pin!(batches.next());
        assert!(next.as_mut().now_or_never().is_none());
        for item in 1..=1_000 {
            intake.send(item).await.unwrap();
        }
        sleep(ms(200)).await; // while nobody polls it
        assert_eq!(next.await.unwrap().len(), 1);
    }
}

/// A sender that is faster than any batcher: it sends in the very call that makes
/// room for an item.
struct Fast(Mutex<BoxFuture<'static, ()>>);

impl Wake for Fast {
    fn wake(self: Arc<Self>) {
        let waker = Waker::from(Arc::clone(&self));
        let mut sends = self.0.lock().unwrap();
        assert!(sends.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
    }
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_fills_each_room_at_once_does_not_either() {
    let limits = Limits { items: NonZeroUsize::MAX, ..THREES };
    let (intake, mut batches) = batcher(limits, count(5), one);
    let sends = async move {
        for item in 0..1_000 {
            if intake.send(item).await.is_err() {
                break; // the batcher is gone
            }
        }
        pending::<()>().await;
    };
    Arc::new(Fast(Mutex::new(unconstrained(sends).boxed()))).wake();
    sleep(ms(100)).await;
    let batch = batches.next().await.unwrap();
    assert_eq!(batch.len(), 5, "what was there when it was late");
}

#[test]
fn weights_that_add_up_to_more_than_a_usize_are_taken_as_they_are() {
    let half = usize::MAX / 2 + 1;
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let weights = [half, half, 1, usize::MAX - 1, usize::MAX, 0, half];
        let limits = Limits { items: count(10), ..THREES };
        let (intake, batches) = accepted(limits, weights, usize::clone).await;
        intake.close();
        let table = Table::new(ms(5), &[]);
        writer(batches, table.clone()).await.unwrap().unwrap();
        assert_eq!(table.rows(), weights);
        let batches = table.begun().into_iter().map(|write| write.2);
        let expected =
            [vec![half], vec![half, 1], vec![usize::MAX - 1], vec![usize::MAX]];
        assert_eq!(batches.take(4).collect::<Vec<_>>(), expected);
        let (_intake, mut batches) = accepted(limits, weights, usize::clone).await;
        assert_eq!(batches.remainder().await, weights);
    });
}

#[test]
fn more_waiting_items_than_a_channel_can_hold_are_a_panic() {
    let make = |waiting| move || drop(batcher(THREES, waiting, one::<u64>));
    catch_unwind(make(count(Semaphore::MAX_PERMITS))).unwrap();
    catch_unwind(make(count(Semaphore::MAX_PERMITS + 1))).unwrap_err();
    assert_eq!(Semaphore::MAX_PERMITS, usize::MAX >> 3);
}

#[tokio::test(start_paused = true)]
async fn while_it_waits_for_more_a_close_cuts_the_batch() {
    let (intake, mut batches) = accepted(THREES, [0], one).await;
    let start = Instant::now();
    let close = sleep(ms(40)).map(|()| intake.close());
    let (batch, ()) = tokio::join!(batches.next(), close);
    assert_eq!(batch.unwrap().into_items(), [0]);
    assert_eq!(start.elapsed(), ms(40));
    assert!(batches.next().await.is_none());
    assert!(batches.next().await.is_none(), "and the end stays");
}

/// Three tasks that send until they are refused, and what they were told.
fn senders(intake: &Intake<(usize, u64)>) -> JoinSet<Vec<(usize, u64)>> {
    let mut senders = JoinSet::new();
    for sender in 0..3 {
        let intake = intake.clone();
        senders.spawn(async move {
            let mut sent = Vec::new();
            for item in 0..100_000 {
                match intake.send((sender, item)).await {
                    Ok(()) => sent.push((sender, item)),
                    Err(refused) => {
                        assert_eq!(refused, Refused::Closed((sender, item)));
                        break;
                    }
                }
            }
            sent
        });
    }
    senders
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_two_threads_what_is_accepted_while_it_closes_or_fails_is_not_lost() {
    let limits = Limits { items: count(7), weight: count(100), age: HOUR };
    for round in 0..200 {
        let (intake, batches) = batcher(limits, count(2), one);
        let (fails, closes) = (round % 2 == 0, round / 2 % 10);
        let fail = [round / 2 % 5];
        let table = Table::new(Duration::ZERO, if fails { &fail } else { &[] });
        let task = writer(batches, table.clone());
        let senders = senders(&intake);
        if !fails {
            for _ in 0..closes {
                yield_now().await;
            }
            intake.close();
        }
        let end = timeout(ms(60_000), task).await.expect("it ends").unwrap();
        let sent = timeout(ms(60_000), senders.join_all()).await.expect("refused");
        let mut rows = table.rows();
        if let Err(mut stopped) = end {
            rows.extend(stopped.batches.remainder().await);
        }
        rows.sort_unstable();
        let mut sent = sent.concat();
        sent.sort_unstable();
        assert_eq!(rows, sent, "round {round}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_remainder_that_was_dropped_each_batch_keeps_its_limits() {
    let (intake, mut batches) = accepted(THREES, 0..8, one).await;
    let place = intake.accepted.reserve().await.unwrap();
    assert!(batches.remainder().now_or_never().is_none());
    drop(place);
    let expected = [vec![0, 1, 2], vec![3, 4, 5], vec![6, 7]];
    assert_eq!(all(batches).await, expected);
}

#[test]
fn a_writer_outside_a_runtime_is_a_panic() {
    let (_intake, batches) = batcher(THREES, THREE, one::<u64>);
    let make = || writer(batches, NoSevens::default());
    assert!(catch_unwind(AssertUnwindSafe(make)).is_err());
}

#[tokio::test(start_paused = true)]
async fn all_of_it_can_be_spawned() {
    let results = in_batches(tokio_stream::iter(0..10), THREE, HOUR, |_| async {});
    let spawned = tokio::spawn(results.collect::<Vec<()>>());
    assert_eq!(spawned.await.unwrap().len(), 4);
    let (sender, mut items) = channel_of(0..10);
    drop(sender);
    tokio::spawn(async move {
        let write = async |batch: Vec<_>| {
            assert!(!batch.is_empty());
            Ok::<_, Infallible>(())
        };
        what_is_there(&mut items, THREE, write).await.unwrap();
    })
    .await
    .unwrap();
    let (intake, mut batches) = accepted(THREES, 0..4, one).await;
    let sends =
        tokio::spawn(async move { intake.send(4).await.map(|()| intake.close()) });
    sends.await.unwrap().unwrap();
    let mut table = Table::new(ms(5), &[0]);
    let writing = tokio::spawn(async move {
        write_or_set_aside(&mut batches, &mut table, |_, _| ()).await;
        written(&mut batches, &mut table).await.unwrap();
        batches.remainder().await;
        table.rows()
    });
    assert_eq!(writing.await.unwrap(), [3, 4]);
}

#[tokio::test(start_paused = true)]
async fn what_is_accepted_is_bounded_by_its_weight_as_well() {
    for (weight, did_not_fit) in [(3, 0), (2, 1), (1, 0)] {
        let limits = Limits { items: count(1000), weight: count(3), age: HOUR };
        let (intake, mut batches) = batcher(limits, count(2), |weight| *weight);
        let (mut accepted, mut written, mut most) = (0, 0, 0);
        for _ in 0..20 {
            while intake.send(weight).now_or_never().is_some() {
                accepted += 1;
            }
            most = most.max(accepted - written);
            let next = batches.next().await.unwrap();
            written += next.len();
            next.written();
        }
        assert_eq!(most, did_not_fit + 2, "of weight {weight}");
    }
}

#[tokio::test]
async fn slices_of_zero_panic_when_all_items_have_come() {
    let slices = naive::slices(tokio_stream::iter(0..10), 0, |_| async {});
    assert!(AssertUnwindSafe(slices).catch_unwind().await.is_err());
}

#[tokio::test]
async fn what_is_there_takes_items_that_are_not_sync() {
    let (sender, mut items) = channel_of((0..4).map(Cell::new));
    drop(sender);
    let write = |batch: Vec<Cell<i32>>| async move {
        yield_now().await;
        assert!(!batch.is_empty());
        Ok::<_, Infallible>(())
    };
    let all = async move { what_is_there(&mut items, THREE, write).await };
    tokio::spawn(all).await.unwrap().unwrap();
}

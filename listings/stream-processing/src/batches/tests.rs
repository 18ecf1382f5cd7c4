use super::*;
use backend::cancel::{after_polls, at_every_await};
use backend::{Alive, Site};
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::TryStreamExt;
use proptest::prelude::*;
use std::cell::Cell;
use std::convert::Infallible;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::sync::oneshot;
use tokio::task::unconstrained;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{interval, sleep, timeout};
use tokio_stream::wrappers::{IntervalStream, ReceiverStream};

const HOUR: Duration = Duration::from_hours(1);
const THREE: NonZeroUsize = count(3);
/// Three items of any weight; the oldest waits 100 ms.
const THREES: Limits = Limits { items: THREE, weight: NonZeroUsize::MAX, age: ms(100) };

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const fn count(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

/// 0, 1, 2, …: one every `period`, the first at once.
fn every(period: Duration) -> impl Stream<Item = u64> + Unpin {
    let mut next = 0;
    IntervalStream::new(interval(period)).map(move |_| {
        next += 1;
        next - 1
    })
}

/// A channel that holds `items`, and its sender.
fn channel_of<T>(
    items: impl IntoIterator<Item = T>,
) -> (mpsc::Sender<T>, mpsc::Receiver<T>) {
    let (sender, receiver) = mpsc::channel(100);
    for item in items {
        assert!(sender.try_send(item).is_ok());
    }
    (sender, receiver)
}

fn one<T>(_: &T) -> usize {
    1
}

#[tokio::test]
async fn however_much_room_there_is_a_sender_lets_others_have_a_turn() {
    let (intake, mut batches) = batcher(THREES, THREE, one);
    let sent = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&sent);
    let other = tokio::spawn(async move { *seen.lock().unwrap() });
    for item in 0..1_000 {
        intake.send(item).await.unwrap();
        *sent.lock().unwrap() += 1;
        if item % 3 == 2 {
            batches.next().await.unwrap().written();
        }
    }
    assert!((1..=128).contains(&other.await.unwrap()));
}

/// Where batches go; clones share what was written.
#[derive(Clone, Debug)]
struct Table<T> {
    start: Instant,
    after: Duration,
    log: Arc<Mutex<Log<T>>>,
}

#[derive(Debug)]
struct Log<T> {
    fails: Vec<u64>,
    begun: Vec<(Duration, u64, Vec<T>)>,
    rows: Vec<T>,
}

impl<T: Clone> Table<T> {
    /// A write takes `after`; it fails for these batches, once for each mention.
    fn new(after: Duration, fails: &[u64]) -> Self {
        let log = Log { fails: fails.to_vec(), begun: vec![], rows: vec![] };
        Self { start: Instant::now(), after, log: Arc::new(Mutex::new(log)) }
    }

    /// When each write began, the number and the items.
    fn begun(&self) -> Vec<(Duration, u64, Vec<T>)> {
        self.log.lock().unwrap().begun.clone()
    }

    /// What was written to the end.
    fn rows(&self) -> Vec<T> {
        self.log.lock().unwrap().rows.clone()
    }
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("batch {0} is not wanted")]
struct Unwanted(u64);

impl<T: Clone + Send + Sync> Store<T> for Table<T> {
    type Error = Unwanted;

    async fn write(&mut self, number: u64, batch: &[T]) -> Result<(), Unwanted> {
        let begun = (self.start.elapsed(), number, batch.to_vec());
        {
            let mut log = self.log.lock().unwrap();
            log.begun.push(begun);
            assert!(log.begun.len() < 10_000, "it ends");
        }
        if !self.after.is_zero() {
            sleep(self.after).await;
        }
        let mut log = self.log.lock().unwrap();
        if let Some(index) = log.fails.iter().position(|fail| *fail == number) {
            log.fails.remove(index);
            return Err(Unwanted(number));
        }
        log.rows.extend_from_slice(batch);
        Ok(())
    }
}

/// A batcher that has accepted `items`.
async fn accepted<T: Debug>(
    limits: Limits,
    items: impl IntoIterator<Item = T>,
    weigh: fn(&T) -> usize,
) -> (Intake<T>, Batches<T>) {
    let (intake, batches) = batcher(limits, count(100), weigh);
    for item in items {
        intake.send(item).await.unwrap();
    }
    (intake, batches)
}

/// Writes all, and fails where that would take for ever.
async fn written<T, S: Store<T>>(
    batches: &mut Batches<T>,
    store: &mut S,
) -> Result<(), S::Error> {
    timeout(ms(60_000), write_all(batches, store)).await.expect("it ends")
}

async fn all<T>(mut batches: Batches<T>) -> Vec<Vec<T>> {
    let mut all = Vec::new();
    while let Some(batch) = timeout(HOUR, batches.next()).await.expect("it ends") {
        all.push(batch.into_items());
    }
    all
}

// Ten items.

#[tokio::test(start_paused = true)]
async fn ten_items_by_three_are_batches_of_3_3_3_and_1() {
    let expected = [vec![0, 1, 2], vec![3, 4, 5], vec![6, 7, 8], vec![9]];
    let ten = || tokio_stream::iter(0..10);
    assert_eq!(
        futures::StreamExt::chunks(ten(), 3).collect::<Vec<_>>().await,
        expected
    );
    assert_eq!(
        futures::StreamExt::ready_chunks(ten(), 3).collect::<Vec<_>>().await,
        expected
    );
    let good = ten().map(Ok::<_, Unwanted>).try_chunks(3);
    assert_eq!(good.map(Result::unwrap).collect::<Vec<_>>().await, expected);
    let written = in_batches(ten(), THREE, HOUR, |batch| async { batch });
    assert_eq!(written.collect::<Vec<_>>().await, expected);
    let (sender, mut items) = channel_of(0..10);
    drop(sender);
    let mut written = Vec::new();
    what_is_there(&mut items, THREE, |batch: Vec<_>| {
        assert!(!batch.is_empty());
        written.push(batch);
        async { Ok::<_, Infallible>(()) }
    })
    .await
    .unwrap();
    assert_eq!(written, expected);
    let (intake, batches) = accepted(THREES, 0..10, one).await;
    drop(intake);
    assert_eq!(all(batches).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_rows_in_each_insert_make_half_a_second_of_50() {
    for (size, inserts, took) in [(1, 10_000, ms(50_000)), (100, 100, ms(500))] {
        let database = Site::default().with_page("/insert", ms(5));
        let start = Instant::now();
        let rows = tokio_stream::iter(0..10_000);
        let write = |_| database.fetch("/insert");
        let results = in_batches(rows, count(size), HOUR, write);
        assert_eq!(results.collect::<Vec<_>>().await.len(), inserts);
        assert_eq!((database.load().calls, start.elapsed()), (inserts, took));
    }
}

#[tokio::test(start_paused = true)]
async fn each_batch_has_a_result_of_its_own() {
    let rows = tokio_stream::iter(0..10);
    let write = async |batch: Vec<i32>| {
        if batch.contains(&4) { Err(batch) } else { Ok(batch.len()) }
    };
    let results: Vec<_> = in_batches(rows, THREE, HOUR, write).collect().await;
    assert_eq!(results, [Ok(3), Err(vec![3, 4, 5]), Ok(3), Ok(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_lone_item_is_written_at_its_age() {
    let start = Instant::now();
    let lone = tokio_stream::once(7).chain(tokio_stream::pending());
    let at = |batch| async move { (start.elapsed(), batch) };
    let mut written = pin!(in_batches(lone, THREE, ms(70), at));
    assert_eq!(written.next().await, Some((ms(70), vec![7])));
    timeout(HOUR, written.next()).await.unwrap_err();
    let (_intake, mut batches) =
        accepted(Limits { age: ms(30), ..THREES }, [7], one).await;
    let start = Instant::now();
    assert_eq!(batches.next().await.unwrap().into_items(), [7]);
    assert_eq!(start.elapsed(), ms(30));
    assert!(timeout(HOUR, batches.next()).await.is_err());
}

// What is there.

#[tokio::test(start_paused = true)]
async fn a_slow_write_makes_the_next_batch_larger_and_an_idle_one_waits_for_nobody() {
    let start = Instant::now();
    let (sender, mut items) = mpsc::channel(100);
    let producer = async move {
        for item in 0..10 {
            sender.send(item).await.unwrap();
            sleep(ms(3)).await;
        }
    };
    let mut written = Vec::new();
    let write = |batch: Vec<i32>| {
        assert!(!batch.is_empty());
        written.push((start.elapsed(), batch.len()));
        sleep(ms(10)).map(Ok::<_, Infallible>)
    };
    let ((), result) =
        tokio::join!(producer, what_is_there(&mut items, count(100), write));
    result.unwrap();
    let expected = [(ms(0), 1), (ms(10), 3), (ms(20), 3), (ms(30), 3)];
    assert_eq!(written, expected);
}

#[tokio::test(start_paused = true)]
async fn ready_chunks_wait_for_no_second_item() {
    let (sender, items) = channel_of(0..5);
    let mut batches =
        pin!(futures::StreamExt::ready_chunks(ReceiverStream::new(items), 3));
    let start = Instant::now();
    for expected in [vec![0, 1, 2], vec![3, 4]] {
        assert_eq!(batches.next().await, Some(expected));
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    timeout(HOUR, batches.next()).await.unwrap_err();
    drop(sender);
    assert_eq!(batches.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn chunks_wait_for_the_last_item_for_ever() {
    let (_sender, items) = channel_of(0..5);
    let mut batches = pin!(futures::StreamExt::chunks(ReceiverStream::new(items), 3));
    assert_eq!(batches.next().await, Some(vec![0, 1, 2]));
    timeout(HOUR, batches.next()).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn dropped_chunks_lose_their_unfinished_batch() {
    let alive = Alive::default();
    let (_sender, items) = channel_of((0..5).map(|_| alive.guard()));
    let batches = futures::StreamExt::chunks(ReceiverStream::new(items), 3);
    let mut batches = Box::pin(batches);
    assert_eq!(batches.next().await.unwrap().len(), 3);
    assert!(timeout(ms(1), batches.next()).await.is_err());
    assert_eq!(alive.count(), 2, "they are inside");
    drop(batches);
    assert_eq!(alive.count(), 0, "they are gone");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_recv_many_has_taken_nothing() {
    let (sender, mut items) = channel_of([]);
    drop(sender.clone()); // one of two is gone: no end
    let mut batch = vec![0];
    timeout(ms(1), items.recv_many(&mut batch, 3)).await.unwrap_err();
    sender.send(1).await.unwrap();
    assert_eq!((&batch[..], items.len()), (&[0][..], 1));
    assert_eq!(items.recv_many(&mut batch, 3).await, 1);
    assert_eq!(batch, [0, 1]);
    drop(sender);
    assert_eq!(items.recv_many(&mut batch, 3).await, 0, "the end");
}

#[tokio::test(start_paused = true)]
async fn dropped_while_it_writes_it_leaves_the_rest_in_the_channel() {
    let (_sender, mut items) = channel_of(0..5);
    let write = |_| sleep(HOUR).map(Ok::<_, Infallible>);
    timeout(ms(1), what_is_there(&mut items, THREE, write)).await.unwrap_err();
    assert_eq!((items.recv().await, items.len()), (Some(3), 1));
}

#[tokio::test(start_paused = true)]
async fn a_failed_write_of_what_is_there_ends_it_and_leaves_the_rest_in_the_channel() {
    let (_sender, mut items) = channel_of(0..8);
    let mut writes = 0;
    let write = |batch: Vec<i32>| {
        writes += 1;
        async move { if batch.contains(&4) { Err(batch) } else { Ok(()) } }
    };
    // The sender is still there: only the failure can end it.
    let ended = timeout(HOUR, what_is_there(&mut items, THREE, write)).await;
    assert_eq!(ended, Ok(Err(vec![3, 4, 5])), "the error of the write itself");
    assert_eq!((writes, items.recv().await, items.len()), (2, Some(6), 1));
    let write = |batch| async move { Err(batch) };
    let again = what_is_there(&mut items, THREE, write).await;
    assert_eq!(again, Err(vec![7]), "it may be called again");
}

// The built-in ones.

#[tokio::test(start_paused = true)]
async fn a_dropped_next_loses_nothing_but_a_dropped_stream_its_part() {
    let alive = Alive::default();
    let (_sender, items) = channel_of((0..5).map(|_| alive.guard()));
    let batches = ReceiverStream::new(items).chunks_timeout(4, HOUR);
    let mut batches = Box::pin(batches);
    assert_eq!(batches.next().await.unwrap().len(), 4);
    assert!(timeout(ms(1), batches.next()).await.is_err());
    assert_eq!(alive.count(), 1, "it is inside");
    drop(batches);
    assert_eq!(alive.count(), 0, "it is gone");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_next_of_in_batches_loses_nothing_and_its_write_stands_still() {
    let (sender, items) = channel_of(0..5);
    let halves = Cell::new(0);
    let write = |batch: Vec<i32>| {
        let halves = &halves;
        async move {
            for _ in 0..2 {
                sleep(ms(10)).await;
                halves.set(halves.get() + 1);
            }
            batch
        }
    };
    let mut written =
        pin!(in_batches(ReceiverStream::new(items), THREE, ms(100), write));
    let mut all = Vec::new();
    // A half of the first write, the other, the part, and a half of the second.
    for expected in [0, 1, 2, 2, 2, 3] {
        if let Ok(batch) = timeout(ms(1), written.next()).await {
            all.push(batch.unwrap());
        }
        sleep(HOUR).await; // while nobody polls it
        assert_eq!(halves.get(), expected);
    }
    drop(sender);
    all.extend(timeout(HOUR, written.collect::<Vec<_>>()).await.unwrap());
    assert_eq!((all, halves.get()), (vec![vec![0, 1, 2], vec![3, 4]], 4));
}

#[tokio::test(start_paused = true)]
async fn into_remainder_gives_the_part_back() {
    let (sender, items) = channel_of(0..3);
    let batches = ReceiverStream::new(items).chunks_timeout(10, ms(100));
    let mut batches = Box::pin(batches);
    timeout(ms(50), batches.next()).await.unwrap_err();
    assert_eq!(batches.as_mut().into_remainder(), [0, 1, 2]);
    // And the stream goes on.
    sender.send(3).await.unwrap();
    assert_eq!(batches.next().await, Some(vec![3]));
}

#[tokio::test(start_paused = true)]
async fn a_busy_consumer_makes_an_item_600_ms_old_where_the_bound_is_100() {
    let start = Instant::now();
    let (sender, items) = channel_of(["first", "first", "first"]);
    let write = |batch: Vec<&'static str>| async move {
        let begun = start.elapsed();
        if batch[0] == "first" {
            sleep(ms(500)).await;
        }
        (begun, batch)
    };
    let written = in_batches(ReceiverStream::new(items), THREE, ms(100), write);
    let mut written = pin!(written);
    // It comes when the first write has just begun.
    let late = sender.send("late");
    let (first, sent) = tokio::join!(biased; written.next(), late);
    sent.unwrap();
    assert_eq!(first.unwrap().0, Duration::ZERO);
    assert_eq!(written.next().await, Some((ms(600), vec!["late"])));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_stream_drops_the_write_and_what_waits() {
    let alive = Alive::default();
    let (sender, items) = channel_of((0..4).map(|_| alive.guard()));
    let write = |batch| async move {
        sleep(HOUR).await;
        drop(batch);
    };
    let mut written =
        Box::pin(in_batches(ReceiverStream::new(items), THREE, HOUR, write));
    timeout(ms(1), written.next()).await.unwrap_err();
    assert_eq!(alive.count(), 4);
    drop(written);
    assert_eq!((alive.count(), sender.is_closed()), (0, true));
}

#[tokio::test]
async fn try_chunks_keep_the_part_in_their_error() {
    let rows = [Ok(0), Ok(1), Ok(2), Ok(3), Err("broken"), Ok(4)];
    let mut batches = tokio_stream::iter(rows).try_chunks(3);
    assert_eq!(batches.next().await.unwrap().unwrap(), [0, 1, 2]);
    let error = batches.next().await.unwrap().unwrap_err();
    assert_eq!((error.0, error.1), (vec![3], "broken"));
    assert_eq!(batches.next().await.unwrap().unwrap(), [4], "it goes on");
    assert!(batches.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn zero_is_a_panic_or_looks_like_the_end() {
    let ten = || tokio_stream::iter(0..10);
    let panics = |make: &dyn Fn()| catch_unwind(AssertUnwindSafe(make)).is_err();
    assert!(panics(&|| drop(futures::StreamExt::chunks(ten(), 0))));
    assert!(panics(&|| drop(futures::StreamExt::ready_chunks(ten(), 0))));
    assert!(panics(&|| drop(ten().map(Ok::<_, Unwanted>).try_chunks(0))));
    assert!(panics(&|| drop(ten().chunks_timeout(0, HOUR))));
    // At once, as if the channel were closed.
    let (_sender, mut items) = channel_of(0..10);
    assert_eq!(items.recv_many(&mut Vec::new(), 0).await, 0);
}

#[tokio::test(start_paused = true)]
async fn chunks_timeout_makes_room_for_a_whole_batch_each_time() {
    let lone = tokio_stream::once(7).chain(tokio_stream::pending());
    let mut batches = pin!(lone.chunks_timeout(1_000, ms(100)));
    let batch = batches.next().await.unwrap();
    assert_eq!((batch.len(), batch.capacity()), (1, 1_000));
}

/// Two tasks that send all the time, `MOST` items each; dropping what they send to
/// stops them. Each tells how many it has sent.
fn flood<S, Fut>(send: S) -> JoinSet<usize>
where
    S: Fn(usize) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = bool> + Send,
{
    let mut flood = JoinSet::new();
    for _ in 0..2 {
        let send = send.clone();
        flood.spawn(async move {
            for item in 0..MOST {
                if !send(item).await {
                    return item;
                }
            }
            MOST
        });
    }
    flood
}

const MOST: usize = 50_000;

// In real time, as the flood is.
#[tokio::test]
async fn a_flood_keeps_chunks_timeout_from_its_clock_until_the_flood_is_over() {
    let (sender, items) = mpsc::channel(1_000);
    let flood = flood(move |item| {
        let sender = sender.clone();
        async move { sender.send(item).await.is_ok() }
    });
    let batches = ReceiverStream::new(items).chunks_timeout(3 * MOST, ms(1));
    assert_eq!(pin!(batches).next().await.unwrap().len(), 2 * MOST);
    assert_eq!(flood.join_all().await, [MOST, MOST]);
}

// Bounds that hold.

#[tokio::test(start_paused = true)]
async fn a_full_batch_does_not_wait_for_its_age() {
    let (intake, mut batches) = accepted(THREES, 0..7, one).await;
    let start = Instant::now();
    for expected in [[0, 1, 2], [3, 4, 5]] {
        assert_eq!(batches.next().await.unwrap().into_items(), expected);
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    let more = async {
        sleep(ms(40)).await;
        intake.send(7).await.unwrap();
        sleep(ms(40)).await;
        intake.send(8).await.unwrap();
    };
    let (batch, ()) = tokio::join!(batches.next(), more);
    assert_eq!(batch.unwrap().into_items(), [6, 7, 8]);
    assert_eq!(start.elapsed(), ms(80));
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_never_heavier_than_its_limit() {
    let limits = Limits { weight: count(10), items: count(100), ..THREES };
    let (intake, mut batches) = accepted(limits, [4, 4, 4, 6], usize::clone).await;
    let start = Instant::now();
    // A third 4 does not fit, and with 6 it is full.
    for expected in [[4, 4], [4, 6]] {
        assert_eq!(batches.next().await.unwrap().into_items(), expected);
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
    intake.send(9).await.unwrap();
    assert_eq!(batches.next().await.unwrap().into_items(), [9]);
    assert_eq!(start.elapsed(), ms(100), "it waited for more");
}

#[tokio::test(start_paused = true)]
async fn an_item_that_fits_into_no_batch_is_refused_and_handed_back() {
    let limits = Limits { weight: count(10), ..THREES };
    let (intake, batches) = accepted(limits, [10], usize::clone).await;
    let refused = intake.send(11).await.unwrap_err();
    let expected = Refused::TooHeavy { item: 11, weight: 11, most: count(10) };
    assert_eq!(refused, expected);
    assert_eq!(refused.to_string(), "an item of weight 11, where a batch takes 10");
    drop(intake);
    assert_eq!(all(batches).await, [[10]]);
}

#[tokio::test(start_paused = true)]
async fn the_oldest_item_waits_for_its_age_and_no_longer() {
    let (intake, mut batches) = batcher(THREES, count(100), one);
    let start = Instant::now();
    let items = async {
        for item in 0..2 {
            sleep(ms(60)).await;
            intake.send(item).await.unwrap();
        }
    };
    let (batch, ()) = tokio::join!(batches.next(), items);
    assert_eq!(batch.unwrap().into_items(), [0, 1]);
    assert_eq!(start.elapsed(), ms(160), "100 ms after the first item");
}

#[tokio::test(start_paused = true)]
async fn an_item_that_came_during_a_write_is_written_after_it_at_once() {
    let (intake, mut batches) = accepted(THREES, 0..3, one).await;
    let mut table = Table::new(ms(500), &[]);
    let late = async {
        sleep(ms(1)).await;
        intake.send(3).await.unwrap();
        sleep(ms(450)).await;
        intake.send(4).await.unwrap();
        sleep(ms(1_000)).await;
        intake.close();
    };
    let (end, ()) = tokio::join!(written(&mut batches, &mut table), late);
    assert_eq!(end, Ok(()));
    // 3 is 499 ms old and takes 4 along, which is 49.
    let expected = [(ms(0), 0, vec![0, 1, 2]), (ms(500), 1, vec![3, 4])];
    assert_eq!(table.begun(), expected);
}

#[tokio::test(start_paused = true)]
async fn what_did_not_fit_and_is_late_takes_along_what_is_there() {
    let limits = Limits { weight: count(10), ..THREES };
    let (intake, mut batches) = accepted(limits, [6, 5], usize::clone).await;
    let mut table = Table::new(ms(500), &[]);
    let late = async {
        sleep(ms(1)).await;
        intake.send(1).await.unwrap();
        intake.send(2).await.unwrap();
        intake.close();
    };
    let (end, ()) = tokio::join!(written(&mut batches, &mut table), late);
    assert_eq!(end, Ok(()));
    let expected = [(ms(0), 0, vec![6]), (ms(500), 1, vec![5, 1, 2])];
    assert_eq!(table.begun(), expected);
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_room_does_not_count_as_age() {
    let (intake, mut batches) = batcher(THREES, count(1), one);
    let start = Instant::now();
    intake.send(0).await.unwrap();
    let reads = async {
        sleep(ms(250)).await;
        assert_eq!(batches.next().await.unwrap().into_items(), [0]);
        assert_eq!(start.elapsed(), ms(250), "it is late");
        assert_eq!(batches.next().await.unwrap().into_items(), [1]);
        start.elapsed()
    };
    // Item 1 waits for 250 ms, and is accepted when item 0 has left.
    let (sent, written) = tokio::join!(intake.send(1), reads);
    assert_eq!((sent, written), (Ok(()), ms(350)));
}

// In real time, as the flood is.
#[tokio::test]
async fn a_flood_does_not_keep_the_oldest_item_from_leaving() {
    let limits = Limits { items: NonZeroUsize::MAX, age: ms(1), ..THREES };
    let (intake, mut batches) = batcher(limits, count(1_000), one);
    let flood = flood(move |item| {
        let intake = intake.clone();
        async move { intake.send(item).await.is_ok() }
    });
    batches.next().await.unwrap().written();
    drop(batches);
    let sent = flood.join_all().await;
    assert!(sent.iter().all(|sent| *sent < MOST), "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn an_age_without_end_waits_for_the_others() {
    let limits = Limits { age: Duration::MAX, ..THREES };
    let (intake, mut batches) = accepted(limits, 0..2, one).await;
    assert!(timeout(HOUR, batches.next()).await.is_err());
    intake.send(2).await.unwrap();
    assert_eq!(batches.next().await.unwrap().into_items(), [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_holds_the_senders_back() {
    let (intake, batches) = batcher(THREES, count(2), one);
    let _writer = writer(batches, Table::new(HOUR * 2, &[]));
    let mut accepted = 0;
    let flood = async {
        for item in 0..100 {
            intake.send(item).await.unwrap();
            accepted += 1;
        }
    };
    timeout(HOUR, flood).await.unwrap_err();
    assert_eq!(accepted, 3 + 2, "one batch, and two that wait");
}

#[derive(Debug, Clone, Copy)]
enum End {
    Close,
    Drop,
}

#[tokio::test(start_paused = true)]
async fn at_the_end_all_that_was_accepted_is_written_without_waiting() {
    for end in [End::Close, End::Drop] {
        let (intake, batches) = batcher(THREES, count(100), one);
        let table = Table::new(ms(5), &[]);
        let task = writer(batches, table.clone());
        for item in 0..10 {
            intake.send(item).await.unwrap();
        }
        let kept = match end {
            End::Close => {
                intake.close();
                Some(intake)
            }
            End::Drop => {
                drop(intake);
                None
            }
        };
        timeout(HOUR, task).await.expect("it ends").unwrap().unwrap();
        assert_eq!(table.rows(), (0..10).collect::<Vec<_>>(), "{end:?}");
        assert_eq!(table.start.elapsed(), ms(4 * 5), "{end:?}");
        drop(kept);
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_close_an_item_is_handed_back() {
    let (intake, mut batches) = batcher(THREES, count(1), one);
    let other = intake.clone();
    other.send(0).await.unwrap();
    let waits = async { timeout(HOUR, other.send(1)).await.expect("it ends") };
    let close = sleep(ms(1)).map(|()| intake.close());
    let (refused, ()) = tokio::join!(waits, close);
    assert_eq!(refused, Err(Refused::Closed(1)), "also to one that waits for room");
    assert_eq!(intake.send(2).await, Err(Refused::Closed(2)));
    assert_eq!(batches.remainder().await, [0]);
    let (intake, batches) = batcher(THREES, count(1), one);
    drop(batches);
    let refused = intake.send(3).await.unwrap_err();
    assert_eq!(refused, Refused::Closed(3));
    assert_eq!(refused.to_string(), "the batcher is closed");
}

// What fails.

#[tokio::test(start_paused = true)]
async fn a_batch_that_failed_comes_again_with_its_number_and_its_items() {
    let (intake, mut batches) = accepted(THREES, 0..2, one).await;
    let mut table = Table::new(ms(5), &[0, 0]);
    for _ in 0..2 {
        assert_eq!(written(&mut batches, &mut table).await, Err(Unwanted(0)));
        intake.send(7).await.unwrap();
    }
    intake.close();
    assert_eq!(written(&mut batches, &mut table).await, Ok(()));
    let expected = [(100, 0, vec![0, 1]), (105, 0, vec![0, 1]), (110, 0, vec![0, 1])];
    let begun = table.begun();
    assert_eq!(begun[..3], expected.map(|(at, n, items)| (ms(at), n, items)));
    assert_eq!(begun[3..], [(ms(115), 1, vec![7, 7])]);
    assert_eq!(table.rows(), [0, 1, 7, 7]);
}

#[tokio::test(start_paused = true)]
async fn what_fails_for_good_is_set_aside_and_the_rest_is_written() {
    let (intake, mut batches) = accepted(THREES, 0..10, one).await;
    intake.close();
    let mut table = Table::new(ms(5), &[1, 3]);
    let mut aside = Vec::new();
    let note = |items, error| aside.push((items, error));
    let all = write_or_set_aside(&mut batches, &mut table, note);
    timeout(ms(60_000), all).await.expect("it ends");
    assert_eq!(table.rows(), [0, 1, 2, 6, 7, 8]);
    assert_eq!(aside, [(vec![3, 4, 5], Unwanted(1)), (vec![9], Unwanted(3))]);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_stopped_hands_everything_back_and_another_writes_it() {
    let (intake, batches) = accepted(THREES, 0..7, one).await;
    let stopped = writer(batches, Table::new(ms(5), &[1]));
    let stopped = timeout(HOUR, stopped).await.expect("it ends").unwrap();
    let stopped = stopped.unwrap_err();
    assert_eq!(stopped.to_string(), "a batch was not written");
    assert_eq!(
        std::error::Error::source(&stopped).unwrap().to_string(),
        "batch 1 is not wanted"
    );
    assert_eq!(stopped.store.rows(), [0, 1, 2]);
    assert_eq!(intake.send(7).await, Err(Refused::Closed(7)));
    let task = writer(stopped.batches, stopped.store);
    let table = timeout(HOUR, task).await.expect("it ends").unwrap().unwrap();
    assert_eq!(table.rows(), (0..7).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn when_the_task_stops_senders_get_their_items_back_at_once() {
    let (intake, batches) = batcher(THREES, count(2), one);
    let task = writer(batches, Table::new(ms(5), &[0]));
    // Three are being written, two wait, and there is no room for two more.
    for item in 0..5 {
        intake.send(item).await.unwrap();
    }
    let start = Instant::now();
    let wait = async |item| {
        let sent = timeout(HOUR, intake.send(item)).await.expect("it ends");
        (sent, start.elapsed())
    };
    let waited = tokio::join!(wait(5), wait(6));
    let closed = |item| (Err(Refused::Closed(item)), ms(5));
    assert_eq!(waited, (closed(5), closed(6)));
    let later = intake.send(7).now_or_never();
    assert_eq!(later, Some(Err(Refused::Closed(7))));
    let mut stopped = task.await.unwrap().unwrap_err();
    assert_eq!(stopped.batches.remainder().await, [0, 1, 2, 3, 4]);
}

/// Writes row by row, and none of a batch that has a 7 in it.
#[derive(Debug, Default)]
struct NoSevens {
    rows: Vec<u64>,
    refused: usize,
}

impl Store<u64> for NoSevens {
    type Error = Unwanted;

    async fn write(&mut self, number: u64, batch: &[u64]) -> Result<(), Unwanted> {
        if batch.contains(&7) {
            self.refused += 1;
            return Err(Unwanted(number));
        }
        self.rows.extend_from_slice(batch);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn one_bad_row_fails_its_batch_each_time_and_one_by_one_only_itself() {
    let (intake, mut batches) = accepted(THREES, 6..9, one).await;
    intake.close();
    let mut store = NoSevens::default();
    for _ in 0..3 {
        written(&mut batches, &mut store).await.unwrap_err();
    }
    assert_eq!((store.rows.len(), store.refused), (0, 3));
    let mut aside = Vec::new();
    write_or_set_aside(&mut batches, &mut store, |rows, _| aside.extend(rows)).await;
    let mut bad = Vec::new();
    for row in aside {
        if store.write(0, &[row]).await.is_err() {
            bad.push(row);
        }
    }
    assert_eq!((store.rows, bad), (vec![6, 8], vec![7]));
}

#[tokio::test(start_paused = true)]
async fn in_two_batchers_by_key_it_takes_half_as_long_and_each_key_keeps_its_order() {
    for (batchers, took) in [(1, ms(80)), (2, ms(40))] {
        let tables = Table::new(ms(10), &[]);
        let mut intakes = Vec::new();
        let mut writers = Vec::new();
        for _ in 0..batchers {
            let (intake, batches) = batcher(THREES, count(100), one);
            writers.push(writer(batches, tables.clone()));
            intakes.push(intake);
        }
        for item in 0..6 {
            for key in 0..4 {
                let row = (key, item);
                intakes[key % batchers].send(row).await.unwrap();
            }
        }
        intakes.iter().for_each(Intake::close);
        for writer in writers {
            timeout(HOUR, writer).await.expect("it ends").unwrap().unwrap();
        }
        assert_eq!(tables.start.elapsed(), took);
        let rows = tables.rows();
        for key in 0..4 {
            let of_one = rows.iter().filter(|row| row.0 == key).map(|row| row.1);
            assert!(of_one.eq(0..6), "{key} of {rows:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_item_can_get_an_answer_of_its_own() {
    let (intake, mut batches) = batcher(THREES, THREE, one);
    let (answer, answered) = oneshot::channel();
    let (unwritten, unanswered) = oneshot::channel();
    let sends = async {
        intake.send((1, answer)).await.unwrap();
        sleep(ms(200)).await;
        intake.send((2, unwritten)).await.unwrap();
    };
    let writes = async {
        for _ in 0..2 {
            let batch = batches.next().await.unwrap();
            let number = batch.number();
            for (row, answer) in batch.into_items() {
                if row == 1 {
                    answer.send(number).unwrap();
                }
            }
        }
    };
    tokio::join!(sends, writes);
    assert_eq!(answered.await, Ok(0));
    assert!(unanswered.await.is_err(), "dropped, it says so");
}

// What is dropped.

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_write_all_loses_nothing() {
    let limits = Limits { weight: count(9), ..THREES };
    let mut points = 0;
    loop {
        let (intake, mut batches) = accepted(limits, 0..7, usize::clone).await;
        let mut table = Table::new(ms(5), &[]);
        let more = async {
            sleep(ms(30)).await;
            intake.send(7).await.unwrap();
            sleep(ms(200)).await;
            intake.close();
        };
        let writing = written(&mut batches, &mut table);
        let (end, ()) = tokio::join!(after_polls(points, writing), more);
        // What was not written comes now, in order; a batch that had begun, again.
        let begun = table.begun();
        let mut rows = table.rows();
        let again = batches.next().await.map(|batch| (batch.number(), batch.to_vec()));
        if let (Some((_, number, items)), Some(again)) = (begun.last(), again) {
            let same = *number == again.0 && *items == again.1;
            assert!(same || again.0 == number + 1, "{points} polls: {again:?}");
        }
        rows.extend(batches.remainder().await);
        assert_eq!(rows, (0..8).collect::<Vec<_>>(), "{points} polls");
        if end.is_some() {
            break;
        }
        points += 1;
    }
    assert!(points >= 7, "{points}: before it, in each write, and between them");
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_what_is_set_aside_and_written_is_all() {
    let mut points = 0;
    loop {
        let (intake, mut batches) = accepted(THREES, 0..10, one).await;
        intake.close();
        let mut table = Table::new(ms(5), &[1]);
        let mut aside = Vec::new();
        let note = |items, _| aside.extend(items);
        let writing = write_or_set_aside(&mut batches, &mut table, note);
        let end = after_polls(points, writing).await;
        let mut rows = [table.rows(), aside, batches.remainder().await].concat();
        rows.sort_unstable();
        assert_eq!(rows, (0..10).collect::<Vec<_>>(), "{points} polls");
        if end.is_some() {
            break;
        }
        points += 1;
    }
    assert_eq!(points, 5);
}

#[tokio::test(start_paused = true)]
async fn a_send_that_is_dropped_while_it_waits_was_not_accepted() {
    let alive = Alive::default();
    let (intake, mut batches) = batcher(THREES, count(1), one);
    intake.send(alive.guard()).await.unwrap();
    timeout(ms(1), intake.send(alive.guard())).await.unwrap_err();
    assert_eq!((alive.count(), alive.dropped()), (1, 1));
    let send = || intake.send(alive.guard());
    let points = at_every_await(send, |_, _| ()).now_or_never();
    assert_eq!(points, None, "it waits for room");
    assert_eq!(batches.remainder().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_dropped_comes_again() {
    let (_intake, mut batches) = accepted(THREES, 0..5, one).await;
    for _ in 0..2 {
        let batch = batches.next().await.unwrap();
        assert_eq!((&batch[..], batch.number()), (&[0, 1, 2][..], 0));
    }
    batches.next().await.unwrap().written();
    let batch = batches.next().await.unwrap();
    assert_eq!((&batch[..], batch.number()), (&[3, 4][..], 1));
}

#[tokio::test(start_paused = true)]
async fn a_remainder_that_is_dropped_has_lost_nothing() {
    let (intake, mut batches) = accepted(THREES, 0..5, one).await;
    let place = intake.accepted.reserve().await.unwrap();
    let points =
        [0, 1].map(|polls| after_polls(polls, batches.remainder()).now_or_never());
    assert_eq!(points, [Some(None), Some(None)]);
    place.send(Accepted { item: 5, weight: 1, at: Instant::now() });
    assert_eq!(batches.remainder().await, [0, 1, 2, 3, 4, 5]);
    assert_eq!(intake.send(6).await, Err(Refused::Closed(6)));
}

#[tokio::test(start_paused = true)]
async fn with_its_task_a_batcher_drops_what_is_not_written() {
    let alive = Alive::default();
    let (intake, batches) = batcher(THREES, count(100), one);
    let guards = (0..5).map(|_| Arc::new(alive.guard()));
    for guard in guards {
        intake.send(guard).await.unwrap();
    }
    let table = Table::new(HOUR, &[]);
    let task = writer(batches, table);
    yield_now().await;
    drop(task);
    yield_now().await;
    assert_eq!(alive.count(), 0);
    let refused = intake.send(Arc::new(alive.guard())).await.unwrap_err();
    assert!(matches!(refused, Refused::Closed(_)));
}

#[derive(Debug)]
struct Panics;

impl<T: Sync> Store<T> for Panics {
    type Error = Unwanted;

    async fn write(&mut self, _: u64, _: &[T]) -> Result<(), Unwanted> {
        panic!("as the test wants")
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_panics_takes_what_is_not_written_with_it() {
    let alive = Alive::default();
    let guards = (0..5).map(|_| Arc::new(alive.guard()));
    let (intake, batches) = accepted(THREES, guards, one).await;
    assert!(writer(batches, Panics).await.unwrap_err().is_panic());
    assert_eq!(alive.count(), 0);
    let refused = intake.send(Arc::new(alive.guard())).await.unwrap_err();
    assert!(matches!(refused, Refused::Closed(_)));
}

// All of it.

proptest! {
    #[test]
    fn no_batch_breaks_a_limit_nothing_is_lost_and_no_room_is_wasted(
        weights in prop::collection::vec(0_usize..=20, 0..60),
        items in 1_usize..8,
        weight in 20_usize..60,
    ) {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().unwrap();
        let limits = Limits { items: count(items), weight: count(weight), age: ms(100) };
        let batches = runtime.block_on(async {
            let (intake, batches) = accepted(limits, weights.clone(), usize::clone).await;
            drop(intake);
            all(batches).await
        });
        prop_assert_eq!(batches.concat(), weights);
        let sum = |batch: &Vec<usize>| batch.iter().sum::<usize>();
        for batch in &batches {
            prop_assert!((1..=items).contains(&batch.len()) && sum(batch) <= weight);
        }
        for pair in batches.windows(2) {
            let full = pair[0].len() == items || sum(&pair[0]) == weight;
            prop_assert!(full || sum(&pair[0]) + pair[1][0] > weight);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_four_tasks_on_two_threads_each_item_is_written_once_and_in_order() {
    let limits = Limits { items: count(7), weight: count(100), age: ms(1) };
    let (intake, batches) = batcher(limits, count(5), |_: &(usize, usize)| 1);
    let table = Table::new(Duration::ZERO, &[]);
    let task = writer(batches, table.clone());
    let mut producers = JoinSet::new();
    for producer in 0..4 {
        let intake = intake.clone();
        producers.spawn(async move {
            for item in 0..1_000 {
                intake.send((producer, item)).await.unwrap();
            }
        });
    }
    producers.join_all().await;
    intake.close();
    timeout(ms(60_000), task).await.expect("it ends").unwrap().unwrap();
    let rows = table.rows();
    for producer in 0..4 {
        let of_one = rows.iter().filter(|row| row.0 == producer).map(|row| row.1);
        assert!(of_one.eq(0..1_000), "{producer}");
    }
    assert!(table.begun().iter().all(|write| (1..=7).contains(&write.2.len())));
}

// The naive ones.

#[tokio::test(start_paused = true)]
async fn in_slices_the_first_batch_waits_for_the_last_item() {
    async fn first(naive: bool) -> Duration {
        let start = Instant::now();
        let mut begun = Vec::new();
        let write = |_: Vec<u64>| {
            begun.push(start.elapsed());
            async {}
        };
        let ten = every(ms(10)).take(10);
        if naive {
            naive::slices(ten, 3, write).await;
        } else {
            in_batches(ten, THREE, HOUR, write).collect::<Vec<_>>().await;
        }
        begun[0]
    }
    assert_eq!((first(true).await, first(false).await), (ms(90), ms(20)));
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_end_is_never_cut_into_slices() {
    let mut writes = 0;
    let write = |_| {
        writes += 1;
        async {}
    };
    // An interval says that it is endless, and `collect` would ask for all that memory.
    let endless = every(ms(60_000)).filter(|_| true);
    let slices = naive::slices(endless, 3, write);
    timeout(HOUR, slices).await.unwrap_err();
    assert_eq!(writes, 0);
}

#[tokio::test(start_paused = true)]
async fn with_a_fresh_sleep_an_item_is_810_ms_old_where_the_bound_is_100() {
    let (sender, mut items) = mpsc::channel(100);
    let producer = async move {
        let mut items = every(ms(90)).take(10);
        while let Some(item) = items.next().await {
            sender.send(item).await.unwrap();
        }
    };
    let start = Instant::now();
    let mut written = Vec::new();
    let write = |batch: Vec<u64>| {
        written.push((start.elapsed(), batch.len()));
        async {}
    };
    let loops = naive::fresh_sleep(&mut items, count(10), ms(100), write);
    tokio::join!(producer, loops);
    assert_eq!(written, [(ms(810), 10)]);
}

#[tokio::test(start_paused = true)]
async fn with_a_fresh_sleep_nothing_is_written_every_100_ms_and_the_rest_is_lost() {
    let (sender, mut items) = channel_of([]);
    let producer = async move {
        sleep(ms(1_050)).await;
        sender.send(7).await.unwrap();
    };
    let mut written = Vec::new();
    let write = |batch: Vec<u64>| {
        written.push(batch.len());
        async {}
    };
    let loops = naive::fresh_sleep(&mut items, THREE, ms(100), write);
    tokio::join!(producer, loops);
    assert_eq!(written, [0; 10]);
}

// What is only passed on, and what can panic.

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

use super::*;
use backend::Alive;
use backend::cancel::{after_polls, at_every_await};
use futures::stream::BoxStream;
use std::convert::Infallible;
use std::error::Error as _;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;
use stream_processing::write_a_stream::changes;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

const ONE: NonZeroUsize = NonZeroUsize::MIN;
const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("no page {0}")]
struct NoPage(u32);

/// Pages of two rows, 10 ms each, and how many were asked for. Page 3 is empty.
#[derive(Clone, Default)]
struct Pages {
    asked: Arc<AtomicUsize>,
    alive: Alive,
    missing: Option<u32>,
}

impl Pages {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn fetch(
        &self,
    ) -> impl Fn(u32) -> futures::future::BoxFuture<'static, Result<Vec<u32>, NoPage>>
    + Send
    + use<> {
        let pages = self.clone();
        move |page| {
            let before = pages.asked.fetch_add(1, Ordering::SeqCst);
            assert!(before < 10_000, "it ends");
            let (guard, missing) = (pages.alive.guard(), pages.missing);
            async move {
                sleep(ms(10)).await;
                drop(guard);
                match page {
                    _ if missing == Some(page) => Err(NoPage(page)),
                    0..3 => Ok(vec![page * 2, page * 2 + 1]),
                    _ => Ok(Vec::new()),
                }
            }
            .boxed()
        }
    }

    /// The three ways, in the order of the page.
    fn three_ways(&self) -> [BoxStream<'static, Result<u32, NoPage>>; 3] {
        let ahead = rows_ahead(ONE, self.fetch()).map_err(|error| match error {
            Stopped::Failed(error) => error,
            Stopped::Died(error) => panic!("{error}"),
        });
        [rows(self.fetch()).boxed(), rows_unfolded(self.fetch()).boxed(), ahead.boxed()]
    }
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

// The rows.

#[tokio::test(start_paused = true)]
async fn the_three_ways_give_the_same_rows() {
    let pages = Pages::default();
    for (way, mut rows) in pages.three_ways().into_iter().enumerate() {
        let all: Vec<_> = rows.by_ref().try_collect().await.unwrap();
        assert_eq!(all, [0, 1, 2, 3, 4, 5]);
        assert_eq!(rows.next().await, None, "again");
        assert_eq!(pages.asked(), 4 * (way + 1), "three pages and an empty one");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_is_the_last_item_and_the_end_stays() {
    let pages = Pages { missing: Some(1), ..Pages::default() };
    for (way, mut rows) in pages.three_ways().into_iter().enumerate() {
        let items: Vec<_> = rows.by_ref().collect().await;
        assert_eq!(items, [Ok(0), Ok(1), Err(NoPage(1))]);
        assert_eq!(rows.next().await, None);
        assert_eq!(pages.asked(), 2 * (way + 1), "none after the one that failed");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_starts_before_the_first_poll() {
    let pages = Pages::default();
    let ways = pages.three_ways();
    sleep(HOUR).await;
    assert_eq!((pages.asked(), tasks()), (0, 0));
    drop(ways);
}

#[tokio::test(start_paused = true)]
async fn without_a_task_a_page_is_fetched_when_its_first_row_is_asked_for() {
    for way in 0..2 {
        let pages = Pages::default();
        let [a, b, _] = pages.three_ways();
        let mut rows = [a, b].into_iter().nth(way).unwrap();
        for asked in [1, 1, 2, 2, 3, 3] {
            rows.next().await.unwrap().unwrap();
            sleep(HOUR).await;
            assert_eq!((pages.asked(), tasks()), (asked, 0));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_task_it_may_borrow() {
    let pages = [vec![1, 2], vec![3], vec![]];
    let fetch = async |page: u32| Ok::<_, Infallible>(pages[page as usize].clone());
    let all: Vec<_> = rows(fetch).try_collect().await.unwrap();
    assert_eq!(all, [1, 2, 3]);
    let all: Vec<_> = rows_unfolded(fetch).try_collect().await.unwrap();
    assert_eq!(all, [1, 2, 3]);
    let mut left = pages[0].iter();
    let by_hand = changes(stream::poll_fn(|_| Poll::Ready(left.next())));
    assert_eq!(by_hand.collect::<Vec<&i32>>().await, [&1, &2]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_next_loses_nothing() {
    for mut rows in Pages::default().three_ways() {
        let mut all = Vec::new();
        loop {
            match timeout(ms(4), rows.next()).await {
                Ok(Some(row)) => all.push(row.unwrap()),
                Ok(None) => break,
                Err(_) => {}
            }
        }
        assert_eq!(all, [0, 1, 2, 3, 4, 5]);
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_it_leaves_nothing_behind() {
    let pages = Pages::default();
    for way in 0..2 {
        let all = || pages.three_ways().into_iter().nth(way).unwrap().count();
        let points = at_every_await(all, |_, _| assert_eq!(pages.alive.count(), 0));
        assert_eq!(points.await, 5, "before the start, and in each fetch");
    }
    let mut points = 0;
    loop {
        let [_, _, ahead] = pages.three_ways();
        let end = after_polls(points, ahead.count()).await;
        yield_now().await;
        assert_eq!((pages.alive.count(), tasks()), (0, 0));
        if end.is_some() {
            break;
        }
        points += 1;
    }
    assert!(points >= 5, "{points}");
}

// On a task: how far it is ahead.

#[tokio::test(start_paused = true)]
async fn unread_it_is_ahead_by_its_capacity_and_the_item_it_sends() {
    for capacity in 1..=3 {
        let made = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&made);
        let capacity = NonZeroUsize::new(capacity).unwrap();
        let mut numbers = pin!(generate(capacity, |tx| async move {
            while tx.send(count.fetch_add(1, Ordering::SeqCst)).await.is_ok() {}
            Ok::<_, Infallible>(())
        }));
        assert!(numbers.next().now_or_never().is_none(), "it starts now");
        for read in 0..3 {
            sleep(HOUR).await;
            let ahead = made.load(Ordering::SeqCst) - read;
            assert_eq!(ahead, capacity.get() + 1);
            assert_eq!(numbers.next().await.unwrap().unwrap(), read);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_reserves_first_is_ahead_by_its_capacity_only() {
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let mut numbers = pin!(generate(TWO, |tx| async move {
        while let Ok(place) = tx.reserve().await {
            place.send(count.fetch_add(1, Ordering::SeqCst));
        }
        Ok::<_, Infallible>(())
    }));
    assert!(numbers.next().now_or_never().is_none());
    for read in 0..3 {
        sleep(HOUR).await;
        assert_eq!(made.load(Ordering::SeqCst) - read, 2);
        assert_eq!(numbers.next().await.unwrap().unwrap(), read);
    }
}

#[tokio::test(start_paused = true)]
async fn on_a_task_fetching_and_reading_overlap() {
    async fn read(rows: impl Stream) -> Duration {
        let start = Instant::now();
        let mut rows = pin!(rows);
        while rows.next().await.is_some() {
            sleep(ms(100)).await;
        }
        start.elapsed()
    }
    let fetch = async |page| {
        sleep(ms(100)).await;
        Ok::<_, Infallible>(if page < 5 { vec![page] } else { vec![] })
    };
    assert_eq!(read(rows(fetch)).await, ms(5 * 200 + 100));
    assert_eq!(read(rows_unfolded(fetch)).await, ms(5 * 200 + 100));
    let fetch = |page| async move {
        sleep(ms(100)).await;
        Ok::<_, Infallible>(if page < 5 { vec![page] } else { vec![] })
    };
    assert_eq!(read(rows_ahead(ONE, fetch)).await, ms(100 + 5 * 100));
}

#[tokio::test(start_paused = true)]
async fn unread_rows_ahead_has_fetched_the_pages_that_its_capacity_needs() {
    // Pages of two: `capacity` rows are there, and one more is being sent.
    for (capacity, asked) in [(1, 1), (2, 2), (3, 2), (4, 3), (100, 4)] {
        let (pages, most) = (Pages::default(), NonZeroUsize::new(capacity));
        let mut rows = pin!(rows_ahead(most.unwrap(), pages.fetch()));
        assert!(rows.next().now_or_never().is_none());
        sleep(HOUR).await;
        assert_eq!(pages.asked(), asked, "{capacity}");
    }
}

#[tokio::test]
async fn a_capacity_of_more_than_a_channel_can_have_panics_at_the_first_poll() {
    let most = NonZeroUsize::new(Semaphore::MAX_PERMITS).unwrap();
    let one = |tx: mpsc::Sender<u32>| async move {
        let _ = tx.send(1).await;
        Ok::<_, Infallible>(())
    };
    let all: Vec<_> = generate(most, one).try_collect().await.unwrap();
    assert_eq!(all, [1]);
    let mut more = pin!(generate(most.saturating_add(1), one));
    let end = AssertUnwindSafe(more.next()).catch_unwind().await.unwrap_err();
    let end = end.downcast::<String>().unwrap();
    assert!(end.contains("MAX_PERMITS"), "{end}");
}

// On a task: its end.

/// Sends 0 and 1, then does `then`. Alive as long as its task is.
fn two_and<Fut>(
    alive: &Alive,
    then: impl FnOnce() -> Fut + Send + 'static,
) -> BoxStream<'static, Result<u32, Stopped<NoPage>>>
where
    Fut: Future<Output = Result<(), NoPage>> + Send + 'static,
{
    let guard = alive.guard();
    let items = generate(TWO, move |tx| async move {
        let _guard = guard;
        for n in 0..2 {
            let _ = tx.send(n).await;
        }
        then().await
    });
    items.boxed()
}

#[tokio::test(start_paused = true)]
async fn a_panic_on_the_task_is_the_last_item() {
    let alive = Alive::default();
    let mut items = two_and(&alive, || async { panic!("as the test wants") });
    for n in 0..2 {
        assert_eq!(items.next().await.unwrap().unwrap(), n);
    }
    let Some(Err(Stopped::Died(error))) = items.next().await else {
        panic!("no error")
    };
    assert!(error.is_panic());
    assert!(items.next().await.is_none());
    assert!(items.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_panic_before_the_first_await_is_an_item_too() {
    #[expect(unreachable_code, reason = "the closure panics before it has a future")]
    let items = generate(ONE, |_: mpsc::Sender<()>| {
        panic!("as the test wants");
        async { Ok::<_, NoPage>(()) }
    });
    let items: Vec<_> = items.collect().await;
    assert!(matches!(&items[..], [Err(Stopped::Died(error))] if error.is_panic()));
}

#[tokio::test(start_paused = true)]
async fn without_a_task_a_panic_reaches_the_reader() {
    async fn panics(items: impl Stream) -> bool {
        let mut items = pin!(items);
        AssertUnwindSafe(items.next()).catch_unwind().await.is_err()
    }
    fn fetch(_: u32) -> std::future::Ready<Result<Vec<u32>, NoPage>> {
        panic!("as the test wants")
    }
    assert!(panics(rows(fetch)).await);
    assert!(panics(rows_unfolded(fetch)).await);
    let by_hand = changes(stream::poll_fn(|_| -> Poll<Option<u32>> {
        panic!("as the test wants")
    }));
    assert!(panics(by_hand).await);
}

#[tokio::test(start_paused = true)]
async fn an_error_keeps_its_source() {
    let failed = async { Err(NoPage(7)) };
    let mut items = pin!(two_and(&Alive::default(), || failed).skip(2));
    let error = items.next().await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the producer failed");
    assert_eq!(error.source().unwrap().to_string(), "no page 7");
}

#[test]
fn a_runtime_that_shuts_down_is_an_error_and_not_the_end() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let mut items = two_and(&Alive::default(), pending);
    assert_eq!(runtime.block_on(items.next()).unwrap().unwrap(), 0);
    drop(runtime);
    let rest: Vec<_> = futures::executor::block_on(items.collect());
    let [Ok(1), Err(cut)] = &rest[..] else { panic!("{rest:?}") };
    assert!(matches!(cut, Stopped::Died(error) if error.is_cancelled()));
    assert_eq!(cut.to_string(), "the producer did not come to its end");
    assert!(cut.source().unwrap().is::<JoinError>());
}

#[tokio::test(start_paused = true)]
async fn a_clone_of_the_sender_keeps_the_stream_open() {
    let (kept, clone) = oneshot::channel();
    let mut items = pin!(generate(ONE, |tx: mpsc::Sender<u32>| async move {
        kept.send(tx.clone()).unwrap();
        Ok::<_, NoPage>(())
    }));
    timeout(HOUR, items.next()).await.unwrap_err();
    assert_eq!(tasks(), 0);
    drop(clone.await.unwrap());
    assert!(items.next().await.is_none());
}

// On a task: dropped.

#[tokio::test(start_paused = true)]
async fn dropped_beside_a_quiet_source_the_task_is_gone_when_the_runtime_runs_it() {
    let alive = Alive::default();
    let mut items = two_and(&alive, pending);
    assert_eq!(items.next().await.unwrap().unwrap(), 0);
    assert_eq!((alive.count(), tasks()), (1, 1));
    drop(items);
    assert_eq!((alive.count(), tasks()), (1, 1), "an abort is a request");
    yield_now().await;
    assert_eq!((alive.count(), tasks()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn dropped_while_it_waits_to_send_the_task_is_gone_as_well() {
    let alive = Alive::default();
    let guard = alive.guard();
    let mut items = Box::pin(generate(ONE, |tx| async move {
        let _guard = guard;
        while tx.send(()).await.is_ok() {}
        Ok::<_, NoPage>(())
    }));
    assert!(items.next().await.is_some());
    yield_now().await;
    drop(items);
    yield_now().await;
    assert_eq!((alive.count(), tasks()), (0, 0));
}

#[test]
fn dropped_outside_its_runtime_the_task_waits_for_the_runtime_to_run() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let alive = Alive::default();
    let mut items = two_and(&alive, pending);
    assert_eq!(runtime.block_on(items.next()).unwrap().unwrap(), 0);
    drop(items);
    assert_eq!(alive.count(), 1);
    runtime.block_on(yield_now());
    assert_eq!(alive.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_another_thread_the_task_is_gone_soon_after() {
    let (guard, gone) = oneshot::channel::<()>();
    let mut items = two_and(&Alive::default(), || async move {
        let _guard = guard;
        pending().await
    });
    assert_eq!(items.next().await.unwrap().unwrap(), 0);
    drop(items);
    gone.await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn dropped_before_its_first_poll_it_has_no_task() {
    let alive = Alive::default();
    drop(two_and(&alive, pending));
    assert_eq!((alive.count(), tasks()), (0, 0));
}

// Without a task: what is held.

#[tokio::test(start_paused = true)]
async fn at_a_yield_all_locals_are_held_and_a_drop_frees_them_at_once() {
    let alive = Alive::default();
    let guard = alive.guard();
    let mut items = Box::pin(stream! {
        let _guard = guard;
        yield 0;
        yield 1;
    });
    for n in 0..2 {
        assert_eq!(items.next().await, Some(n));
        sleep(HOUR).await;
        assert_eq!(alive.count(), 1);
    }
    drop(items);
    assert_eq!(alive.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn between_two_items_an_unfold_holds_its_state_and_a_drop_frees_it_at_once() {
    let alive = Alive::default();
    let step = async |guard| Some(((), guard));
    let mut items = Box::pin(stream::unfold(alive.guard(), step));
    items.next().await;
    sleep(HOUR).await;
    assert_eq!(alive.count(), 1);
    drop(items);
    assert_eq!(alive.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lock_held_over_a_yield_is_held_while_the_reader_works() {
    async fn touch_each(table: Arc<Mutex<Vec<u32>>>, rows: impl Stream<Item = u32>) {
        let mut rows = pin!(rows);
        while let Some(row) = rows.next().await {
            table.lock().await.push(row);
        }
    }
    let shared = Arc::new(Mutex::new(vec![1, 2]));
    let rows = naive::table(Arc::clone(&shared));
    let touch = touch_each(Arc::clone(&shared), rows);
    timeout(HOUR, touch).await.unwrap_err();
    let rows = table(Arc::clone(&shared));
    touch_each(Arc::clone(&shared), rows).await;
    assert_eq!(*shared.lock().await, [1, 2, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_table_is_copied_when_its_first_row_is_asked_for() {
    let shared = Arc::new(Mutex::new(vec![1]));
    let rows = table(Arc::clone(&shared));
    let mut writing = shared.lock().await; // nobody has locked it yet
    writing.push(2);
    drop(writing);
    let mut rows = pin!(rows);
    assert_eq!(rows.next().await, Some(1));
    shared.lock().await.push(3);
    assert_eq!(rows.collect::<Vec<_>>().await, [2]);
}

#[tokio::test]
async fn neither_the_macro_nor_unfold_spends_budget() {
    async fn lets_others_run(items: impl Stream) -> bool {
        let other = tokio::spawn(async {});
        items.take(1000).for_each(async |_| {}).await;
        other.is_finished()
    }
    let endless = stream! { loop { yield 1; } };
    assert!(!lets_others_run(endless).await);
    assert!(!lets_others_run(stream::unfold((), async |()| Some((1, ())))).await);
    let on_a_task = generate(NonZeroUsize::MAX.min(TWO), |tx| async move {
        while tx.send(1).await.is_ok() {}
        Ok::<_, NoPage>(())
    });
    assert!(lets_others_run(on_a_task).await);
}

// Until nobody reads.

#[tokio::test(start_paused = true)]
async fn forward_passes_everything_on_and_ends_with_its_source() {
    let (tx, rx) = mpsc::channel(1);
    let forwarding = tokio::spawn(forward(stream::iter(0..5), tx));
    assert_eq!(ReceiverStream::new(rx).collect::<Vec<_>>().await, [0, 1, 2, 3, 4]);
    forwarding.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn when_nobody_reads_forward_returns_though_its_source_is_quiet() {
    let (tx, rx) = mpsc::channel::<u32>(1);
    let mut forwarding = tokio_test::task::spawn(forward(stream::pending(), tx));
    tokio_test::assert_pending!(forwarding.poll());
    drop(rx);
    assert!(forwarding.is_woken());
    tokio_test::assert_ready!(forwarding.poll());
}

#[tokio::test(start_paused = true)]
async fn when_nobody_reads_forward_returns_though_it_waits_to_send() {
    let (tx, rx) = mpsc::channel(1);
    let endless = stream::repeat(1);
    let mut forwarding = tokio_test::task::spawn(forward(endless, tx));
    tokio_test::assert_pending!(forwarding.poll());
    drop(rx);
    assert!(forwarding.is_woken());
    tokio_test::assert_ready!(forwarding.poll());
}

#[tokio::test(start_paused = true)]
async fn when_nobody_reads_forward_takes_no_further_item() {
    for _ in 0..100 {
        let (tx, rx) = mpsc::channel(1);
        let mut taken = 0;
        let source = stream::repeat(()).inspect(|()| taken += 1);
        let mut forwarding = tokio_test::task::spawn(forward(source, tx));
        tokio_test::assert_pending!(forwarding.poll());
        drop(rx);
        tokio_test::assert_ready!(forwarding.poll());
        drop(forwarding);
        assert_eq!(taken, 2, "one in the channel, and one on its way");
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_forward_is_done_when_the_reader_is_gone() {
    let (tx, rx) = mpsc::channel::<u32>(1);
    let flushed = tokio::spawn(async {
        forward(stream::pending(), tx).await;
        sleep(ms(10)).await;
        "flushed"
    });
    yield_now().await;
    drop(rx);
    assert_eq!(flushed.await.unwrap(), "flushed");
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_forward_drops_its_source() {
    let alive = Alive::default();
    let run = || {
        let (tx, rx) = mpsc::channel(1);
        let guard = alive.guard();
        let source = rows(Pages::default().fetch()).map(move |row| (row, &guard).0);
        let read = ReceiverStream::new(rx).then(async |_| sleep(ms(25)).await);
        futures::future::join(forward(source, tx), read.count())
    };
    let points = at_every_await(run, |_, end| {
        assert_eq!(alive.count(), 0);
        assert!(end.is_none_or(|((), rows)| rows == 6));
    });
    assert!(points.await >= 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_it_can_be_spawned() {
    let fetch = |page| async move {
        Ok::<_, NoPage>(if page < 3 { vec![page] } else { vec![] })
    };
    let all = tokio::spawn(async move {
        let a: Vec<_> = rows(fetch).try_collect().await.unwrap();
        let b: Vec<_> = rows_unfolded(fetch).try_collect().await.unwrap();
        let c: Vec<_> = rows_ahead(ONE, fetch).try_collect().await.unwrap();
        let d: Vec<_> = table(Arc::new(Mutex::new(vec![0, 1, 2]))).collect().await;
        (a, b, c, d)
    });
    let rows = vec![0, 1, 2];
    assert_eq!(all.await.unwrap(), (rows.clone(), rows.clone(), rows.clone(), rows));
}

// The naive task.

#[tokio::test(start_paused = true)]
async fn the_naive_task_starts_before_anybody_polls() {
    let alive = Alive::default();
    let guard = alive.guard();
    let items = naive::generate(ONE, |_: mpsc::Sender<u32>| async move {
        let _guard = guard;
        pending::<()>().await;
    });
    sleep(HOUR).await;
    assert_eq!((alive.count(), tasks()), (1, 1));
    drop(items);
}

#[tokio::test(start_paused = true)]
async fn the_naive_task_is_alive_60_seconds_after_its_stream() {
    let alive = Alive::default();
    let guard = alive.guard();
    let mut items = Box::pin(naive::generate(ONE, |tx| async move {
        let _guard = guard;
        let _ = tx.send(0).await;
        pending::<()>().await;
    }));
    assert_eq!(items.next().await, Some(0));
    drop(items);
    sleep(Duration::from_mins(1)).await;
    assert_eq!((alive.count(), tasks()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_naive_task_at_item_2_looks_like_the_end() {
    let items = naive::generate(ONE, |tx| async move {
        for n in 0..5 {
            assert_ne!(n, 2, "as the test wants");
            let _ = tx.send(n).await;
        }
    });
    assert_eq!(items.collect::<Vec<_>>().await, [0, 1]);
}

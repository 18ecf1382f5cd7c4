use super::*;
use backend::cancel::at_every_await;
use backend::{Alive, Load, Reply, Site, SiteError};
use futures::FutureExt;
use futures::stream::FusedStream;
use std::future::{Ready, ready};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::{Instant, interval, sleep, timeout};
use tokio_stream::wrappers::IntervalStream;

const ONE: NonZeroUsize = NonZeroUsize::MIN;
const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// 1, 2 and so on up to `last`, each 10 ms after it was asked for.
fn count_to(last: u64) -> impl Stream<Item = u64> + Send {
    stream::iter(1..=last).then(|n| sleep(ms(10)).map(move |()| n))
}

/// Three pages, 10 ms each: a and b, c, d.
fn list() -> Site {
    [("1", "a b 2"), ("2", "c 3"), ("3", "d")]
        .into_iter()
        .fold(Site::default(), |site, (path, body)| {
            site.with_reply(path, Reply::page(ms(10), body))
        })
}

type OnePage = Result<Page<String, String>, SiteError>;

/// Fetches from a clone of `site`; a number at the end of a page is the next one.
fn from_site(
    site: &Site,
) -> impl FnMut(String) -> futures::future::BoxFuture<'static, OnePage> + use<> {
    let site = site.clone();
    move |path| {
        let page = site.fetch(&path);
        async move {
            let (next, items) = page
                .await?
                .body
                .split(' ')
                .map(String::from)
                .partition::<Vec<_>, _>(|word| word.parse::<u32>().is_ok());
            Ok(Page { items, next: next.into_iter().next() })
        }
        .boxed()
    }
}

/// Tells whether a panic dropped it.
struct Unwound(Arc<AtomicBool>);

impl Drop for Unwound {
    fn drop(&mut self) {
        self.0.store(thread::panicking(), Ordering::SeqCst);
    }
}

// What a stream is.

#[tokio::test]
async fn a_stream_that_waits_lets_the_other_tasks_run() {
    let (go, gone) = std::sync::mpsc::channel();
    let (sender, receiver) = mpsc::channel(1);
    let producer = thread::spawn(move || {
        gone.recv().unwrap();
        sender.blocking_send(1).unwrap();
    });
    // With an iterator in its place, this task would never have its turn.
    tokio::spawn(async move { go.send(()).unwrap() });
    let items: Vec<_> = ReceiverStream::new(receiver).collect().await;
    assert_eq!(items, [1]);
    producer.join().unwrap();
}

#[tokio::test]
async fn an_iterator_that_waits_keeps_the_thread() {
    let other_ran = Arc::new(AtomicBool::new(false));
    let ran = Arc::clone(&other_ran);
    let other = tokio::spawn(async move { ran.store(true, Ordering::SeqCst) });
    let (sender, receiver) = std::sync::mpsc::channel();
    let sender = thread::spawn(move || (1..=3).for_each(|n| sender.send(n).unwrap()));
    assert_eq!(receiver.iter().collect::<Vec<_>>(), [1, 2, 3]);
    sender.join().unwrap();
    assert!(!other_ran.load(Ordering::SeqCst));
    other.await.unwrap();
}

#[tokio::test]
async fn a_stream_that_is_always_ready_keeps_it_as_well() {
    let other_ran = Arc::new(AtomicBool::new(false));
    let ran = Arc::clone(&other_ran);
    let other = tokio::spawn(async move { ran.store(true, Ordering::SeqCst) });
    assert_eq!(stream::iter(0..100_000).count().await, 100_000);
    assert!(!other_ran.load(Ordering::SeqCst));
    other.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nothing_happens_before_the_first_poll() {
    drop(pages(1, |_| -> Ready<Result<Page<u8, u8>, ()>> { panic!("called") }));
    drop(now_and_then(async { panic!("polled") }, stream::empty::<()>()));
    let mut begun = false;
    drop(stream::once(async { begun = true }));
    assert!(!begun);
}

#[tokio::test]
async fn the_future_of_next_is_a_reference_so_its_drop_loses_nothing() {
    let mut polls = 0;
    // Waits at each odd poll, and has three items.
    let mut slow = stream::poll_fn(|cx| {
        polls += 1;
        if polls % 2 == 0 {
            return Poll::Ready((polls < 8).then_some(polls / 2));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    });
    let (mut dropped, mut seen) = (0, Vec::new());
    loop {
        let next = slow.next();
        assert_eq!(size_of_val(&next), size_of::<usize>());
        match next.now_or_never() {
            None => dropped += 1,
            Some(Some(item)) => seen.push(item),
            Some(None) => break,
        }
    }
    let other = tokio_stream::StreamExt::next(&mut slow);
    assert_eq!(size_of_val(&other), size_of::<usize>());
    assert_eq!((dropped, seen), (4, vec![1, 2, 3]));
    assert_eq!(polls, 8, "each poll was a poll of the stream");
}

#[tokio::test]
async fn try_next_gives_the_first_error_to_the_caller_and_keeps_the_rest() {
    async fn sum<S>(numbers: &mut S) -> Result<u32, &'static str>
    where
        S: Stream<Item = Result<u32, &'static str>> + Unpin,
    {
        let mut sum = 0;
        while let Some(n) = tokio_stream::StreamExt::try_next(numbers).await? {
            sum += n;
        }
        Ok(sum)
    }
    let mut numbers = stream::iter([Ok(1), Err("no number"), Ok(3), Ok(4)]);
    assert_eq!(sum(&mut numbers).await, Err("no number"));
    assert_eq!(sum(&mut numbers).await, Ok(7));
}

#[tokio::test]
async fn a_stream_owns_its_source_unless_the_source_was_lent() {
    let alive = Alive::default();
    let source = || {
        let guard = alive.guard();
        stream::iter(1..=9).inspect(move |_| _ = &guard)
    };
    let mut owned = source().map(|n| n * 10).take(2);
    assert_eq!(owned.next().await, Some(10));
    drop(owned);
    assert_eq!(alive.count(), 0, "the source is gone, and 2 to 9 with it");
    let mut lent = source();
    for expected in [Some(10), Some(20)] {
        let mut part = lent.by_ref().map(|n| n * 10).take(2);
        assert_eq!(part.next().await, expected);
    }
    assert_eq!((alive.count(), lent.next().await), (1, Some(3)));
    // It may be shorter than `take` allows.
    assert_eq!(stream::iter([1]).take(2).collect::<Vec<_>>().await, [1]);
}

// One request each.

#[tokio::test(start_paused = true)]
async fn each_page_is_one_request_made_when_it_is_asked_for() {
    let (site, start) = (list(), Instant::now());
    let mut list = pin!(pages("1".into(), from_site(&site)));
    let mut seen = Vec::new();
    while let Some(page) = list.next().await {
        seen.push((start.elapsed(), site.load().calls, page.unwrap().concat()));
        sleep(ms(100)).await;
    }
    let expected = [(10, 1, "ab"), (120, 2, "c"), (230, 3, "d")];
    assert_eq!(seen, expected.map(|(at, calls, s)| (ms(at), calls, s.to_owned())));
    assert_eq!(start.elapsed(), ms(330), "the end costs no request");
}

#[tokio::test]
async fn an_empty_page_is_not_the_end_and_each_call_has_the_place_it_was_told() {
    let mut called = Vec::new();
    let fetch = |page: u32| {
        called.push(page);
        let items = if page == 20 { vec![] } else { vec![page] };
        let next = (page < 40).then_some(page + 10);
        ready(Ok::<_, ()>(Page { items, next }))
    };
    let all: Vec<_> = pages(10, fetch).map(Result::unwrap).collect().await;
    assert_eq!(all, [vec![10], vec![], vec![30], vec![40]]);
    assert_eq!(called, [10, 20, 30, 40]);
}

#[tokio::test(start_paused = true)]
async fn an_error_is_the_last_item() {
    let site = Site::default().with_reply("1", Reply::page(ms(10), "a 404"));
    let mut list = pin!(pages("1".into(), from_site(&site)));
    assert_eq!(list.next().await, Some(Ok(vec!["a".into()])));
    let missing = SiteError::NotFound { path: "404".into() };
    assert_eq!(list.next().await, Some(Err(missing)));
    for _ in 0..2 {
        assert_eq!(list.next().await, None);
    }
    assert_eq!(site.load().calls, 2);
}

#[tokio::test(start_paused = true)]
async fn the_last_page_is_the_end_and_the_end_stays() {
    let site = list();
    let mut list = pin!(pages("3".into(), from_site(&site)));
    assert_eq!(list.next().await, Some(Ok(vec!["d".into()])));
    for _ in 0..2 {
        assert_eq!(list.next().await, None);
    }
    assert_eq!(site.load().calls, 1);
}

#[tokio::test(start_paused = true)]
async fn dropped_early_it_fetches_no_other_page() {
    let site = list();
    let first: Vec<_> = pages("1".into(), from_site(&site)).take(1).collect().await;
    assert_eq!((first.len(), site.load().calls), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_next_keeps_its_request() {
    let (site, start) = (list(), Instant::now());
    let mut list = pin!(pages("1".into(), from_site(&site)));
    for _ in 0..3 {
        timeout(ms(3), list.next()).await.unwrap_err();
    }
    assert!(list.next().await.unwrap().is_ok());
    assert_eq!(start.elapsed(), ms(10));
    assert_eq!(site.load(), Load { calls: 1, peak: 1, answered: 1, ..Load::default() });
}

#[tokio::test(start_paused = true)]
async fn dropping_the_stream_drops_its_request() {
    let site = list();
    let all = || pages("1".into(), from_site(&site)).count();
    let mut ended = 0;
    let points = at_every_await(all, |_, count| {
        assert_eq!(site.load().in_flight, 0);
        ended += count.unwrap_or(0);
    });
    assert_eq!((points.await, ended), (4, 3), "before the first poll, and at 3 pages");
    assert_eq!(site.load().dropped, 3);
}

// Small sources.

#[tokio::test(start_paused = true)]
async fn each_source_yields_its_items_and_ends() {
    assert_eq!(stream::iter([1, 2, 3]).collect::<Vec<_>>().await, [1, 2, 3]);
    assert_eq!(tokio_stream::iter([1, 2, 3]).collect::<Vec<_>>().await, [1, 2, 3]);
    assert_eq!(stream::once(ready(1)).collect::<Vec<_>>().await, [1]);
    assert_eq!(tokio_stream::once(1).collect::<Vec<_>>().await, [1]);
    let upto = |n| async move { (n < 3).then_some((n, n + 1)) };
    assert_eq!(stream::unfold(0, upto).collect::<Vec<_>>().await, [0, 1, 2]);
    for way in 0..3 {
        let (sender, receiver) = mpsc::channel(3);
        let mut items = match way {
            0 => received(receiver).boxed(),
            1 => commands(Some(receiver)).boxed(),
            _ => ReceiverStream::new(receiver).boxed(),
        };
        assert_eq!(items.next().now_or_never(), None, "it waits");
        (1..=3).for_each(|n| sender.try_send(n).unwrap());
        assert_eq!(items.next().await, Some(1));
        sender.try_send(4).unwrap();
        drop(sender);
        let rest = items.collect::<Vec<_>>().await;
        assert_eq!(rest, [2, 3, 4], "what was sent comes before the end");
    }
}

#[tokio::test(start_paused = true)]
async fn an_interval_ticks_at_once_and_then_each_period() {
    let start = Instant::now();
    let ticks = IntervalStream::new(interval(ms(100))).take(5);
    let at: Vec<_> = ticks.map(|tick| (tick - start, start.elapsed())).collect().await;
    assert_eq!(at, [0, 100, 200, 300, 400].map(|at| (ms(at), ms(at))));
}

#[tokio::test(start_paused = true)]
async fn the_value_now_comes_before_the_changes() {
    let now = sleep(ms(20)).map(|()| 0);
    let items: Vec<_> = now_and_then(now, stream::iter([1, 2])).collect().await;
    assert_eq!(items, [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn without_a_receiver_there_are_no_commands_and_no_end() {
    timeout(HOUR, commands::<()>(None).next()).await.unwrap_err();
    let (sender, receiver) = mpsc::channel(1);
    sender.try_send("stop").unwrap();
    drop(sender);
    assert_eq!(commands(Some(receiver)).collect::<Vec<_>>().await, ["stop"]);
}

#[tokio::test]
async fn after_its_end_each_source_behaves_in_its_own_way() {
    // Asks the iterator again: this one goes on.
    let mut turn = 0;
    let mut list = stream::iter(std::iter::from_fn(|| {
        turn += 1;
        (turn != 2).then_some(turn)
    }));
    assert_eq!(
        [list.next().await, list.next().await, list.next().await],
        [Some(1), None, Some(3)]
    );
    let mut once = stream::once(ready(1));
    assert_eq!(
        [once.next().await, once.next().await, once.next().await],
        [Some(1), None, None]
    );
    // Calls the closure again: this one goes on.
    let mut turn = 0;
    let mut polled = stream::poll_fn(|_| {
        turn += 1;
        Poll::Ready((turn != 2).then_some(turn))
    });
    assert_eq!(
        [polled.next().await, polled.next().await, polled.next().await],
        [Some(1), None, Some(3)]
    );
    let (sender, receiver) = mpsc::channel::<()>(1);
    let weak = sender.downgrade();
    drop(sender);
    let mut channel = ReceiverStream::new(receiver);
    assert_eq!([channel.next().await, channel.next().await], [None, None]);
    assert!(weak.upgrade().is_none(), "nor can it be opened again");
}

#[tokio::test]
async fn an_unfold_asked_after_its_end_panics() {
    let mut ended = pin!(stream::unfold((), |()| async { None::<((), ())> }));
    assert_eq!(ended.next().await, None);
    assert!(ended.is_terminated(), "it says so, and panics all the same");
    let panic = AssertUnwindSafe(ended.next()).catch_unwind().await.unwrap_err();
    let message = *panic.downcast_ref::<&str>().unwrap();
    assert_eq!(
        message,
        "Unfold must not be polled after it returned `Poll::Ready(None)`"
    );
}

#[tokio::test]
async fn a_fused_unfold_stays_at_its_end() {
    let mut ended = pin!(stream::unfold((), |()| async { None::<((), ())> }).fuse());
    for _ in 0..3 {
        assert_eq!(ended.next().await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn select_of_futures_does_not_poll_an_unfold_that_has_ended() {
    let one = stream::unfold(1, |n| async move { (n < 2).then_some((n, n + 1)) });
    let (mut left, mut right) = (pin!(one), pin!(count_to(2).fuse()));
    let mut items = Vec::new();
    loop {
        futures::select! {
            item = left.next() => items.extend(item),
            item = right.next() => items.extend(item),
            complete => break,
        }
    }
    assert_eq!(items, [1, 1, 2], "it was asked twice, and not after its end");
}

#[tokio::test]
async fn a_pending_stream_of_futures_counts_as_terminated() {
    assert!(stream::pending::<()>().is_terminated());
    let mut quiet = stream::pending::<()>();
    let ended = futures::select! {
        () = quiet.select_next_some() => false,
        complete => true,
    };
    assert!(ended, "so `futures::select!` takes it for ended");
}

#[test]
fn the_step_of_an_unfold_lies_in_the_stream_and_items_of_a_channel_do_not() {
    let step = |()| async {
        let buffer = [0_u8; 4096];
        yield_now().await;
        Some((buffer[0], ()))
    };
    assert!(size_of_val(&stream::unfold((), step)) > 4096);
    let (_, receiver) = mpsc::channel::<[u8; 4096]>(8);
    assert_eq!(size_of_val(&ReceiverStream::new(receiver)), size_of::<usize>());
}

#[tokio::test(start_paused = true)]
async fn these_need_no_pin() {
    fn needs_no_pin(_: &impl Unpin) {}
    needs_no_pin(&stream::iter([1]));
    needs_no_pin(&stream::once(ready(1)));
    needs_no_pin(&stream::pending::<()>());
    needs_no_pin(&received(mpsc::channel::<()>(1).1));
    needs_no_pin(&ReceiverStream::new(mpsc::channel::<()>(1).1));
    needs_no_pin(&IntervalStream::new(interval(ms(1))));
}

// From a task.

#[tokio::test]
async fn nobody_listens_is_a_normal_stop() {
    let (sender, receiver) = mpsc::channel(8);
    let feed_1000 = tokio::spawn(feed(stream::iter(0..1_000), sender));
    assert_eq!(ReceiverStream::new(receiver).take(3).count().await, 3);
    assert_eq!(feed_1000.await.unwrap(), Stopped::NobodyListens);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_several_threads_too_a_producer_stops_without_a_panic() {
    for _ in 0..50 {
        let (sender, receiver) = mpsc::channel(8);
        let endless = tokio::spawn(feed(stream::repeat(()), sender));
        drop(ReceiverStream::new(receiver));
        assert_eq!(endless.await.unwrap(), Stopped::NobodyListens);
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_source_is_left_as_soon_as_nobody_listens() {
    let (sender, receiver) = mpsc::channel::<()>(8);
    let quiet = tokio::spawn(feed(stream::pending(), sender));
    yield_now().await;
    assert!(!quiet.is_finished());
    let start = Instant::now();
    drop(receiver);
    let stopped = timeout(HOUR, quiet).await.unwrap().unwrap();
    assert_eq!((stopped, start.elapsed()), (Stopped::NobodyListens, Duration::ZERO));
}

#[tokio::test]
async fn a_source_that_ends_says_so_and_ends_the_stream() {
    let (sender, receiver) = mpsc::channel(8);
    assert_eq!(feed(stream::iter([1, 2]), sender).await, Stopped::AtTheEnd);
    assert_eq!(ReceiverStream::new(receiver).collect::<Vec<_>>().await, [1, 2]);
}

#[tokio::test]
async fn what_was_not_sent_is_still_in_the_source() {
    let mut source = stream::iter(0..10);
    let (sender, mut receiver) = mpsc::channel(3);
    assert_eq!(feed(&mut source, sender).now_or_never(), None);
    receiver.close();
    assert_eq!(ReceiverStream::new(receiver).collect::<Vec<_>>().await, [0, 1, 2]);
    assert_eq!(source.collect::<Vec<_>>().await, [3, 4, 5, 6, 7, 8, 9]);
}

#[tokio::test]
async fn the_reader_takes_with_it_what_is_in_the_channel_and_no_more() {
    let alive = Alive::default();
    let (sender, receiver) = mpsc::channel(8);
    let mut source = stream::iter((0..1_000).map(|row| (row, alive.guard())));
    let reader = ReceiverStream::new(receiver).take(3).collect::<Vec<_>>();
    let (stopped, rows) = tokio::join!(feed(&mut source, sender), reader);
    assert_eq!(stopped, Stopped::NobodyListens);
    assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(alive.count(), 3, "3 to 7 were in the channel, and are gone");
    assert_eq!(source.next().await.unwrap().0, 8);
}

#[tokio::test]
async fn a_producer_on_a_task_drops_its_source_when_it_stops() {
    let alive = Alive::default();
    let guard = alive.guard();
    let source = stream::iter(0..1_000).inspect(move |_| _ = &guard);
    let (sender, receiver) = mpsc::channel(8);
    let producer = tokio::spawn(feed(source, sender));
    assert_eq!(ReceiverStream::new(receiver).take(3).count().await, 3);
    assert_eq!(producer.await.unwrap(), Stopped::NobodyListens);
    assert_eq!(alive.count(), 0);
}

#[tokio::test]
async fn it_looks_whether_anybody_listens_before_it_asks_its_source() {
    for _ in 0..100 {
        let (items, mut source) = mpsc::unbounded_channel();
        let (sender, receiver) = mpsc::channel(1);
        let asked = stream::poll_fn(|cx| source.poll_recv(cx));
        let mut feeding = tokio_test::task::spawn(feed(asked, sender));
        assert!(feeding.poll().is_pending(), "it has a place, and no item");
        items.send("the last").unwrap();
        drop(receiver);
        assert_eq!(feeding.poll(), Poll::Ready(Stopped::NobodyListens));
        drop(feeding);
        assert_eq!(source.try_recv(), Ok("the last"), "nobody has taken it");
    }
    // Nor is the source asked when nobody has ever listened.
    let (sender, _) = mpsc::channel(1);
    let asked = stream::poll_fn(|_| -> Poll<Option<()>> { panic!("asked") });
    assert_eq!(feed(asked, sender).await, Stopped::NobodyListens);
}

#[tokio::test]
async fn a_dropped_receiver_drops_what_is_in_the_channel() {
    let alive = Alive::default();
    let (sender, receiver) = mpsc::channel(3);
    (0..3).for_each(|_| sender.try_send(alive.guard()).unwrap());
    let stream = ReceiverStream::new(receiver);
    assert_eq!(alive.count(), 3);
    drop(stream);
    assert_eq!(alive.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn after_close_a_send_fails_and_the_stream_ends_though_a_sender_is_left() {
    let (sender, mut receiver) = mpsc::channel(8);
    sender.send(1).await.unwrap();
    receiver.close();
    timeout(HOUR, sender.send(2)).await.unwrap().unwrap_err();
    let rest = ReceiverStream::new(receiver).collect::<Vec<_>>();
    assert_eq!(timeout(HOUR, rest).await.unwrap(), [1]);
    drop(sender);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_only_stops_reading_makes_a_send_wait() {
    let (sender, receiver) = mpsc::channel(8);
    for row in 0..8 {
        timeout(HOUR, sender.send(row)).await.unwrap().unwrap();
    }
    timeout(HOUR, sender.send(8)).await.unwrap_err();
    drop(receiver);
    timeout(HOUR, sender.send(8)).await.unwrap().unwrap_err();
}

#[tokio::test]
async fn an_unbounded_channel_takes_all_that_is_sent() {
    let (sender, receiver) = mpsc::unbounded_channel();
    (0..100_000).for_each(|n| sender.send(n).unwrap());
    assert_eq!(receiver.len(), 100_000);
}

#[tokio::test(start_paused = true)]
async fn a_weak_sender_does_not_keep_the_stream_open() {
    let (sender, receiver) = mpsc::channel(1);
    let weak = sender.downgrade();
    weak.upgrade().unwrap().send(1).await.unwrap();
    drop(sender);
    let items = ReceiverStream::new(receiver).collect::<Vec<_>>();
    assert_eq!(timeout(HOUR, items).await.unwrap(), [1]);
    assert!(weak.upgrade().is_none());
}

#[test]
#[should_panic(expected = "mpsc bounded channel requires buffer > 0")]
fn a_channel_without_a_place_panics() {
    drop(mpsc::channel::<()>(0));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_a_producer_loses_no_item() {
    let mut polls = 0;
    loop {
        let mut source = Box::pin(count_to(5));
        let (sender, receiver) = mpsc::channel(8);
        let end = backend::cancel::after_polls(polls, feed(&mut source, sender));
        let ended = end.await.is_some();
        let mut items: Vec<_> = ReceiverStream::new(receiver).collect().await;
        if !ended {
            items.extend(source.collect::<Vec<_>>().await);
        }
        assert_eq!(items, [1, 2, 3, 4, 5], "{polls} polls");
        if ended {
            break;
        }
        polls += 1;
    }
    assert_eq!(polls, 6, "one for each item, and the first");
}

#[tokio::test(start_paused = true)]
async fn a_task_draws_while_the_reader_is_busy() {
    async fn read(items: impl Stream<Item = u64>) -> (Vec<u64>, Duration) {
        let start = Instant::now();
        let items = items.then(|n| sleep(ms(10)).map(move |()| n));
        (items.collect().await, start.elapsed())
    }
    assert_eq!(read(count_to(4)).await, (vec![1, 2, 3, 4], ms(80)));
    assert_eq!(read(prefetch(count_to(4), ONE)).await, (vec![1, 2, 3, 4], ms(50)));
}

#[tokio::test(start_paused = true)]
async fn it_draws_no_more_than_it_was_told_to() {
    for ahead in [1, 2, 7] {
        let drawn = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&drawn);
        let source = stream::iter(0..100).inspect(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let places = NonZeroUsize::new(ahead).unwrap();
        let mut items = pin!(prefetch(source, places));
        assert_eq!(drawn.load(Ordering::SeqCst), 0);
        sleep(ms(1)).await;
        assert_eq!(drawn.load(Ordering::SeqCst), ahead, "nobody has asked yet");
        assert_eq!(items.next().await, Some(0));
        sleep(ms(1)).await;
        assert_eq!(drawn.load(Ordering::SeqCst), ahead + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_stream_leaves_no_task() {
    let alive = Alive::default();
    for asked in 0..3 {
        let guard = alive.guard();
        let source = count_to(9).inspect(move |_| _ = &guard).chain(stream::pending());
        let mut items = Box::pin(prefetch(source, ONE));
        for _ in 0..asked {
            items.next().await;
        }
        assert_eq!(alive.count(), 1);
        drop(items);
        yield_now().await;
        assert_eq!(alive.count(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_for_a_task_loses_nothing() {
    let mut items = pin!(prefetch(count_to(3), ONE));
    let mut seen = Vec::new();
    loop {
        match timeout(ms(3), items.next()).await {
            Ok(Some(item)) => seen.push(item),
            Ok(None) => break,
            Err(_) => {}
        }
    }
    assert_eq!(seen, [1, 2, 3]);
    assert_eq!(items.next().await, None, "and the end stays");
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_source_goes_on_in_the_reader() {
    let source = count_to(3).inspect(|n| assert_ne!(*n, 3, "as the test wants"));
    let mut items = pin!(prefetch(source, TWO));
    assert_eq!(items.next().await, Some(1));
    assert_eq!(items.next().await, Some(2));
    AssertUnwindSafe(items.next()).catch_unwind().await.unwrap_err();
}

/// Two items that are there, and then a source that falls silent.
fn two_and_silence() -> impl Stream<Item = u64> + Send + 'static {
    stream::iter([1, 2]).chain(stream::pending())
}

fn message<T>(of: thread::Result<T>) -> Option<String> {
    of.err()?.downcast::<String>().ok().map(|message| *message)
}

#[test]
fn a_runtime_that_shuts_down_is_not_taken_for_the_end() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let (ahead, gathering) = runtime.block_on(async {
        let ahead = prefetch(two_and_silence(), TWO);
        let mut gathering = Box::pin(gather(vec![two_and_silence()]));
        assert_eq!(gathering.as_mut().now_or_never(), None);
        yield_now().await; // both tasks run
        (ahead, gathering)
    });
    drop(runtime);
    let mut seen = Vec::new();
    let read = ahead.for_each(|item| {
        seen.push(item);
        ready(())
    });
    let read = AssertUnwindSafe(read).catch_unwind();
    let end = message(futures::executor::block_on(read)).unwrap();
    assert!(end.starts_with("the source was cut off: "), "{end}");
    assert_eq!(seen, [1, 2], "what it had drawn comes before");
    let gathering = AssertUnwindSafe(gathering).catch_unwind();
    assert!(message(futures::executor::block_on(gathering)).is_some());
}

#[tokio::test]
async fn more_places_than_a_channel_can_have_panic_in_the_call() {
    let most = NonZeroUsize::new(Semaphore::MAX_PERMITS).unwrap();
    let all = prefetch(stream::iter([1]), most).collect::<Vec<_>>();
    assert_eq!(all.await, [1]);
    let more = most.saturating_add(1);
    let call = || drop(prefetch(stream::iter([1]), more));
    let end = message(std::panic::catch_unwind(call)).unwrap();
    assert!(end.contains("MAX_PERMITS"), "{end}");
}

#[tokio::test(start_paused = true)]
async fn gathered_it_ends_when_the_last_source_has() {
    let start = Instant::now();
    let sources = [1, 2].map(|factor| count_to(2 * factor).map(move |n| n * factor));
    let mut items = timeout(HOUR, gather(sources.into())).await.unwrap();
    items.sort_unstable();
    assert_eq!((items, start.elapsed()), (vec![1, 2, 2, 4, 6, 8], ms(40)));
}

#[tokio::test(start_paused = true)]
async fn a_quiet_producer_keeps_a_place_in_the_channel() {
    for (places, expected) in [(1, 0), (2, 3)] {
        let (sender, mut receiver) = mpsc::channel(places);
        let quiet = tokio::spawn(feed(stream::pending(), sender.clone()));
        yield_now().await;
        let busy = tokio::spawn(feed(stream::iter(0..3), sender));
        let mut came = 0;
        while let Ok(Some(_)) = timeout(HOUR, receiver.recv()).await {
            came += 1;
        }
        assert_eq!(came, expected, "of 3, with {places} places for two producers");
        drop(receiver);
        let stopped = timeout(HOUR, quiet).await.unwrap().unwrap();
        assert_eq!(stopped, Stopped::NobodyListens);
        busy.await.unwrap();
    }
    let mut both = naive::quiet_and_busy(stream::pending(), stream::iter(0..3));
    timeout(HOUR, both.next()).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn no_source_at_all_gathers_nothing() {
    let gathering = gather(Vec::<stream::Empty<()>>::new());
    assert_eq!(timeout(HOUR, gathering).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_source_holds_up_no_other() {
    let quiet = stream::pending::<u64>().boxed();
    let (tell, told) = tokio::sync::oneshot::channel();
    let mut tell = Some(tell);
    let busy = count_to(3).inspect(move |n| {
        if *n == 3 {
            tell.take().unwrap().send(()).unwrap();
        }
    });
    let gathering = tokio::spawn(gather(vec![quiet, busy.boxed()]));
    timeout(HOUR, told).await.unwrap().unwrap();
    gathering.abort();
}

#[tokio::test(start_paused = true)]
async fn a_dropped_gathering_leaves_no_task() {
    let alive = Alive::default();
    let gathering = || {
        let guards = [alive.guard(), alive.guard()];
        let watch = |guard| count_to(2).inspect(move |_| _ = &guard);
        gather(guards.map(watch).into())
    };
    let mut polls = 0;
    loop {
        let end = backend::cancel::after_polls(polls, gathering());
        let end = timeout(HOUR, end).await.unwrap();
        yield_now().await;
        assert_eq!(alive.count(), 0, "{polls} polls");
        if end.is_some() {
            break;
        }
        polls += 1;
    }
    assert!(polls >= 3, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_one_gathered_source_is_not_lost() {
    let sources =
        [2, 3].map(|last| count_to(last).inspect(|n| assert_ne!(*n, 3, "wanted")));
    let gathering = timeout(HOUR, gather(sources.into()));
    AssertUnwindSafe(gathering).catch_unwind().await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_one_gathered_source_is_told_when_the_others_have_ended() {
    let panics = || count_to(1).inspect(|_| panic!("wanted")).boxed();
    let start = Instant::now();
    let gathering = gather(vec![panics(), count_to(5).boxed()]);
    AssertUnwindSafe(gathering).catch_unwind().await.unwrap_err();
    assert_eq!(start.elapsed(), ms(50), "and not at 10 ms");
    let gathering = gather(vec![panics(), stream::pending().boxed()]);
    timeout(HOUR, gathering).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn all_of_it_can_be_spawned() {
    let list = pages("1".into(), from_site(&list())).count();
    assert_eq!(tokio::spawn(list).await.unwrap(), 3);
    let items = tokio::spawn(now_and_then(ready(1), commands(None)).take(1).count());
    assert_eq!(timeout(HOUR, items).await.unwrap().unwrap(), 1);
    let (sender, receiver) = mpsc::channel(8);
    tokio::spawn(feed(count_to(2), sender)).await.unwrap();
    assert_eq!(tokio::spawn(received(receiver).count()).await.unwrap(), 2);
    let ahead = prefetch(count_to(2), ONE).count();
    assert_eq!(tokio::spawn(ahead).await.unwrap(), 2);
    let gathered = gather(vec![count_to(2)]);
    let gathered = timeout(HOUR, tokio::spawn(gathered)).await.unwrap();
    assert_eq!(gathered.unwrap(), [1, 2]);
    let ticks = IntervalStream::new(interval(ms(1))).take(2).count();
    assert_eq!(tokio::spawn(ticks).await.unwrap(), 2);
}

// What it replaces.

#[tokio::test]
async fn an_unwrapped_send_panics_when_nobody_listens() {
    let panicked = Arc::new(AtomicBool::new(false));
    let watch = Unwound(Arc::clone(&panicked));
    let stream = naive::from_task((0..10).inspect(move |_| _ = &watch));
    drop(stream);
    yield_now().await;
    assert!(panicked.load(Ordering::SeqCst), "and this test is green all the same");
    // Its replacement, in the same place.
    let watch = Unwound(Arc::clone(&panicked));
    let source = stream::iter((0..10).inspect(move |_| _ = &watch));
    let (sender, receiver) = mpsc::channel(8);
    let producer = tokio::spawn(feed(source, sender));
    drop(receiver);
    assert_eq!(producer.await.unwrap(), Stopped::NobodyListens);
    assert!(!panicked.load(Ordering::SeqCst));
}

#[tokio::test(start_paused = true)]
async fn with_a_sender_left_over_the_stream_never_ends() {
    timeout(HOUR, naive::orders()).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_select_loop_asks_the_ended_one_again() {
    let one = || stream::unfold(1, |n| async move { (n < 2).then_some((n, n + 1)) });
    let both = naive::both(one(), count_to(2));
    AssertUnwindSafe(both).catch_unwind().await.unwrap_err();
    assert_eq!(naive::both(one().fuse(), count_to(2)).await, [1, 1, 2]);
}

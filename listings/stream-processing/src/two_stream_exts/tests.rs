use super::*;
use backend::cancel::at_every_await;
use backend::{Alive, Site};
use futures::FutureExt;
use futures::stream::TryStreamExt;
use std::any::TypeId;
use std::cell::Cell;
use std::future::ready;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::unconstrained;
use tokio::time::{Instant, sleep, timeout};
use tokio_stream::StreamExt as Tokio;

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// 1, 2 and so on up to `last`, each 90 ms after it was asked for.
fn count_to(last: u64) -> impl Stream<Item = u64> + Send {
    let wait = |n| sleep(ms(90)).map(move |()| n);
    StreamExt::then(stream::iter(1..=last), wait)
}

/// Ends after 1, and panics when it is asked after that.
fn unfused() -> impl Stream<Item = i32> {
    stream::unfold(1, |n| async move { (n < 2).then_some((n, n + 1)) })
}

/// Items that were drawn without a pause before another task had a turn.
async fn items_in_a_row(items: impl Stream<Item = i32>) -> Option<usize> {
    let other_ran = Arc::new(AtomicBool::new(false));
    let ran = Arc::clone(&other_ran);
    let other = tokio::spawn(async move { ran.store(true, Ordering::SeqCst) });
    let mut items = pin!(items);
    let (mut drawn, mut in_a_row) = (0, None);
    while StreamExt::next(&mut items).await.is_some() {
        if other_ran.load(Ordering::SeqCst) && in_a_row.is_none() {
            in_a_row = Some(drawn);
        }
        drawn += 1;
    }
    other.await.unwrap();
    in_a_row
}

// What the page's two functions do.

#[tokio::test(start_paused = true)]
async fn spaced_starts_one_each_period_and_keeps_the_order() {
    let start = Instant::now();
    let work = |n: u64| {
        let begun = start.elapsed();
        sleep(ms(25)).map(move |()| (n, begun))
    };
    let items = StreamExt::collect::<Vec<_>>(spaced(1..=4, ms(10), TWO, work)).await;
    assert_eq!(items, [(1, 0), (2, 10), (3, 25), (4, 35)].map(|(n, at)| (n, ms(at))));
    // 2 has its answer before 1.
    let work = |n: u64| sleep(ms(40 / n)).map(move |()| n);
    assert_eq!(
        StreamExt::collect::<Vec<_>>(spaced(1..=2, ms(10), TWO, work)).await,
        [1, 2]
    );
}

#[tokio::test(start_paused = true)]
async fn spaced_has_as_many_at_a_time_as_it_may() {
    for (limit, pace, calls) in [
        (1, 10, [0, 25, 50, 75]),
        (3, 7, [0, 7, 14, 25]),
        (usize::MAX, 3, [0, 3, 6, 9]),
    ] {
        let start = Instant::now();
        let limit = NonZeroUsize::new(limit).unwrap();
        let work = |()| {
            let begun = start.elapsed();
            sleep(ms(25)).map(move |()| begun)
        };
        let begun = spaced([(); 4], ms(pace), limit, work);
        assert_eq!(StreamExt::collect::<Vec<_>>(begun).await, calls.map(ms));
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_work_is_made_than_is_in_flight() {
    let (taken, made) = (Cell::new(0), Cell::new(0));
    let work = |n: u64| {
        made.set(made.get() + 1);
        sleep(ms(n * 20))
    };
    let items = (1..=4).inspect(|_| taken.set(taken.get() + 1));
    let mut answers = pin!(spaced(items, ms(10), TWO, work));
    assert_eq!((taken.get(), made.get()), (0, 0), "nothing before the first poll");
    for begun in [2, 3, 4, 4] {
        StreamExt::next(&mut answers).await.unwrap();
        assert_eq!((taken.get(), made.get()), (begun, begun));
    }
}

#[tokio::test(start_paused = true)]
async fn spaced_dropped_anywhere_leaves_nothing_in_flight() {
    let site = Site::default().with_page("/", ms(25));
    let all = || spaced(0..4, ms(10), TWO, |_| site.fetch("/")).count();
    let points = at_every_await(all, |_, _| assert_eq!(site.load().in_flight, 0));
    assert!(points.await >= 4);
    let load = site.load();
    assert_eq!((load.peak, load.calls), (2, load.answered + load.dropped));
}

/// All items of `stream`, by a `next()` that is dropped after each millisecond.
async fn by_short_nexts<S: Stream>(stream: S) -> Vec<S::Item> {
    let (mut stream, mut all) = (pin!(stream), Vec::new());
    loop {
        match timeout(ms(1), StreamExt::next(&mut stream)).await {
            Ok(Some(item)) => all.push(item),
            Ok(None) => return all,
            Err(_) => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_next_of_spaced_keeps_the_pace_and_the_work_in_flight() {
    let (start, site) = (Instant::now(), Site::default().with_page("/", ms(25)));
    let work = |n: u64| {
        let begun = start.elapsed();
        site.fetch("/").map(move |_| (n, begun))
    };
    let items = by_short_nexts(spaced(1..=4, ms(10), TWO, work)).await;
    let expected = [(1, 0), (2, 10), (3, 25), (4, 35)];
    assert_eq!(items, expected.map(|(n, at)| (n, ms(at))), "as if none was dropped");
    assert_eq!((site.load().calls, site.load().dropped), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_next_of_until_silence_loses_no_item_and_no_time() {
    let start = Instant::now();
    let pauses = StreamExt::then(stream::iter([10, 50, 200, 10]), |pause| {
        sleep(ms(pause)).map(move |()| pause)
    });
    let items = by_short_nexts(until_silence(pauses, ms(100))).await;
    assert_eq!((items, start.elapsed()), (vec![10, 50], ms(160)));
}

#[tokio::test(start_paused = true)]
async fn until_silence_ends_at_the_first_pause_that_is_too_long() {
    let start = Instant::now();
    let pauses = StreamExt::then(stream::iter([10, 50, 200, 10]), |pause| {
        sleep(ms(pause)).map(move |()| pause)
    });
    let items = StreamExt::collect::<Vec<_>>(until_silence(pauses, ms(100))).await;
    assert_eq!((items, start.elapsed()), (vec![10, 50], ms(160)));
}

#[tokio::test(start_paused = true)]
async fn after_the_silence_the_source_is_gone_and_the_end_stays() {
    let alive = Alive::default();
    let guard = alive.guard();
    let quiet = StreamExt::inspect(stream::pending::<()>(), move |()| _ = &guard);
    let mut items = pin!(until_silence(quiet, ms(100)));
    for _ in 0..2 {
        let end = timeout(ms(3_600_000), StreamExt::next(&mut items)).await;
        assert_eq!((end, alive.count()), (Ok(None), 0));
    }
}

#[tokio::test(start_paused = true)]
async fn the_longest_duration_is_never() {
    let years = 29 * 365 * Duration::from_hours(24);
    let late = StreamExt::then(stream::iter([1, 2]), |n| sleep(years).map(move |()| n));
    let all = StreamExt::collect::<Vec<_>>(until_silence(late, Duration::MAX));
    assert_eq!(all.await, [1, 2]);
    let mut once = pin!(spaced([1, 2], Duration::MAX, TWO, ready));
    assert_eq!(StreamExt::next(&mut once).await, Some(1), "at once");
    timeout(years, StreamExt::next(&mut once)).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn throttle_and_timeout_panic_for_the_longest_duration() {
    let calls: [fn(); 2] = [
        || drop(stream::pending::<()>().throttle(Duration::MAX)),
        || drop(stream::pending::<()>().timeout(Duration::MAX)),
    ];
    for call in calls {
        std::panic::catch_unwind(call).unwrap_err();
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_busy_counts_as_silence() {
    let mut items = pin!(until_silence(count_to(9), ms(100)));
    assert_eq!(StreamExt::next(&mut items).await, Some(1));
    sleep(ms(200)).await;
    assert_eq!(StreamExt::next(&mut items).await, None);
}

#[test]
fn outside_a_runtime_both_panic_when_they_are_called() {
    let panics = |call: fn()| std::panic::catch_unwind(call).is_err();
    assert!(panics(|| drop(spaced(0..2, ms(1), TWO, ready))));
    assert!(panics(|| drop(until_silence(stream::pending::<()>(), ms(1)))));
}

#[tokio::test(start_paused = true)]
async fn both_can_be_spawned() {
    let spaced = tokio::spawn(spaced(0..2, ms(1), TWO, ready).count());
    let heard = tokio::spawn(until_silence(count_to(2), ms(100)).count());
    assert_eq!((spaced.await.unwrap(), heard.await.unwrap()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn with_both_in_scope_what_only_one_has_needs_no_path() {
    // `futures` is imported at the top of the file, tokio-stream's in this module.
    let pairs = stream::iter(1..=4).throttle(ms(10)).chunks(2);
    let pairs = pairs.map_while(Some).merge(stream::empty());
    assert_eq!(pairs.concat().await, [1, 2, 3, 4]);
}

// One name, two meanings.

#[tokio::test]
async fn a_predicate_of_futures_is_async_and_of_tokio_stream_is_not() {
    let numbers = || stream::iter(1..=4);
    let even = StreamExt::filter(numbers(), |n| ready(n % 2 == 0));
    assert_eq!(StreamExt::collect::<Vec<_>>(even).await, [2, 4]);
    let even = Tokio::filter(numbers(), |n| n % 2 == 0);
    assert_eq!(StreamExt::collect::<Vec<_>>(even).await, [2, 4]);
    let first = StreamExt::take_while(numbers(), |n| ready(*n < 3));
    assert_eq!(first.count().await, 2);
    assert_eq!(Tokio::take_while(numbers(), |n| *n < 3).count().await, 2);
    assert_eq!(StreamExt::fold(numbers(), 0, |sum, n| ready(sum + n)).await, 10);
    assert_eq!(Tokio::fold(numbers(), 0, |sum, n| sum + n).await, 10);
}

#[tokio::test]
async fn any_of_futures_takes_the_stream_and_of_tokio_stream_borrows_it() {
    assert!(StreamExt::any(stream::iter(1..=4), |n| ready(n == 2)).await);
    let mut numbers = stream::iter(1..=4);
    assert!(Tokio::any(&mut numbers, |n| n == 2).await);
    assert_eq!(StreamExt::collect::<Vec<_>>(numbers).await, [3, 4]);
}

#[tokio::test]
async fn collect_of_tokio_stream_stops_at_an_error_and_of_futures_does_not() {
    let taken = Cell::new(0);
    let items = || {
        taken.set(0);
        StreamExt::inspect(stream::iter([Ok(1), Err("no"), Ok(3)]), |_| {
            taken.set(taken.get() + 1);
        })
    };
    let all: Vec<Result<i32, &str>> = StreamExt::collect(items()).await;
    assert_eq!((all.len(), taken.get()), (3, 3));
    let all: Result<Vec<i32>, &str> = Tokio::collect(items()).await;
    assert_eq!((all, taken.get()), (Err("no"), 2));
    let all: Result<Vec<i32>, &str> = items().try_collect().await;
    assert_eq!((all, taken.get()), (Err("no"), 2), "in `futures`, by another name");
}

#[tokio::test]
async fn fuse_of_tokio_stream_drops_what_has_ended_and_of_futures_keeps_it() {
    let alive = Alive::default();
    let watched = || {
        let guard = alive.guard();
        StreamExt::inspect(stream::empty::<()>(), move |()| _ = &guard)
    };
    let mut kept = StreamExt::fuse(watched());
    assert_eq!(StreamExt::next(&mut kept).await, None);
    assert_eq!(alive.count(), 1);
    drop(kept);
    let mut gone = Tokio::fuse(watched());
    assert_eq!(StreamExt::next(&mut gone).await, None);
    assert_eq!(alive.count(), 0);
}

#[tokio::test]
async fn take_while_of_tokio_stream_stays_at_the_end_and_of_futures_asks_again() {
    let mut stays = pin!(Tokio::take_while(unfused(), |_| true));
    assert_eq!(StreamExt::next(&mut stays).await, Some(1));
    for _ in 0..2 {
        assert_eq!(StreamExt::next(&mut stays).await, None);
    }
    let mut asks = pin!(StreamExt::take_while(unfused(), |_| ready(true)));
    assert_eq!(StreamExt::next(&mut asks).await, Some(1));
    assert_eq!(StreamExt::next(&mut asks).await, None);
    let again = AssertUnwindSafe(StreamExt::next(&mut asks)).catch_unwind();
    again.await.unwrap_err();
}

#[tokio::test]
async fn iter_of_tokio_stream_lets_others_run_and_of_futures_does_not() {
    assert_eq!(items_in_a_row(stream::iter(0..1_000)).await, None);
    // With its feature `rt` it draws on the task's budget, which can be lifted; without, it counts.
    let lifted = unconstrained(items_in_a_row(tokio_stream::iter(0..1_000))).await;
    let expected = if lifted.is_none() { 128 } else { 32 };
    let in_a_row = items_in_a_row(tokio_stream::iter(0..1_000)).await;
    assert_eq!(in_a_row, Some(expected));
}

#[tokio::test]
async fn once_of_futures_takes_a_future_and_of_tokio_stream_a_value() {
    let one = StreamExt::collect::<Vec<_>>(stream::once(ready(1))).await;
    let other = StreamExt::collect::<Vec<_>>(tokio_stream::once(1)).await;
    assert_eq!((one, other), (vec![1], vec![1]));
}

#[test]
fn the_two_errors_called_elapsed_are_two_types() {
    let other = TypeId::of::<tokio::time::error::Elapsed>();
    assert_ne!(TypeId::of::<tokio_stream::Elapsed>(), other);
}

// What it replaces.

#[tokio::test(start_paused = true)]
async fn a_limit_for_each_item_is_no_limit_for_all() {
    let start = Instant::now();
    let all = naive::all_within(ms(100), count_to(10)).await.unwrap();
    assert_eq!((all.len(), start.elapsed()), (10, ms(900)));
    let all = StreamExt::collect::<Vec<_>>(count_to(10));
    timeout(ms(100), all).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_stream_goes_on_after_a_timeout() {
    let items = Tokio::timeout(count_to(2), ms(50));
    let items = StreamExt::map(items, Result::ok);
    let items = StreamExt::collect::<Vec<_>>(items).await;
    assert_eq!(items, [None, Some(1), None, Some(2)]);
}

use super::*;
use backend::cancel::{after_polls, at_every_await};
use backend::{Alive, alive::Guard};
use futures::stream::{BoxStream, PollNext, select, select_all, select_with_strategy};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, interval_at, sleep, timeout};
use tokio_stream::StreamMap;
use tokio_stream::wrappers::{IntervalStream, ReceiverStream};
use tokio_test::{assert_pending, assert_ready_eq};

const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const fn count(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

async fn all<S: Stream>(stream: S) -> Vec<S::Item> {
    timeout(HOUR, futures::StreamExt::collect(stream)).await.expect("it ends")
}

async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    timeout(HOUR, stream.next()).await.expect("it comes")
}

fn boxed<'a, S: Stream + Send + 'a>(stream: S) -> BoxStream<'a, S::Item> {
    Box::pin(stream)
}

async fn is_quiet<T>(stream: &mut BoxStream<'_, T>) -> bool {
    futures::poll!(futures::StreamExt::next(stream)).is_pending()
}

/// Always ready, outside Tokio's budget.
fn always<T: Clone + Send + 'static>(item: T) -> BoxStream<'static, T> {
    boxed(stream::repeat(item))
}

/// How many of the first thousand items are which.
async fn of_a_thousand<T: Ord>(stream: impl Stream<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    for item in all(futures::StreamExt::take(stream, 1_000)).await {
        *counts.entry(item).or_default() += 1;
    }
    counts
}

// Order and end.

#[tokio::test(start_paused = true)]
async fn two_that_are_ready_take_turns() {
    let one = || tokio_stream::iter([1, 2, 3]);
    let other = || tokio_stream::iter([4, 5, 6]);
    let turns = [1, 4, 2, 5, 3, 6];
    assert_eq!(all(one().merge(other())).await, turns);
    assert_eq!(all(select(one(), other())).await, turns);
    assert_eq!(all(select_all([one(), other()])).await, turns);
}

#[tokio::test(start_paused = true)]
async fn a_slow_side_holds_up_nobody() {
    let slow = || tokio_stream::iter([1, 2, 3]).throttle(ms(10));
    let quick = || tokio_stream::iter([4, 5, 6]);
    let start = Instant::now();
    assert_eq!(all(slow().merge(quick())).await, [1, 4, 5, 6, 2, 3]);
    assert_eq!(start.elapsed(), ms(30), "throttle waits before its end, too");
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_all_have_ended_and_not_before() {
    let start = Instant::now();
    let (sender, receiver) = mpsc::channel(1);
    let late = async {
        sleep(ms(50)).await;
        sender.send(4).await.unwrap();
        drop(sender);
    };
    let merged = all(tokio_stream::iter([1, 2]).merge(ReceiverStream::new(receiver)));
    let (items, ()) = tokio::join!(merged, late);
    assert_eq!((items, start.elapsed()), (vec![1, 2, 4], ms(50)));
}

#[tokio::test(start_paused = true)]
async fn with_a_side_that_never_ends_it_never_ends() {
    let mut ticks = 0;
    let merged = tokio_stream::iter([Event::Message(1)])
        .merge(IntervalStream::new(interval(ms(60_000))).map(|_| Event::Tick));
    let loops = futures::StreamExt::for_each(merged, |event| {
        ticks += usize::from(event == Event::Tick);
        std::future::ready(())
    });
    timeout(ms(3_599_999), loops).await.unwrap_err();
    assert_eq!(ticks, 60);
}

#[tokio::test(start_paused = true)]
async fn while_open_ends_with_its_main_side() {
    let start = Instant::now();
    let main = tokio_stream::iter([0, 1, 2]).throttle(ms(10));
    let side = IntervalStream::new(interval_at(start + ms(4), ms(9))).map(|_| 9);
    assert_eq!(all(while_open(main, side)).await, [0, 9, 1, 9, 2, 9]);
    assert_eq!(start.elapsed(), ms(30));
    let side = tokio_stream::iter([1]);
    assert!(all(while_open(tokio_stream::empty(), side)).await.is_empty());
    let alive = Alive::default();
    let mut ends = boxed(while_open(tokio_stream::iter([1]), quiet(&alive)));
    assert_eq!((next(&mut ends).await, alive.count()), (Some(1), 1));
    for _ in 0..2 {
        assert_eq!((next(&mut ends).await, alive.count()), (None, 0));
    }
    let ended = while_open(tokio_stream::iter([1, 2]), tokio_stream::empty());
    assert_eq!(all(ended).await, [1, 2], "and without its side it goes on");
}

#[tokio::test(start_paused = true)]
async fn the_error_of_one_source_is_an_item_and_ends_nothing() {
    let a = || tokio_stream::iter([Ok(1), Err("broken"), Ok(2)]);
    let b = || tokio_stream::iter([Ok(3), Ok(4), Ok(5)]);
    let expected = [Ok(1), Ok(3), Err("broken"), Ok(4), Ok(2), Ok(5)];
    assert_eq!(all(a().merge(b())).await, expected);
    let first_error: Result<Vec<i32>, _> = a().merge(b()).collect().await;
    assert_eq!(first_error, Err("broken"), "unless the one who asks stops");
}

// Turns.

#[tokio::test]
async fn of_two_that_are_always_ready_each_gets_half() {
    let half = BTreeMap::from([('a', 500), ('b', 500)]);
    assert_eq!(of_a_thousand(always('a').merge(always('b'))).await, half);
    assert_eq!(of_a_thousand(select(always('a'), always('b'))).await, half);
    assert_eq!(of_a_thousand(select_all([always('a'), always('b')])).await, half);
    let map: StreamMap<_, _> =
        [('a', always(())), ('b', always(()))].into_iter().collect();
    let counts = of_a_thousand(map.map(|(key, ())| key)).await;
    assert!(counts.values().all(|turns| (400..=600).contains(turns)), "{counts:?}");
}

#[tokio::test]
async fn chained_the_last_one_gets_half_and_the_first_a_quarter() {
    let merged = naive::chained(always('a'), always('b'), always('c'));
    let expected = BTreeMap::from([('a', 250), ('b', 250), ('c', 500)]);
    assert_eq!(of_a_thousand(merged).await, expected);
    let five = ['a', 'b', 'c', 'd', 'e'].map(always);
    let five = five.into_iter().reduce(|all, next| boxed(all.merge(next)));
    let expected =
        BTreeMap::from([('a', 63), ('b', 62), ('c', 125), ('d', 250), ('e', 500)]);
    assert_eq!(of_a_thousand(five.unwrap()).await, expected);
}

#[tokio::test]
async fn in_select_all_each_of_three_gets_a_third() {
    let counts = of_a_thousand(select_all(['a', 'b', 'c'].map(always))).await;
    assert_eq!(counts, BTreeMap::from([('a', 334), ('b', 333), ('c', 333)]));
}

#[tokio::test]
async fn in_a_stream_map_quiet_sources_give_their_turns_to_the_next_one() {
    let mut map = StreamMap::new();
    for key in 0..8 {
        map.insert(key, boxed(stream::pending()));
    }
    map.insert(8, always(()));
    map.insert(9, always(()));
    let counts = of_a_thousand(map.map(|(key, ())| key)).await;
    // Nine of ten starting points lead to 8. By chance alone, fewer than 800 do not come.
    assert!(counts[&8] > 800, "{counts:?}");
}

#[tokio::test]
async fn an_urgent_side_that_never_pauses_starves_the_other() {
    let merged = naive::always_left(always('u'), always('n'));
    assert_eq!(of_a_thousand(merged).await, BTreeMap::from([('u', 1_000)]));
}

#[tokio::test]
async fn an_item_that_is_not_urgent_lets_so_many_pass_and_no_more() {
    let merged = urgent_first(always('u'), always('n'), count(3));
    let items = all(futures::StreamExt::take(merged, 9)).await;
    assert_eq!(String::from_iter(items), "uuunuuunu");
    let merged = urgent_first(always('u'), always('n'), count(4));
    let expected = BTreeMap::from([('n', 200), ('u', 800)]);
    assert_eq!(of_a_thousand(merged).await, expected);
    let rest =
        urgent_first(tokio_stream::iter([1]), tokio_stream::iter([2, 3]), count(9));
    assert_eq!(all(rest).await, [1, 2, 3]);
}

/// Two channels of letters, and what `merge` makes of them.
fn by_hand<S: Stream<Item = char>>(
    merge: impl FnOnce(ReceiverStream<char>, ReceiverStream<char>) -> S,
) -> ([mpsc::Sender<char>; 2], tokio_test::task::Spawn<S>) {
    let (urgent, from_urgent) = mpsc::channel(9);
    let (normal, from_normal) = mpsc::channel(9);
    let merged =
        merge(ReceiverStream::new(from_urgent), ReceiverStream::new(from_normal));
    ([urgent, normal], tokio_test::task::spawn(merged))
}

#[test]
fn polls_that_find_nothing_are_no_turns() {
    let ([urgent, normal], mut merged) = by_hand(|u, n| urgent_first(u, n, count(3)));
    for _ in 0..3 {
        assert_pending!(merged.poll_next());
    }
    normal.try_send('n').unwrap();
    urgent.try_send('u').unwrap();
    assert_ready_eq!(merged.poll_next(), Some('u'));
    assert_ready_eq!(merged.poll_next(), Some('n'));
}

#[test]
fn a_strategy_counts_polls_that_find_nothing() {
    let ([urgent, normal], mut merged) =
        by_hand(|u, n| naive::asked_in_a_row(u, n, count(3)));
    for _ in 0..3 {
        assert_pending!(merged.poll_next());
    }
    normal.try_send('n').unwrap();
    urgent.try_send('u').unwrap();
    assert_ready_eq!(merged.poll_next(), Some('n'), "before the urgent one");
}

#[test]
fn a_turn_that_nobody_takes_is_kept() {
    let ([urgent, normal], mut merged) = by_hand(|u, n| urgent_first(u, n, count(2)));
    for _ in 0..5 {
        urgent.try_send('u').unwrap();
    }
    // The third is handed out after the other side was asked in vain.
    for _ in 0..3 {
        assert_ready_eq!(merged.poll_next(), Some('u'));
    }
    normal.try_send('n').unwrap();
    normal.try_send('n').unwrap();
    for expected in ['n', 'u', 'u', 'n'] {
        assert_ready_eq!(merged.poll_next(), Some(expected));
    }
    // Nor does it lose its turn while both sides are quiet.
    for _ in 0..2 {
        urgent.try_send('u').unwrap();
        assert_ready_eq!(merged.poll_next(), Some('u'));
        assert_pending!(merged.poll_next());
    }
    urgent.try_send('u').unwrap();
    normal.try_send('n').unwrap();
    for expected in ['n', 'u'] {
        assert_ready_eq!(merged.poll_next(), Some(expected));
    }
    assert_pending!(merged.poll_next());
    drop(normal);
    assert_pending!(merged.poll_next());
    urgent.try_send('u').unwrap();
    assert!(merged.is_woken());
    assert_ready_eq!(merged.poll_next(), Some('u'));
    drop(urgent);
    assert_ready_eq!(merged.poll_next(), None);
    assert_ready_eq!(merged.poll_next(), None);
}

#[test]
fn a_side_that_has_ended_is_asked_no_more() {
    // An `unfold` panics when it is asked after its end.
    let one = || stream::unfold(Some(1), |left| async move { Some((left?, None)) });
    let open = || boxed(tokio_stream::once(1).chain(tokio_stream::pending()));
    let changes = one().map(|key| Change::Add(key, open()));
    for merged in [
        boxed(urgent_first(one(), stream::pending(), count(1))),
        boxed(urgent_first(stream::pending(), one(), count(1))),
        boxed(keyed(changes).map(|(_, item)| item.unwrap())),
    ] {
        let mut merged = tokio_test::task::spawn(merged);
        assert_ready_eq!(merged.poll_next(), Some(1));
        for _ in 0..3 {
            assert_pending!(merged.poll_next());
        }
    }
}

#[test]
fn a_side_that_waits_is_heard_again_and_the_count_begins_anew() {
    let ([urgent, normal], mut merged) = by_hand(|u, n| urgent_first(u, n, count(2)));
    urgent.try_send('u').unwrap();
    assert_ready_eq!(merged.poll_next(), Some('u'));
    normal.try_send('n').unwrap();
    assert_ready_eq!(merged.poll_next(), Some('n'));
    normal.try_send('n').unwrap();
    for _ in 0..2 {
        urgent.try_send('u').unwrap();
    }
    for expected in ['u', 'u', 'n'] {
        assert_ready_eq!(merged.poll_next(), Some(expected));
    }
    assert_pending!(merged.poll_next());
    normal.try_send('n').unwrap();
    assert!(merged.is_woken());
    assert_ready_eq!(merged.poll_next(), Some('n'));
}

/// A Tokio channel that is full of this item, so often, and closed.
fn full<T: Clone>(item: T, times: usize) -> ReceiverStream<T> {
    let (sender, receiver) = mpsc::channel(times);
    for _ in 0..times {
        assert!(sender.try_send(item.clone()).is_ok());
    }
    ReceiverStream::new(receiver)
}

#[tokio::test]
async fn the_end_of_the_budget_takes_no_turn_away() {
    // Tokio's budget of 128 is over before 200 have passed.
    for in_a_row in [1, 3, 63, 64, 127, 128, 200] {
        let merged = urgent_first(full('u', 1_000), full('n', 5), count(in_a_row));
        let items = String::from_iter(all(merged).await);
        let turns = format!("{}n", "u".repeat(in_a_row)).repeat(5);
        assert_eq!(items, turns + &"u".repeat(1_000 - 5 * in_a_row), "{in_a_row}");
    }
}

#[tokio::test]
async fn the_end_of_the_budget_does_not_let_the_other_side_go_first() {
    // The channel gives nothing once the budget is used up; the other side does not know it.
    for used in 0..3 {
        let normal = futures::StreamExt::take(stream::repeat('n'), 500);
        let merged = urgent_first(full('u', 500), normal, count(1_000));
        tokio::task::yield_now().await;
        for _ in 0..used {
            coop::consume_budget().await;
        }
        let items: Vec<_> = futures::StreamExt::collect(merged).await;
        assert_eq!(String::from_iter(items), "u".repeat(500) + &"n".repeat(500));
    }
}

#[tokio::test]
async fn beside_a_side_that_is_always_ready_a_channel_has_128_turns_in_merge() {
    let ready = || futures::StreamExt::take(always('r'), 1_000);
    let of_the_channel = |items: Vec<char>| {
        let both = items.into_iter().take_while(|item| *item != '.');
        both.filter(|item| *item == 'c').count()
    };
    let then = || ready().chain(tokio_stream::once('.'));
    // Its turns end with the budget of the task, which never pauses for a new one.
    tokio::task::yield_now().await;
    let merged: Vec<_> =
        futures::StreamExt::collect(full('c', 900).merge(then())).await;
    assert_eq!(of_the_channel(merged), 128);
    tokio::task::yield_now().await;
    let merged = select(full('c', 900), then());
    let merged: Vec<_> = futures::StreamExt::collect(merged).await;
    assert_eq!(of_the_channel(merged), 128);
    let merged = while_open(then(), full('c', 900));
    let merged: Vec<_> = futures::StreamExt::collect(merged).await;
    assert_eq!(of_the_channel(merged), 900);
}

/// How many of 100,000 items that are always ready had come when another task of the
/// thread had its turn and its item came, too.
async fn items_before<S: Stream<Item = usize>>(
    merge: impl FnOnce(BoxStream<'static, usize>, ReceiverStream<usize>) -> S,
) -> Option<usize> {
    let (sender, receiver) = mpsc::channel(1);
    let flood = boxed(stream::iter(0..100_000));
    tokio::spawn(async move { sender.send(usize::MAX).await });
    let mut items = std::pin::pin!(merge(flood, ReceiverStream::new(receiver)));
    let mut came = 0;
    while let Some(item) = items.next().await {
        if item == usize::MAX {
            return Some(came).filter(|came| *came < 100_000);
        }
        came += 1;
    }
    None
}

#[tokio::test]
async fn a_flood_lets_the_other_side_and_its_sender_have_their_turn() {
    let raw = items_before(StreamExt::merge).await;
    assert_eq!(raw, None, "`merge` keeps the thread, and so the sender from it");
    let in_time = |before: Option<usize>| before.is_some_and(|items| items <= 256);
    assert!(in_time(items_before(while_open).await));
    let side = |flood, slow| while_open(slow, flood);
    assert!(in_time(items_before(side).await));
    let urgent = |flood, slow| urgent_first(flood, slow, count(7));
    assert!(in_time(items_before(urgent).await));
    let normal = |flood, slow| urgent_first(slow, flood, count(7));
    assert!(in_time(items_before(normal).await));
    let by_key = |flood, slow| {
        let changes = [Change::Add(1, flood), Change::Add(2, boxed(slow))];
        let changes = tokio_stream::iter(changes).chain(tokio_stream::pending());
        keyed(changes).map(|(_, item)| item.unwrap())
    };
    assert!(in_time(items_before(by_key).await));
    let messages = |flood, slow| {
        let read = |mut flood: BoxStream<'static, usize>| async move {
            let message = flood.next().await?;
            Some((message, flood))
        };
        messages_and_ticks(flood, read, slow).map(|event| match event {
            Event::Message(message) => message,
            Event::Tick => usize::MAX,
        })
    };
    assert!(in_time(items_before(messages).await));
}

#[tokio::test]
async fn one_that_waits_costs_a_stream_map_a_poll_of_each_and_select_all_none() {
    let polls = Arc::new(AtomicUsize::new(0));
    let quiet = || {
        let polls = Arc::clone(&polls);
        Box::pin(stream::poll_fn(move |_| {
            polls.fetch_add(1, Ordering::SeqCst);
            Poll::<Option<()>>::Pending
        }))
    };
    let map: StreamMap<_, _> = (0..1_000).map(|key| (key, quiet())).collect();
    let mut map = tokio_test::task::spawn(map);
    let mut set = tokio_test::task::spawn(select_all((0..1_000).map(|_| quiet())));
    let polled = || polls.swap(0, Ordering::SeqCst);
    assert_pending!(map.poll_next());
    assert_eq!(polled(), 1_000);
    assert_pending!(map.poll_next());
    assert_eq!(polled(), 1_000, "again");
    while set.poll_next().is_pending() && set.is_woken() {}
    assert_eq!(polled(), 1_000);
    assert_pending!(set.poll_next());
    assert_eq!(polled(), 0, "nobody was woken");
}

#[test] // without a runtime, and so without a budget that ends
fn of_a_thousand_sources_keyed_polls_the_one_that_was_woken() {
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = |mut source: mpsc::Receiver<u8>| {
        let polls = Arc::clone(&polls);
        Box::pin(stream::poll_fn(move |cx| {
            polls.fetch_add(1, Ordering::SeqCst);
            source.poll_recv(cx)
        }))
    };
    let (senders, receivers): (Vec<_>, Vec<_>) =
        (0..1_000).map(|_| mpsc::channel(1)).unzip();
    let adds = receivers.into_iter().enumerate();
    let adds = adds.map(|(key, source)| Change::Add(key, counted(source)));
    let changes = stream::iter(adds).chain(tokio_stream::pending());
    let mut merged = tokio_test::task::spawn(keyed(changes));
    while merged.poll_next().is_pending() && merged.is_woken() {}
    assert_eq!(polls.swap(0, Ordering::SeqCst), 1_000);
    senders[7].try_send(1).unwrap();
    assert_eq!(merged.poll_next(), Poll::Ready(Some((7, Some(1)))));
    assert_pending!(merged.poll_next());
    assert_eq!(polls.load(Ordering::SeqCst), 2, "the item, and that there is no more");
}

#[tokio::test]
async fn of_two_that_wait_both_are_polled_each_time() {
    let polls = Arc::new(AtomicUsize::new(0));
    let quiet = || {
        let polls = Arc::clone(&polls);
        stream::poll_fn(move |_| {
            polls.fetch_add(1, Ordering::SeqCst);
            Poll::<Option<()>>::Pending
        })
    };
    for merged in [
        boxed(quiet().merge(quiet())),
        boxed(select(quiet(), quiet())),
        boxed(urgent_first(quiet(), quiet(), count(3))),
        boxed(select_with_strategy(quiet(), quiet(), |(): &mut ()| PollNext::Left)),
    ] {
        let mut merged = tokio_test::task::spawn(merged);
        for _ in 0..3 {
            assert_pending!(merged.poll_next());
            assert_eq!(polls.swap(0, Ordering::SeqCst), 2);
        }
    }
}

#[tokio::test]
async fn select_all_takes_one_more_while_it_runs() {
    let mut set = select_all([boxed(tokio_stream::iter([1]))]);
    assert_eq!(set.next().await, Some(1));
    set.push(boxed(tokio_stream::iter([2])));
    assert_eq!(set.next().await, Some(2));
    assert_eq!(set.next().await, None);
}

// A reader that must not be dropped halfway.

/// Three bytes make a message; each takes 10 ms. `bytes` counts what was read.
async fn read(bytes: &AtomicUsize) -> Vec<usize> {
    let mut message = Vec::new();
    for _ in 0..3 {
        sleep(ms(10)).await;
        message.push(bytes.fetch_add(1, Ordering::SeqCst));
    }
    message
}

fn ticks() -> IntervalStream {
    IntervalStream::new(interval_at(Instant::now() + ms(25), ms(25)))
}

#[tokio::test(start_paused = true)]
async fn in_a_select_loop_80_bytes_are_read_and_no_message_comes() {
    let mut bytes = AtomicUsize::new(0);
    let mut heard = Vec::new();
    let read = async |bytes: &mut AtomicUsize| Some(read(bytes).await);
    let loops =
        naive::select_loop(&mut bytes, read, ticks(), |event| heard.push(event));
    timeout(ms(999), loops).await.unwrap_err();
    assert_eq!(heard, vec![Event::Tick; 39]);
    assert_eq!(bytes.into_inner(), 80);
}

#[tokio::test(start_paused = true)]
async fn merged_with_the_same_ticks_33_messages_come_whole() {
    let read = async |bytes: AtomicUsize| Some((read(&bytes).await, bytes));
    let merged = messages_and_ticks(AtomicUsize::new(0), read, ticks());
    let (mut messages, mut ticked) = (Vec::new(), 0);
    let loops = futures::StreamExt::for_each(merged, |event| {
        match event {
            Event::Message(message) => messages.push(message),
            Event::Tick => ticked += 1,
        }
        std::future::ready(())
    });
    timeout(ms(999), loops).await.unwrap_err();
    assert_eq!((messages.len(), ticked), (33, 39));
    assert!(messages.concat().into_iter().eq(0..99), "each byte once, in order");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_next_leaves_the_read_where_it_is() {
    let read = async |bytes: AtomicUsize| Some((read(&bytes).await, bytes));
    let quiet = tokio_stream::pending::<()>();
    let mut merged = Box::pin(messages_and_ticks(AtomicUsize::new(0), read, quiet));
    let start = Instant::now();
    for _ in 0..2 {
        timeout(ms(13), merged.next()).await.unwrap_err();
    }
    assert_eq!(merged.next().await, Some(Event::Message(vec![0, 1, 2])));
    assert_eq!(start.elapsed(), ms(30));
}

#[tokio::test(start_paused = true)]
async fn the_messages_end_the_stream_though_the_ticks_go_on() {
    let read = async |left: u32| {
        sleep(ms(10)).await;
        Some((left, left.checked_sub(1)?))
    };
    let merged = messages_and_ticks(2, read, ticks());
    let expected = [Event::Message(2), Event::Message(1), Event::Tick];
    assert_eq!(all(merged).await, expected);
}

// Drops.

/// Waits for ever, and counts as alive.
fn quiet(alive: &Alive) -> BoxStream<'static, u8> {
    let guard = alive.guard();
    boxed(stream::once(async move {
        let _guard: Guard = guard;
        std::future::pending().await
    }))
}

#[tokio::test]
async fn dropping_what_is_merged_drops_every_source_at_once() {
    let alive = Alive::default();
    let one = || quiet(&alive);
    let map: StreamMap<_, _> = [(1, one()), (2, one())].into_iter().collect();
    let merged = [
        boxed(one().merge(one())),
        boxed(select(one(), one())),
        boxed(select_all([one(), one()])),
        boxed(map.map(|(_, item)| item)),
        boxed(while_open(one(), one())),
        boxed(urgent_first(one(), one(), count(1))),
    ];
    for mut merged in merged {
        let before = alive.count();
        assert!(is_quiet(&mut merged).await);
        drop(merged);
        assert_eq!(alive.count(), before - 2);
    }
}

#[tokio::test]
async fn a_source_that_has_ended_is_dropped_at_once_but_not_in_select() {
    let alive = Alive::default();
    let ended = || {
        let guard = alive.guard();
        let mut next = Some(1_u8);
        boxed(stream::poll_fn(move |_| {
            let _guard = &guard;
            Poll::Ready(next.take())
        }))
    };
    let open = || boxed(tokio_stream::pending::<u8>());
    let map: StreamMap<_, _> = [(1, ended()), (2, open())].into_iter().collect();
    let merged = [
        (boxed(ended().merge(open())), 0),
        (boxed(select(ended(), open())), 1),
        (boxed(select_all([ended(), open()])), 0),
        (boxed(map.map(|(_, item)| item)), 0),
    ];
    for (mut merged, kept) in merged {
        let before = alive.count();
        assert_eq!(merged.next().await, Some(1));
        assert!(is_quiet(&mut merged).await);
        assert_eq!(before - alive.count(), 1 - kept);
        drop(merged);
        assert_eq!(before - alive.count(), 1);
    }
}

// By key.

type Changes = mpsc::Sender<Change<&'static str, BoxStream<'static, u8>>>;

fn by_key() -> (Changes, BoxStream<'static, (&'static str, Option<u8>)>) {
    let (changes, receiver) = mpsc::channel(10);
    (changes, boxed(keyed(ReceiverStream::new(receiver))))
}

#[tokio::test(start_paused = true)]
async fn sources_come_and_go_and_their_end_is_told() {
    let (changes, mut merged) = by_key();
    assert!(is_quiet(&mut merged).await, "empty, and not at its end");
    let ten = boxed(tokio_stream::iter([1, 2]));
    changes.send(Change::Add("ten", ten)).await.unwrap();
    for expected in [Some(1), Some(2), None] {
        assert_eq!(next(&mut merged).await, Some(("ten", expected)));
    }
    assert!(timeout(HOUR, merged.next()).await.is_err(), "others may still come");
    drop(changes);
    assert_eq!(next(&mut merged).await, None);
}

#[tokio::test]
async fn changes_without_end_keep_no_source_waiting() {
    // The source is asked after its own addition and after each change.
    let made = AtomicUsize::new(0);
    let source = || boxed(tokio_stream::iter([1, 2, 3]));
    let add = tokio_stream::once(Change::Add("a", source()));
    let changes = add.chain(stream::iter((0..10_000).map(|_| Change::Remove("b"))));
    let counted = changes.map(|change| {
        made.fetch_add(1, Ordering::SeqCst);
        change
    });
    let mut merged = std::pin::pin!(keyed(counted));
    for (item, changes) in [(Some(1), 1), (Some(2), 2), (Some(3), 3), (None, 4)] {
        assert_eq!(next(&mut merged).await, Some(("a", item)));
        assert_eq!(made.load(Ordering::SeqCst), changes);
    }
    assert_eq!(next(&mut merged).await, None);
    assert_eq!(made.load(Ordering::SeqCst), 10_001);
}

#[tokio::test]
async fn while_no_source_has_an_item_all_changes_are_made_and_others_have_a_turn() {
    let turn = Arc::new(AtomicUsize::new(0));
    let made = Arc::new(AtomicUsize::new(0));
    let (noted, seen) = (Arc::clone(&turn), Arc::clone(&made));
    let other = tokio::spawn(async move {
        noted.store(seen.load(Ordering::SeqCst), Ordering::SeqCst);
    });
    let quiet = Change::Add(0, boxed(tokio_stream::pending::<()>()));
    let changes = tokio_stream::once(quiet);
    let changes = changes.chain(stream::iter((1..10_000).map(Change::Remove)));
    let count = Arc::clone(&made);
    let changes = changes.map(move |change| {
        count.fetch_add(1, Ordering::SeqCst);
        change
    });
    let mut merged = boxed(keyed(changes));
    let mut turns = 0;
    while made.load(Ordering::SeqCst) < 10_000 {
        assert!(is_quiet(&mut merged).await, "the quiet source stays");
        turns += 1;
        tokio::task::yield_now().await;
    }
    assert!(turns >= 10_000 / 128, "{turns}");
    other.await.unwrap();
    assert!((1..=128).contains(&turn.load(Ordering::SeqCst)));
}

#[tokio::test(start_paused = true)]
async fn without_changes_it_ends_with_its_last_source() {
    let (changes, merged) = by_key();
    changes.send(Change::Add("a", boxed(tokio_stream::iter([1])))).await.unwrap();
    drop(changes);
    assert_eq!(all(merged).await, [("a", Some(1)), ("a", None)]);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_removed_or_replaced_is_dropped() {
    let alive = Alive::default();
    let (changes, mut merged) = by_key();
    for key in ["a", "b", "a"] {
        changes.send(Change::Add(key, quiet(&alive))).await.unwrap();
    }
    assert!(is_quiet(&mut merged).await);
    assert_eq!((alive.count(), alive.dropped()), (2, 1));
    for key in ["b", "b", "nobody"] {
        changes.send(Change::Remove(key)).await.unwrap();
    }
    assert!(is_quiet(&mut merged).await);
    assert_eq!((alive.count(), alive.dropped()), (1, 2));
    drop(merged);
    assert_eq!(alive.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn beside_busy_sources_too_one_that_is_removed_is_dropped_in_its_turn() {
    let alive = Alive::default();
    let (changes, mut merged) = by_key();
    let guard = alive.guard();
    let guarded = always(7).map(move |item| {
        let _guard = &guard;
        item
    });
    changes.send(Change::Add("a", boxed(guarded))).await.unwrap();
    for key in ["b", "c"] {
        changes.send(Change::Add(key, always(7))).await.unwrap();
    }
    for _ in 0..10 {
        merged.next().await.unwrap();
    }
    changes.send(Change::Remove("a")).await.unwrap();
    for _ in 0..3 {
        assert_ne!(next(&mut merged).await, Some(("a", Some(7))));
    }
    assert_eq!((alive.count(), alive.dropped()), (0, 1));
}

/// Items 1, 2 and 3, each `pause` after it was asked for.
fn slow(pause: u64, guard: Guard) -> BoxStream<'static, u8> {
    let items = futures::StreamExt::then(tokio_stream::iter(1..=3), move |item| {
        let _guard = &guard;
        async move {
            sleep(ms(pause)).await;
            item
        }
    });
    boxed(items)
}

/// Adds "a", "b" and "c", one every 10 ms, and removes "b" in the middle.
fn some_changes(alive: &Alive) -> BoxStream<'static, (char, Option<u8>)> {
    let mut changes = Vec::new();
    for (key, pause) in [('a', 4), ('b', 13), ('c', 6)] {
        changes.push(Change::Add(key, slow(pause, alive.guard())));
    }
    changes.push(Change::Remove('b'));
    boxed(keyed(Box::pin(tokio_stream::iter(changes).throttle(ms(10)))))
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_keyed_leaves_no_source() {
    let alive = Alive::default();
    let items = || all(some_changes(&alive));
    let gone = |polls, _| assert_eq!(alive.count(), 0, "{polls} polls");
    assert!(at_every_await(items, gone).await >= 8);
}

/// All items of what `make` merges, read up to a drop after 0, 1, 2, … polls and then
/// to the end. Returns how many times it was dropped.
async fn at_every_drop_of_a_next<S: Stream + Unpin>(
    make: impl Fn() -> S,
    check: impl Fn(usize, Vec<S::Item>),
) -> usize {
    let mut polls = 0;
    loop {
        let (mut merged, mut items) = (make(), Vec::new());
        let first = futures::StreamExt::for_each(&mut merged, |item| {
            items.push(item);
            std::future::ready(())
        });
        let ended = after_polls(polls, first).await.is_some();
        items.extend(all(merged).await);
        check(polls, items);
        if ended {
            return polls;
        }
        polls += 1;
    }
}

#[tokio::test(start_paused = true)]
async fn a_next_of_keyed_that_is_dropped_at_any_await_loses_no_item() {
    let make = || some_changes(&Alive::default());
    let polls = at_every_drop_of_a_next(make, |polls, items| {
        let of = |wanted| items.iter().filter(move |(key, _)| *key == wanted);
        let whole = [Some(1), Some(2), Some(3), None];
        assert!(of('a').map(|item| item.1).eq(whole), "{polls} polls: {items:?}");
        assert!(of('c').map(|item| item.1).eq(whole), "{polls} polls: {items:?}");
        assert!(of('b').map(|item| item.1).eq([Some(1)]), "{polls} polls: {items:?}");
    });
    let polls = polls.await;
    assert!(polls >= 8, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn a_next_of_urgent_first_that_is_dropped_at_any_await_loses_no_item() {
    let every = |period, first: u32| {
        let items = tokio_stream::iter(first..first + 3);
        futures::StreamExt::then(items, move |item| async move {
            sleep(period).await;
            item
        })
    };
    let make = || boxed(urgent_first(every(ms(3), 0), every(ms(2), 10), count(2)));
    let polls = at_every_drop_of_a_next(make, |polls, mut items| {
        items.sort_unstable();
        assert_eq!(items, [0, 1, 2, 10, 11, 12], "{polls} polls");
    });
    let polls = polls.await;
    assert!(polls >= 5, "{polls}");
}

#[tokio::test]
async fn insert_gives_the_old_source_back_and_extend_does_not_look() {
    let mut map = StreamMap::new();
    assert!(map.insert("a", tokio_stream::iter([1])).is_none());
    let old = map.insert("a", tokio_stream::iter([2])).unwrap();
    assert_eq!(all(old).await, [1], "unread");
    assert_eq!(all(map).await, [("a", 2)]);
    let mut map = StreamMap::new();
    map.extend([("a", tokio_stream::iter([1])), ("a", tokio_stream::iter([2]))]);
    assert_eq!(map.len(), 2, "one key, twice");
}

#[tokio::test]
async fn an_empty_map_has_ended_and_goes_on_with_the_next_source() {
    let mut map = StreamMap::new();
    assert_eq!(map.next().await, None);
    map.insert("a", tokio_stream::iter([1]));
    assert_eq!(map.next().await, Some(("a", 1)));
    assert_eq!(map.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn while_the_consumer_is_busy_every_source_waits() {
    let senders = [mpsc::channel(1), mpsc::channel(1)];
    let [(a, from_a), (b, from_b)] = senders;
    let mut merged = ReceiverStream::new(from_a).merge(ReceiverStream::new(from_b));
    let start = Instant::now();
    let send = |sender: mpsc::Sender<u8>| async move {
        for item in 0..3 {
            sender.send(item).await.unwrap();
        }
        start.elapsed()
    };
    let consume = async {
        while merged.next().await.is_some() {
            sleep(ms(100)).await;
        }
    };
    let (a, b, ()) = tokio::join!(send(a), send(b), consume);
    assert_eq!((a, b), (ms(200), ms(300)));
    assert_eq!(start.elapsed(), ms(600));
}

#[tokio::test(start_paused = true)]
async fn all_of_it_can_be_spawned() {
    let one = || tokio_stream::iter([1, 2]);
    assert_eq!(tokio::spawn(all(while_open(one(), one()))).await.unwrap().len(), 4);
    let merged = urgent_first(one(), one(), count(1));
    assert_eq!(tokio::spawn(all(merged)).await.unwrap().len(), 4);
    let changes = tokio_stream::iter([Change::Add(1, one())]);
    assert_eq!(tokio::spawn(all(keyed(changes))).await.unwrap().len(), 3);
    let read = |left: u32| async move { Some((left, left.checked_sub(1)?)) };
    let merged = messages_and_ticks(2, read, tokio_stream::pending::<()>());
    assert_eq!(tokio::spawn(all(merged)).await.unwrap().len(), 2);
}

use super::*;
use backend::cancel::at_every_await;
use backend::{Alive, Load, Site};
use futures::stream;
use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::task::Poll;
use tokio::time::MissedTickBehavior::{Burst, Delay, Skip};
use tokio::time::{interval, sleep, timeout};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const PERIOD: Duration = ms(100);

/// Ticks at once, and then each 100 ms.
fn from_now(missed: MissedTickBehavior) -> IntervalStream {
    ticks(Instant::now(), PERIOD, missed).unwrap()
}

/// When each of `count` ticks came, and when it was due, in milliseconds; the
/// consumer stalls for `stall` after the first.
async fn with_a_stall(
    ticks: impl Stream<Item = Instant>,
    count: usize,
    stall: Duration,
) -> (Vec<u128>, Vec<u128>) {
    let start = Instant::now();
    let mut ticks = pin!(ticks.take(count));
    let (mut came, mut due) = (Vec::new(), Vec::new());
    while let Some(tick) = ticks.next().await {
        came.push(start.elapsed().as_millis());
        due.push((tick - start).as_millis());
        if came.len() == 1 {
            sleep(stall).await;
        }
    }
    (came, due)
}

// The first tick, and n of them.

#[tokio::test(start_paused = true)]
async fn the_first_tick_comes_when_it_is_told_to() {
    let start = Instant::now();
    let mut at_once = from_now(Delay);
    at_once.next().await;
    assert_eq!(start.elapsed(), ms(0));
    let mut later = ticks(Instant::now() + PERIOD, PERIOD, Delay).unwrap();
    later.next().await;
    assert_eq!(start.elapsed(), ms(100));
    interval(PERIOD).tick().await;
    assert_eq!(start.elapsed(), ms(100), "tokio's interval: at once");
}

#[tokio::test(start_paused = true)]
async fn five_ticks_are_five_ticks_at_a_period() {
    for missed in [Burst, Delay, Skip] {
        let (came, due) = with_a_stall(from_now(missed), 5, ms(0)).await;
        assert_eq!(came, [0, 100, 200, 300, 400]);
        assert_eq!(came, due);
    }
}

#[test]
fn a_period_of_zero_is_refused_where_it_is_made() {
    let refused = |period| {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.unwrap();
        let _entered = runtime.enter();
        ticks(Instant::now(), period, Skip).err()
    };
    assert_eq!(refused(Duration::ZERO), Some(ZeroPeriod));
    assert_eq!(ZeroPeriod.to_string(), "the period of a tick is zero");
    let zero = until_full(SystemTime::now(), Duration::ZERO);
    assert_eq!(zero, Err(ZeroPeriod));
}

#[test]
fn outside_a_runtime_it_panics_where_it_is_made() {
    let made = std::panic::catch_unwind(|| ticks(Instant::now(), PERIOD, Skip));
    assert!(made.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_longest_period_ticks_once() {
    let mut once = ticks(Instant::now(), Duration::MAX, Skip).unwrap();
    assert!(once.next().await.is_some());
    let years = 29 * 365 * Duration::from_hours(24);
    assert!(timeout(years, once.next()).await.is_err());
}

// What was missed.

#[tokio::test(start_paused = true)]
async fn burst_makes_up_for_what_was_missed_at_once() {
    let (came, due) = with_a_stall(from_now(Burst), 6, ms(350)).await;
    assert_eq!(came, [0, 350, 350, 350, 400, 500]);
    assert_eq!(due, [0, 100, 200, 300, 400, 500]);
}

#[tokio::test(start_paused = true)]
async fn delay_keeps_a_period_between_ticks_and_shifts_them_all() {
    let (came, due) = with_a_stall(from_now(Delay), 6, ms(350)).await;
    assert_eq!(came, [0, 350, 450, 550, 650, 750]);
    assert_eq!(due, [0, 100, 450, 550, 650, 750]);
}

#[tokio::test(start_paused = true)]
async fn skip_leaves_out_what_was_missed_and_keeps_the_grid() {
    let (came, due) = with_a_stall(from_now(Skip), 6, ms(350)).await;
    assert_eq!(came, [0, 350, 400, 500, 600, 700]);
    assert_eq!(due, [0, 100, 400, 500, 600, 700]);
}

#[tokio::test(start_paused = true)]
async fn only_burst_has_as_many_ticks_as_periods() {
    async fn in_ten_seconds(missed: MissedTickBehavior) -> usize {
        let (start, count) = (Instant::now(), Cell::new(0));
        let work = |_| {
            count.set(count.get() + 1);
            sleep(if count.get() == 1 { ms(350) } else { ms(0) })
        };
        let all = at_each(from_now(missed), work);
        timeout(ms(10_050), all).await.unwrap_err();
        assert_eq!(start.elapsed(), ms(10_050));
        count.get()
    }
    let counts = [in_ten_seconds(Burst), in_ten_seconds(Delay), in_ten_seconds(Skip)];
    assert_eq!(futures::future::join_all(counts).await, [101, 99, 99]);
}

#[tokio::test(start_paused = true)]
async fn tokios_default_is_burst() {
    assert_eq!(interval(PERIOD).missed_tick_behavior(), Burst);
    let (came, _) =
        with_a_stall(IntervalStream::new(interval(PERIOD)), 5, ms(350)).await;
    assert_eq!(came, [0, 350, 350, 350, 400]);
}

#[tokio::test(start_paused = true)]
async fn the_stream_keeps_the_setting() {
    for missed in [Burst, Delay, Skip] {
        let mut stream = from_now(missed);
        assert_eq!(stream.as_ref().missed_tick_behavior(), missed);
        stream.next().await;
        assert_eq!(stream.into_inner().missed_tick_behavior(), missed);
    }
}

#[tokio::test(start_paused = true)]
async fn five_milliseconds_late_is_not_missed() {
    let (came, _) = with_a_stall(from_now(Delay), 4, ms(105)).await;
    assert_eq!(came, [0, 105, 200, 300], "no shift");
    let (came, _) = with_a_stall(from_now(Delay), 4, ms(106)).await;
    assert_eq!(came, [0, 106, 206, 306]);
}

#[tokio::test(start_paused = true)]
async fn with_a_short_period_delay_and_skip_burst_as_well() {
    for missed in [Delay, Skip] {
        let each_ms = ticks(Instant::now(), ms(1), missed).unwrap();
        let (came, _) = with_a_stall(each_ms, 8, ms(5)).await;
        assert_eq!(came, [0, 5, 5, 5, 5, 5, 6, 7]);
    }
}

#[tokio::test(start_paused = true)]
async fn below_a_millisecond_ticks_come_in_groups() {
    let quarter = Duration::from_micros(250);
    let four_per_ms = ticks(Instant::now(), quarter, Burst).unwrap();
    let (came, _) = with_a_stall(four_per_ms, 10, ms(0)).await;
    assert_eq!(came, [0, 1, 1, 1, 1, 2, 2, 2, 2, 3]);
}

// Cancelled, dropped, spawned.

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_loses_no_tick() {
    let (start, mut came, mut drops) = (Instant::now(), Vec::new(), 0);
    let mut ticks = from_now(Burst);
    while came.len() < 4 {
        match timeout(ms(30), ticks.next()).await {
            Ok(_) => came.push(start.elapsed().as_millis()),
            Err(_) => drops += 1,
        }
    }
    assert_eq!((came, drops), (vec![0, 100, 200, 300], 9));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_tick_loses_no_tick_either() {
    let start = Instant::now();
    let mut interval = interval(PERIOD);
    interval.tick().await;
    for _ in 0..3 {
        timeout(ms(30), interval.tick()).await.unwrap_err();
    }
    let due = interval.tick().await;
    assert_eq!((start.elapsed(), due - start), (ms(100), ms(100)));
}

#[tokio::test(start_paused = true)]
async fn dropped_anywhere_no_call_is_left() {
    let site = Site::default().with_page("/health", ms(30));
    let checks = || {
        let site = site.clone();
        at_each(from_now(Skip).take(3), move |_| {
            let answer = site.fetch("/health");
            async { drop(answer.await) }
        })
    };
    let points = at_every_await(checks, |polls, _| {
        assert_eq!(site.load().in_flight, 0, "{polls} polls");
    });
    assert_eq!(points.await, 6, "before it runs, three calls, two waits");
}

#[tokio::test(start_paused = true)]
async fn all_of_it_can_be_spawned() {
    let work = |_| sleep(ms(10));
    tokio::spawn(at_each(from_now(Skip).take(3), work)).await.unwrap();
    let messages = Box::pin(stream::once(sleep(ms(250))));
    let counted = count_and_report(messages, from_now(Skip), |_| {});
    assert_eq!(tokio::spawn(counted).await.unwrap(), 1);
}

// Work at each tick.

#[tokio::test(start_paused = true)]
async fn on_ticks_an_hour_has_3600_calls_whatever_a_call_takes() {
    let site = Site::default().with_page("/health", ms(100));
    let each_second = ticks(Instant::now(), ms(1_000), Delay).unwrap();
    let work = |_| async { drop(site.fetch("/health").await) };
    let hour = ms(3_599_500);
    timeout(hour, at_each(each_second, work)).await.unwrap_err();
    assert_eq!(site.load().calls, 3_600);
}

#[tokio::test(start_paused = true)]
async fn with_a_sleep_in_the_loop_an_hour_has_3273() {
    let site = Site::default().with_page("/health", ms(100));
    let work = || async { drop(site.fetch("/health").await) };
    let hour = ms(3_599_500);
    let all = naive::call_and_sleep(ms(1_000), work);
    timeout(hour, all).await.unwrap_err();
    assert_eq!(site.load().calls, 3_273);
}

/// When each call began within 1.1 s, if a call takes `each`.
async fn calls_at(missed: MissedTickBehavior, each: Duration) -> Vec<u128> {
    let (start, at) = (Instant::now(), RefCell::new(Vec::new()));
    let work = |_| {
        at.borrow_mut().push(start.elapsed().as_millis());
        sleep(each)
    };
    timeout(ms(1_100), at_each(from_now(missed), work)).await.unwrap_err();
    at.into_inner()
}

#[tokio::test(start_paused = true)]
async fn work_longer_than_the_period_never_pauses() {
    for missed in [Burst, Delay, Skip] {
        assert_eq!(calls_at(missed, ms(250)).await, [0, 250, 500, 750, 1_000]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_sleep_in_the_loop_always_pauses() {
    let (start, at) = (Instant::now(), RefCell::new(Vec::new()));
    let work = || {
        at.borrow_mut().push(start.elapsed().as_millis());
        sleep(ms(250))
    };
    let all = naive::call_and_sleep(PERIOD, work);
    timeout(ms(1_100), all).await.unwrap_err();
    assert_eq!(at.into_inner(), [0, 350, 700, 1_050]);
}

#[tokio::test(start_paused = true)]
async fn each_call_is_told_when_its_tick_was_due() {
    let (start, told) = (Instant::now(), RefCell::new(Vec::new()));
    let work = |due| {
        told.borrow_mut().push((due - start, start.elapsed()));
        sleep(ms(150))
    };
    at_each(from_now(Burst).take(4), work).await;
    let expected = [(0, 0), (100, 150), (200, 300), (300, 450)];
    assert_eq!(told.into_inner(), expected.map(|(due, at)| (ms(due), ms(at))));
    assert_eq!(start.elapsed(), ms(600), "it ends with its ticks");
}

#[tokio::test(start_paused = true)]
async fn no_two_calls_run_at_once() {
    let site = Site::default().with_page("/health", ms(250));
    let work = |_| async { drop(site.fetch("/health").await) };
    at_each(from_now(Burst).take(4), work).await;
    let load = Load { calls: 4, peak: 1, answered: 4, ..Load::default() };
    assert_eq!(site.load(), load);
}

// Beside other things.

/// A message at 35 ms, and then every 50 ms, for five seconds.
fn traffic() -> stream::BoxStream<'static, Instant> {
    let first = Instant::now() + ms(35);
    ticks(first, ms(50), Burst).unwrap().take(100).boxed()
}

#[tokio::test(start_paused = true)]
async fn under_traffic_a_tick_comes_all_the_same() {
    let mut reports = Vec::new();
    let counted = count_and_report(traffic(), from_now(Skip), |n| reports.push(n));
    assert_eq!(counted.await, 100);
    let expected: Vec<_> = (0..50).map(|tick| tick * 2).collect();
    assert_eq!(reports, expected);
}

/// Messages without a pause: until `done`, or until there were too many.
fn flood(done: &Cell<bool>) -> impl Stream<Item = u64> + Unpin {
    let mut count = 0;
    stream::poll_fn(move |_| {
        count += 1;
        Poll::Ready((count < 5_000_000 && !done.get()).then_some(count))
    })
}

#[tokio::test]
async fn under_a_flood_that_never_waits_a_tick_comes_all_the_same() {
    let ticks = ticks(Instant::now() + ms(1), ms(1), Skip).unwrap();
    let reported = Cell::new(false);
    let report = |_| reported.set(true);
    count_and_report(flood(&reported), ticks, report).await;
    assert!(reported.get(), "the flood has ended by itself");
}

#[tokio::test(start_paused = true)]
async fn under_traffic_a_sleep_made_again_never_ends() {
    let (start, mut reports) = (Instant::now(), Vec::new());
    let report = |n| reports.push(n);
    let counted = naive::count_and_report(traffic(), PERIOD, report);
    assert_eq!(counted.await, 100);
    assert_eq!((start.elapsed(), reports.len()), (ms(4_985), 0));
    let silent = stream::once(Box::pin(sleep(ms(250))));
    naive::count_and_report(silent, PERIOD, |n| reports.push(n)).await;
    assert_eq!(reports, [0, 0], "it reports silence");
}

#[tokio::test(start_paused = true)]
async fn ticks_that_end_leave_the_count_running() {
    let mut reports = 0;
    // It panics when it is polled again after its end.
    let two = Box::pin(stream::unfold(2, |left| async move {
        sleep(PERIOD).await;
        (left > 0).then(|| (Instant::now(), left - 1))
    }));
    assert_eq!(count_and_report(traffic(), two, |_| reports += 1).await, 100);
    assert_eq!(reports, 2);
}

#[tokio::test(start_paused = true)]
async fn merged_with_ticks_a_stream_never_ends() {
    let mut messages = stream::iter([1, 2, 3]).map(Some);
    let merged =
        tokio_stream::StreamExt::merge(&mut messages, from_now(Skip).map(|_| None));
    let all = merged.filter_map(std::future::ready).count();
    let hour = ms(3_599_950);
    timeout(hour, all).await.unwrap_err();
    assert_eq!(messages.next().await, None, "they had ended at once");
}

#[tokio::test(start_paused = true)]
async fn reset_begins_a_new_period() {
    let start = Instant::now();
    let mut stream = from_now(Skip);
    stream.next().await;
    sleep(ms(50)).await;
    stream.as_mut().reset();
    stream.next().await;
    assert_eq!(start.elapsed(), ms(150));
    stream.as_mut().reset_immediately();
    stream.next().await;
    assert_eq!(start.elapsed(), ms(150));
    stream.next().await;
    assert_eq!(start.elapsed(), ms(250));
}

// The wall clock.

#[test]
fn the_next_full_minute_is_at_most_a_minute_away() {
    let minute = Duration::from_mins(1);
    let at = |seconds, millis| {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) + ms(millis)
    };
    let until = |now| until_full(now, minute).unwrap();
    assert_eq!(until(at(1_800_000_042, 250)), ms(17_750));
    assert_eq!(until(at(1_800_000_059, 999)), ms(1));
    assert_eq!(until(at(1_800_000_060, 0)), minute, "it has just begun");
    assert_eq!(until(SystemTime::UNIX_EPOCH - ms(1)), minute);
    let longest = until_full(at(60, 0), Duration::MAX).unwrap();
    assert_eq!(longest, Duration::MAX.saturating_sub(minute));
}

#[tokio::test(start_paused = true)]
async fn what_begins_at_a_full_minute_ticks_at_full_minutes() {
    let minute = Duration::from_mins(1);
    let now = SystemTime::UNIX_EPOCH + ms(1_800_000_042_250);
    let start = Instant::now();
    let first = start + until_full(now, minute).unwrap();
    let full: Vec<_> = ticks(first, minute, Skip).unwrap().take(3).collect().await;
    for tick in full {
        let wall = now + (tick - start);
        assert_eq!(until_full(wall, minute), Ok(minute));
    }
}

// A task and a channel.

#[tokio::test(start_paused = true)]
async fn a_ticker_task_with_a_period_of_zero_looks_empty() {
    assert_eq!(naive::ticker(Duration::ZERO, 5).count().await, 0);
    assert_eq!(naive::ticker(PERIOD, 5).count().await, 5);
}

#[tokio::test(start_paused = true)]
async fn after_two_seconds_a_ticker_task_ticks_twenty_times_at_once() {
    let ticker = naive::ticker(PERIOD, 100);
    let (came, _) = with_a_stall(ticker, 100, ms(2_050)).await;
    assert_eq!(came.iter().filter(|at| **at == 2_050).count(), 20);
    let (came, _) = with_a_stall(from_now(Skip), 100, ms(2_050)).await;
    assert_eq!(came.iter().filter(|at| **at == 2_050).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_ticker_leaves_its_task_until_the_next_tick() {
    let metrics = tokio::runtime::Handle::current().metrics();
    let mut ticker = naive::ticker(Duration::from_hours(1), 100);
    ticker.next().await;
    drop(ticker);
    sleep(Duration::from_mins(59)).await;
    assert_eq!(metrics.num_alive_tasks(), 1);
    sleep(Duration::from_mins(2)).await;
    assert_eq!(metrics.num_alive_tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_ticks_leaves_nothing_behind() {
    let (alive, metrics) =
        (Alive::default(), tokio::runtime::Handle::current().metrics());
    let guard = alive.guard();
    let mut ticks = Box::pin(from_now(Skip).inspect(move |_| _ = &guard));
    ticks.next().await;
    drop(ticks);
    assert_eq!((alive.count(), metrics.num_alive_tasks()), (0, 0));
}

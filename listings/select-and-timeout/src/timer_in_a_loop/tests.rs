use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};

use backend::panics::{self, words};
use backend::script::{closing, staying_open};
use backend::{Alive, ends, polls};
use futures::{FutureExt, poll};
use tokio::time::{advance, timeout};

use super::*;

const LIMITS: Limits = Limits {
    silence: Duration::from_secs(30),
    whole: Duration::from_mins(10),
    ping: Duration::from_secs(8),
};

const HOUR: Duration = Duration::from_hours(1);

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Sends one message every `period`, `count` times, and closes.
fn every(period: Duration, count: usize) -> mpsc::Receiver<usize> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        for number in 0..count {
            sleep(period).await;
            sender.send(number).await.ok().unwrap();
        }
    });
    receiver
}

/// When something happened, in milliseconds.
struct Times {
    start: Instant,
    times: RefCell<Vec<u128>>,
}

impl Times {
    fn new() -> Self {
        Self { start: Instant::now(), times: RefCell::default() }
    }

    fn note(&self) {
        self.times.borrow_mut().push(self.start.elapsed().as_millis());
    }

    fn all(self) -> Vec<u128> {
        self.times.into_inner()
    }
}

/// Stops a loop that spins.
struct Spins;

// Three timers.

#[tokio::test(start_paused = true)]
async fn pings_are_no_messages_so_a_silent_connection_ends() {
    let times = Times::new();
    let mut messages = staying_open([(5_000, ())]);
    let end = ends(serve(&mut messages, LIMITS, async |()| (), || times.note())).await;
    assert_eq!(end, End::Silent);
    assert_eq!(times.start.elapsed(), secs(35));
    assert_eq!(times.all(), [8_000, 16_000, 24_000, 32_000]);
}

#[tokio::test(start_paused = true)]
async fn without_a_message_the_silence_begins_at_the_start() {
    let start = Instant::now();
    let mut messages = staying_open::<(), 0>([]);
    assert_eq!(
        ends(serve(&mut messages, LIMITS, async |()| (), || ())).await,
        End::Silent
    );
    assert_eq!(start.elapsed(), secs(30));
}

#[tokio::test(start_paused = true)]
async fn made_in_each_round_the_silence_begins_again_with_each_ping() {
    let mut pings = 0;
    let mut messages = staying_open([(5_000, ())]);
    let serving = naive::serve(&mut messages, LIMITS, async |()| (), || pings += 1);
    assert!(timeout(HOUR + secs(1), serving).await.is_err());
    assert_eq!(pings, 450);
}

#[tokio::test(start_paused = true)]
async fn made_in_each_round_the_silence_is_right_if_no_other_branch_wins() {
    let start = Instant::now();
    let limits = Limits { ping: HOUR, ..LIMITS };
    let mut messages = staying_open([(5_000, ())]);
    let end = ends(naive::serve(&mut messages, limits, async |()| (), || ())).await;
    assert_eq!((end, start.elapsed()), (End::Silent, secs(35)));
}

#[tokio::test(start_paused = true)]
async fn a_busy_connection_ends_when_its_whole_time_is_over() {
    let start = Instant::now();
    let handled = Cell::new(0);
    let mut pings = 0;
    let mut messages = every(ms(7_001), 1000);
    let handle = async |_| handled.set(handled.get() + 1);
    let end = ends(serve(&mut messages, LIMITS, handle, || pings += 1)).await;
    assert_eq!((end, start.elapsed()), (End::Over, LIMITS.whole));
    // 85 x 7.001 s = 595.085 s; 75 x 8 s = 600 s, and the whole time is looked at first.
    assert_eq!((handled.get(), pings), (85, 74));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_closed_ends_at_once() {
    let start = Instant::now();
    let mut messages = closing([(5_000, ())]);
    assert_eq!(
        ends(serve(&mut messages, LIMITS, async |()| (), || ())).await,
        End::Closed
    );
    assert_eq!(start.elapsed(), secs(5));
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_handler_is_not_silence() {
    let start = Instant::now();
    let mut messages = staying_open([(5_000, ())]);
    let end =
        ends(serve(&mut messages, LIMITS, async |()| sleep(secs(40)).await, || ()))
            .await;
    assert_eq!((end, start.elapsed()), (End::Silent, secs(5 + 40 + 30)));
}

#[tokio::test(start_paused = true)]
async fn while_a_handler_runs_there_is_no_ping_and_then_one() {
    let times = Times::new();
    let mut messages = staying_open([(5_000, ())]);
    let handle = async |()| sleep(secs(40)).await;
    ends(serve(&mut messages, LIMITS, handle, || times.note())).await;
    assert_eq!(times.all(), [45_000, 53_000, 61_000, 69_000]);
}

#[tokio::test(start_paused = true)]
async fn with_burst_a_slow_handler_is_followed_by_all_missed_ticks() {
    let times = Times::new();
    let mut pings = interval_at(times.start + secs(8), secs(8));
    sleep(secs(45)).await; // the handler
    for _ in 0..6 {
        pings.tick().await;
        times.note();
    }
    assert_eq!(times.all(), [45_000, 45_000, 45_000, 45_000, 45_000, 48_000]);
}

#[tokio::test(start_paused = true)]
async fn no_timer_stops_a_handler_that_runs() {
    let start = Instant::now();
    let handled = Cell::new(0);
    let mut messages = staying_open([(5_000, ()), (6_000, ())]);
    let handle = async |()| {
        sleep(secs(700)).await;
        handled.set(handled.get() + 1);
    };
    let end = ends(serve(&mut messages, LIMITS, handle, || ())).await;
    assert_eq!((end, start.elapsed(), handled.get()), (End::Over, secs(705), 1));
    assert_eq!(messages.try_recv(), Ok(()), "the second message is still there");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_there_is_not_silence() {
    let (sender, mut messages) = mpsc::channel(1);
    let limits = Limits { ping: HOUR, ..LIMITS };
    let handled = Cell::new(0);
    let mut serving = pin!(serve(
        &mut messages,
        limits,
        async |()| handled.set(handled.get() + 1),
        || ()
    ));
    assert!(poll!(&mut serving).is_pending());
    // The task is busy with something else, while a message comes and the time goes by.
    sender.send(()).await.expect("the receiver is there");
    advance(secs(31)).await;
    assert!(poll!(&mut serving).is_pending(), "not silent");
    assert_eq!(handled.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_ping_that_is_due_comes_before_the_next_message() {
    let news = RefCell::new(Vec::new());
    let mut messages = staying_open([(5_000, 1), (6_000, 2)]);
    let handle = async |number| {
        news.borrow_mut().push(number);
        sleep(secs(10)).await;
    };
    ends(serve(&mut messages, LIMITS, handle, || news.borrow_mut().push(0))).await;
    assert_eq!(news.borrow()[..3], [1, 0, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_connection_drops_the_handler_and_keeps_the_other_messages() {
    let alive = Alive::default();
    let mut messages = staying_open([(5_000, 1), (6_000, 2)]);
    let handle = |_| {
        let guard = alive.guard();
        async move {
            let _guard = guard;
            sleep(secs(60)).await;
        }
    };
    let serving = serve(&mut messages, LIMITS, handle, || ());
    assert!(timeout(secs(10), serving).await.is_err());
    assert_eq!(alive.count(), 0);
    assert_eq!(messages.try_recv(), Ok(2));
}

// A deadline around the loop.

#[tokio::test(start_paused = true)]
async fn a_limit_around_the_loop_drops_the_handler_too() {
    let alive = Alive::default();
    let start = Instant::now();
    let mut messages = staying_open([(5_000, 1), (6_000, 2)]);
    let handle = |_| {
        let guard = alive.guard();
        async move {
            let _guard = guard;
            sleep(secs(700)).await;
        }
    };
    let result = ends(until_deadline(&mut messages, start + secs(600), handle)).await;
    assert!(result.is_err());
    assert_eq!((start.elapsed(), alive.count()), (secs(600), 0));
    assert_eq!(messages.try_recv(), Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_ends_before_its_deadline_is_no_error() {
    let start = Instant::now();
    let mut messages = closing([(5_000, 1), (6_000, 2)]);
    let mut handled = Vec::new();
    let handle = |number| {
        handled.push(number);
        std::future::ready(())
    };
    ends(until_deadline(&mut messages, start + secs(600), handle))
        .await
        .expect("in time");
    assert_eq!((start.elapsed(), handled), (secs(6), vec![1, 2]));
}

// Once in each period.

#[tokio::test(start_paused = true)]
async fn an_interval_made_before_the_loop_reports_fifty_times_in_five_seconds() {
    let (times, mut written) = (Times::new(), 0);
    let mut messages = every(ms(59), 85); // until 5.015 s
    ends(with_reports(&mut messages, ms(100), |_| written += 1, || times.note())).await;
    assert_eq!(written, 85);
    assert_eq!(times.all(), (1..=50).map(|n| n * 100).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_sleep_made_in_each_round_reports_never_while_messages_come() {
    let (mut reports, mut written) = (0, 0);
    let mut messages = every(ms(59), 85);
    ends(naive::with_reports(
        &mut messages,
        ms(100),
        |_| written += 1,
        || reports += 1,
    ))
    .await;
    assert_eq!((reports, written), (0, 85));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_around_one_round_starts_again_with_each_round() {
    let (mut rounds, mut messages) = (0, every(ms(59), 85));
    let limit = ms(100);
    loop {
        let round = timeout(limit, async {
            select! {
                message = messages.recv() => message,
            }
        });
        match round.await.expect("59 ms is less than the limit") {
            Some(_) => rounds += 1,
            None => break,
        }
    }
    assert_eq!(rounds, 85); // five seconds
}

#[tokio::test(start_paused = true)]
async fn a_timeout_around_one_round_drops_the_handler_with_its_message() {
    let mut messages = staying_open([(5, 1), (6, 2)]);
    let mut handled = Vec::new();
    let round = timeout(ms(100), async {
        select! {
            message = messages.recv() => {
                sleep(ms(200)).await; // the handler
                handled.push(message);
            }
        }
    });
    assert!(round.await.is_err());
    assert_eq!(handled, []);
    assert_eq!(messages.try_recv(), Ok(2));
}

// A sleep that has ended.

#[tokio::test(start_paused = true)]
async fn each_silence_is_reminded_of_once() {
    let times = Times::new();
    let mut written = Vec::new();
    let mut messages = closing([(5, 1), (200, 2), (250, 3), (500, 4)]);
    ends(reminding(
        &mut messages,
        ms(100),
        |number| written.push(number),
        || times.note(),
    ))
    .await;
    assert_eq!(times.all(), [105, 350]);
    assert_eq!(written, [1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_sleep_that_has_ended_is_ready_again_at_each_poll() {
    let start = Instant::now();
    let mut sleep = pin!(sleep(ms(10)));
    for _ in 0..3 {
        sleep.as_mut().await;
        assert_eq!(start.elapsed(), ms(10));
    }
    sleep.as_mut().reset(Instant::now() + ms(10));
    sleep.await;
    assert_eq!(start.elapsed(), ms(20));
}

#[tokio::test(start_paused = true)]
async fn a_sleep_that_has_ended_makes_the_loop_spin() {
    let times = Times::new();
    let mut messages = staying_open::<(), 0>([]);
    let reminded = Cell::new(0);
    let remind = || {
        reminded.set(reminded.get() + 1);
        times.note();
        if reminded.get() == 1000 {
            panic_any(Spins);
        }
    };
    let spinning = naive::reminding(&mut messages, ms(100), drop, remind);
    let panic =
        ends(AssertUnwindSafe(spinning).catch_unwind()).await.expect_err("it spins");
    assert!(panic.is::<Spins>());
    assert_eq!(times.all(), [100; 1000]);
}

// `is_elapsed`.

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_polled_is_told_after_the_handler() {
    let times = Times::new();
    let mut messages = staying_open([(5, ())]);
    let deadline = times.start + ms(20);
    ends(or_late(
        &mut messages,
        deadline,
        async |()| sleep(ms(30)).await,
        || times.note(),
    ))
    .await;
    assert_eq!(times.all(), [35]);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_polled_comes_before_the_next_message() {
    let handled = Cell::new(0);
    for _ in 0..20 {
        let mut messages = staying_open([(5, ()), (6, ())]);
        let handle = async |()| {
            handled.set(handled.get() + 1);
            sleep(ms(30)).await;
        };
        ends(or_late(&mut messages, Instant::now() + ms(20), handle, || ())).await;
    }
    assert_eq!(handled.get(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_ends_first_is_not_late() {
    let times = Times::new();
    let mut messages = closing([(5, ())]);
    let deadline = times.start + ms(20);
    ends(or_late(&mut messages, deadline, async |()| (), || times.note())).await;
    assert_eq!(times.start.elapsed(), ms(5));
    assert_eq!(times.all(), [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn with_is_elapsed_in_the_loop_nobody_hears_that_it_is_late() {
    let times = Times::new();
    let mut messages = staying_open([(5, ())]);
    let deadline = times.start + ms(20);
    let handle = async |()| sleep(ms(30)).await;
    ends(naive::or_late(&mut messages, deadline, handle, || times.note())).await;
    assert_eq!(times.start.elapsed(), ms(35));
    assert_eq!(times.all(), [0; 0]);
}

// Many timers.

#[tokio::test(start_paused = true)]
async fn each_customer_leaves_after_a_time_without_a_sign() {
    let start = Instant::now();
    let mut left = Vec::new();
    let mut seen =
        closing([(10, "Ann"), (20, "Ben"), (70, "Ann"), (200, "Ben"), (210, "Cid")]);
    ends(sessions(&mut seen, ms(100), |customer| {
        left.push((start.elapsed().as_millis(), customer));
    }))
    .await;
    assert_eq!(left, [(120, "Ben"), (170, "Ann"), (300, "Ben"), (310, "Cid")]);
}

#[tokio::test(start_paused = true)]
async fn an_empty_queue_of_timers_does_not_end_the_loop_nor_let_it_spin() {
    let start = Instant::now();
    let mut seen = closing([(60_000, "Ann")]);
    let mut left = 0;
    let ((), polls) = polls(sessions(&mut seen, ms(100), |_| left += 1)).await;
    assert_eq!((left, start.elapsed()), (1, ms(60_100)));
    assert!(polls <= 6, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn an_empty_queue_of_timers_gives_none_at_once() {
    let mut timers = DelayQueue::new();
    assert!(timers.next().await.is_none());
    timers.insert("Ann", ms(10));
    assert!(timers.next().await.is_some());
    assert!(timers.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_timer_that_has_fired_cannot_be_reset() {
    let mut timers = DelayQueue::new();
    let key = timers.insert("Ann", ms(10));
    // It is in the queue until it is taken out, also after its time.
    sleep(ms(20)).await;
    timers.reset(&key, ms(10));
    timers.next().await.expect("it is still there");
    let panic =
        catch_unwind(AssertUnwindSafe(|| timers.reset(&key, ms(10)))).unwrap_err();
    assert_eq!(words(&*panic), "invalid key");
    assert!(timers.try_remove(&key).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_timer_of_three_years_is_a_panic_of_the_queue() {
    let mut timers = DelayQueue::new();
    let years = |n: u64| Duration::from_hours(n * 365 * 24);
    timers.insert("two years", years(2));
    let three = AssertUnwindSafe(|| timers.insert("three years", years(3)));
    let panic = catch_unwind(three).unwrap_err();
    assert_eq!(words(&*panic), "invalid deadline; err=Invalid");
}

// Long and short times.

#[tokio::test(start_paused = true)]
async fn the_longest_sleep_ends_after_thirty_years() {
    let start = Instant::now();
    sleep(Duration::MAX).await;
    assert_eq!(start.elapsed(), Duration::from_hours(30 * 365 * 24));
}

#[tokio::test(start_paused = true)]
async fn the_longest_timeout_has_no_timer() {
    let waiting = timeout(Duration::MAX, std::future::pending::<()>());
    let century = Duration::from_hours(100 * 365 * 24);
    // `sleep` cuts a century to 30 years, so wait for four of them.
    let four = async {
        for _ in 0..4 {
            sleep(century).await;
        }
    };
    select! {
        _ = waiting => unreachable!("it never ends"),
        () = four => {}
    }
}

#[tokio::test(start_paused = true)]
async fn now_and_the_longest_time_is_a_panic() {
    let now = Instant::now();
    let panic = catch_unwind(|| now + Duration::MAX).unwrap_err();
    assert_eq!(words(&*panic), "overflow when adding duration to instant");
}

/// The words of the panic of a `serve` with these limits.
async fn panic_of(limits: Limits) -> String {
    let mut messages = closing([(5_000, ())]);
    let panic = panics::panic_of(serve(&mut messages, limits, async |()| (), || ()));
    words(&*panic.await).to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_no_instant_can_hold_is_a_panic() {
    let overflow = "overflow when adding duration to instant";
    let forever = Duration::MAX;
    assert_eq!(panic_of(Limits { ping: forever, ..LIMITS }).await, overflow);
    assert_eq!(panic_of(Limits { silence: forever, ..LIMITS }).await, overflow);
}

#[tokio::test(start_paused = true)]
async fn a_ping_of_zero_is_a_panic() {
    let zero = Duration::ZERO;
    assert_eq!(
        panic_of(Limits { ping: zero, ..LIMITS }).await,
        "`period` must be non-zero."
    );
}

#[tokio::test(start_paused = true)]
async fn ten_sleeps_of_a_microsecond_need_ten_milliseconds() {
    let start = Instant::now();
    for _ in 0..10 {
        sleep(Duration::from_micros(1)).await;
    }
    assert_eq!(start.elapsed(), ms(10));
}

#[tokio::test]
async fn each_loop_can_be_spawned() {
    fn spawned<F: Future + Send>(_: F) {}
    let (_sender, mut messages) = mpsc::channel::<u8>(1);
    spawned(serve(&mut messages, LIMITS, |_| async {}, || ()));
    spawned(until_deadline(&mut messages, Instant::now(), |_| async {}));
    spawned(with_reports(&mut messages, HOUR, drop, || ()));
    spawned(reminding(&mut messages, HOUR, drop, || ()));
    spawned(sessions(&mut messages, HOUR, drop));
    spawned(or_late(&mut messages, Instant::now(), |_| async {}, || ()));
}

use super::*;
use backend::cancel::{after_polls, at_every_await};
use backend::{Load, Reply, Site};
use futures::future::{FutureExt, LocalBoxFuture, join_all};
use futures::stream::{self, LocalBoxStream};
use policy::limiter::Rate;
use policy::retry::Retry;
use std::cell::{Cell, RefCell};
use std::future::ready;
use std::num::NonZeroU32;
use std::panic::catch_unwind;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::unconstrained;
use tokio::time::{Instant, sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;

const ONE: NonZeroUsize = NonZeroUsize::MIN;
const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
const TEN: NonZeroUsize = NonZeroUsize::new(10).unwrap();
const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn n(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

fn limiter(tokens: u32, per: Duration, burst: u32) -> Limiter {
    Limiter::new(Rate { tokens: n(tokens), per, burst: n(burst) }).unwrap()
}

/// Ten a second, and two at once.
fn ten_a_second() -> Limiter {
    limiter(10, secs(1), 2)
}

/// A page that takes this long.
fn site(after: Duration) -> Site {
    Site::default().with_page("/a", after)
}

/// Notes when something happened.
struct Times {
    start: Instant,
    at: RefCell<Vec<u64>>,
}

impl Times {
    fn new() -> Self {
        Self { start: Instant::now(), at: RefCell::default() }
    }

    fn note(&self) {
        self.at.borrow_mut().push(self.start.elapsed().as_millis() as u64);
    }

    fn fetch<'a>(
        &'a self,
        site: &'a Site,
    ) -> impl Fn(usize) -> LocalBoxFuture<'a, ()> + Clone + 'a {
        move |_| {
            async move {
                self.note();
                site.fetch("/a").await.unwrap();
            }
            .boxed_local()
        }
    }

    fn all(self) -> Vec<u64> {
        self.at.into_inner()
    }
}

/// [`paced`] or [`paced_inside`].
fn limited<'a, S: Stream + 'a, Fut: Future + 'a>(
    inside: bool,
    requests: S,
    at_once: NonZeroUsize,
    limiter: &Limiter,
    work: impl FnMut(S::Item) -> Fut + 'a,
) -> LocalBoxStream<'a, Fut::Output> {
    let limiter = limiter.clone();
    if inside {
        paced_inside(requests, at_once, limiter, work).boxed_local()
    } else {
        paced(requests, at_once, limiter, work).boxed_local()
    }
}

// So many at once, and so many per second.

#[tokio::test(start_paused = true)]
async fn quick_answers_are_held_to_the_rate() {
    for inside in [false, true] {
        let (site, times) = (site(ms(1)), Times::new());
        let (requests, limiter) = (stream::iter(0..7), ten_a_second());
        limited(inside, requests, TEN, &limiter, times.fetch(&site)).count().await;
        assert_eq!(site.load().answered, 7);
        assert_eq!(times.all(), [0, 0, 100, 200, 300, 400, 500]);
    }
}

#[tokio::test(start_paused = true)]
async fn slow_answers_are_held_to_so_many_at_once() {
    for inside in [false, true] {
        let (site, times) = (site(secs(1)), Times::new());
        let (requests, limiter) = (stream::iter(0..6), ten_a_second());
        limited(inside, requests, TWO, &limiter, times.fetch(&site)).count().await;
        assert_eq!((site.load().answered, site.load().peak), (6, 2));
        assert_eq!(times.all(), [0, 0, 1000, 1000, 2000, 2000]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_holds_up_nobody() {
    for inside in [false, true] {
        let start = Instant::now();
        let work = |after| async move {
            sleep(ms(after)).await;
            (after, start.elapsed())
        };
        let (requests, limiter) = (stream::iter([500, 20, 30, 40]), ten_a_second());
        let answers = limited(inside, requests, TWO, &limiter, work);
        let expected = [(20, 20), (30, 130), (40, 240), (500, 500)];
        let answers: Vec<_> = answers.collect().await;
        assert_eq!(answers, expected.map(|(after, at)| (after, ms(at))));
    }
}

#[tokio::test(start_paused = true)]
async fn work_is_called_after_the_token_and_inside_before_it() {
    for (inside, called) in [(false, [1, 2, 3]), (true, [3, 4, 4])] {
        let (taken, made) = (Cell::new(0), Cell::new(0));
        let requests = stream::iter(0..4).inspect(|_| taken.set(taken.get() + 1));
        let work = |_| {
            made.set(made.get() + 1);
            sleep(ms(1))
        };
        let three = TWO.saturating_add(1);
        let limiter = limiter(1, secs(1), 1);
        let mut answers = limited(inside, requests, three, &limiter, work);
        assert_eq!((taken.get(), made.get()), (0, 0), "before the first poll");
        for called in called {
            answers.next().await.unwrap();
            assert_eq!(made.get(), called, "inside: {inside}");
            assert!(taken.get() <= made.get() + usize::from(!inside));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_kth_request_starts_no_sooner_than_its_token_comes() {
    let (site, times) = (site(ms(0)), Times::new());
    let requests = stream::iter(0..1000);
    paced(requests, TEN, limiter(10, secs(1), 1), times.fetch(&site)).count().await;
    assert!(times.all().into_iter().eq((0..1000).map(|k| k * 100)));
}

#[tokio::test(start_paused = true)]
async fn with_ten_places_one_request_waits_outside_and_ten_inside() {
    let limiter = limiter(1, secs(1), 1);
    limiter.acquire_one().await;
    for (inside, waiting) in [(false, 1), (true, 10)] {
        let pulled = Cell::new(0);
        let requests = stream::iter(0..100).inspect(|_| pulled.set(pulled.get() + 1));
        let mut answers = limited(inside, requests, TEN, &limiter, ready);
        assert_eq!(answers.next().now_or_never(), None);
        assert_eq!((pulled.get(), limiter.waiting()), (waiting, waiting));
        drop(answers);
        assert_eq!(limiter.waiting(), 0);
    }
}

/// Starts of two streams with ten places and with one, in 22 seconds with one a second.
async fn shares(inside: bool) -> [usize; 2] {
    let limiter = limiter(1, secs(1), 1);
    limiter.acquire_one().await;
    let starts = [Cell::new(0), Cell::new(0)];
    let run = |place: usize, at_once| {
        let starts = &starts[place];
        let work = move |_| async move { starts.set(starts.get() + 1) };
        limited(inside, stream::iter(0..100), at_once, &limiter, work).count()
    };
    let both = async { tokio::join!(run(0, TEN), run(1, ONE)) };
    timeout(ms(22_500), both).await.unwrap_err();
    starts.map(Cell::into_inner)
}

#[tokio::test(start_paused = true)]
async fn outside_two_streams_share_evenly_and_inside_by_their_places() {
    assert_eq!(shares(false).await, [11, 11]);
    assert_eq!(shares(true).await, [20, 2]);
}

#[tokio::test(start_paused = true)]
async fn inside_a_timeout_of_the_work_runs_in_the_line_too() {
    for (inside, in_time) in [(false, [true, true]), (true, [true, false])] {
        let limiter = limiter(1, secs(1), 1);
        let work = |()| timeout(ms(500), async { sleep(ms(10)).await });
        let answers = limited(inside, stream::iter([(); 2]), TWO, &limiter, work);
        let answers = answers.map(|answer| answer.is_ok()).collect::<Vec<_>>();
        assert_eq!(answers.await, in_time, "inside: {inside}");
    }
}

#[tokio::test(start_paused = true)]
async fn inside_each_attempt_can_take_a_token() {
    let replies = [Reply::status(ms(0), 503), Reply::page(ms(0), "here")];
    let site = Site::default().with_replies("/a", replies);
    let (limiter, start) = (limiter(1, secs(1), 1), Instant::now());
    let retry = Retry { base: ms(0), ..Retry::default() };
    let attempt = |_| async {
        limiter.acquire_one().await;
        site.fetch("/a").await
    };
    let work = |_| async { retry.run(&mut backend::Longest, attempt).await };
    let answers = stream::iter(0..2).map(work).buffer_unordered(2);
    assert!(answers.all(|answer| ready(answer.is_ok())).await);
    assert_eq!((site.load().calls, start.elapsed()), (3, secs(2)));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_stream_drops_what_is_under_way_and_leaves_the_line() {
    let (site, limiter) = (site(HOUR), ten_a_second());
    for inside in [false, true] {
        let before = site.load().dropped;
        let work = |_: usize| site.fetch("/a");
        let requests = stream::iter(0..9);
        let run = limited(inside, requests, TEN, &limiter, work).count();
        sleep(secs(1)).await; // the bucket is full
        timeout(ms(150), run).await.unwrap_err();
        let Load { in_flight, dropped, .. } = site.load();
        assert_eq!((in_flight, dropped - before, limiter.waiting()), (0, 3, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_it_leaves_nothing_behind() {
    let (site, limiter) = (site(ms(150)), ten_a_second());
    let run = || {
        let work = |_| site.fetch("/a");
        paced(stream::iter(0..5), TWO, limiter.clone(), work).count()
    };
    let check = |_, _| assert_eq!((site.load().in_flight, limiter.waiting()), (0, 0));
    let points = at_every_await(run, check).await;
    assert!(points >= 5, "{points}");
}

#[tokio::test(start_paused = true)]
async fn what_the_stream_has_taken_is_lost_with_it() {
    for (inside, left) in [(false, 5), (true, 3)] {
        let (send, receive) = mpsc::channel(10);
        for request in 0..7 {
            send.send(request).await.unwrap();
        }
        drop(send);
        let mut receive = ReceiverStream::new(receive);
        let (limiter, start) = (limiter(1, secs(1), 1), Instant::now());
        let three = TWO.saturating_add(1);
        let work = |_| ready(());
        let mut answers = limited(inside, &mut receive, three, &limiter, work);
        assert_eq!(answers.next().await, Some(()));
        assert_eq!(answers.next().now_or_never(), None);
        drop(answers);
        assert_eq!((start.elapsed(), receive.count().await), (ms(0), left));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_next_keeps_its_request_and_its_place_in_the_line() {
    for (inside, places, expected) in
        [(false, 1, [1, 3, 4, 5]), (true, 2, [1, 2, 4, 5])]
    {
        let (limiter, start) = (limiter(1, secs(1), 1), Instant::now());
        limiter.acquire_one().await;
        let mut answers = limited(inside, stream::iter(0..4), TWO, &limiter, ready);
        assert_eq!(answers.next().now_or_never(), None);
        let behind = limiter.clone();
        let behind = tokio::spawn(async move {
            behind.acquire_one().await;
            start.elapsed()
        });
        let mut all = Vec::new();
        loop {
            match timeout(ms(1), answers.next()).await {
                Ok(Some(request)) => all.push((request, start.elapsed())),
                Ok(None) => break,
                Err(_) => {
                    let left: usize = places.min(4 - all.len());
                    let line = left + usize::from(!behind.is_finished());
                    assert_eq!(limiter.waiting(), line);
                }
            }
        }
        let expected: Vec<_> = (0..4).zip(expected.map(secs)).collect();
        assert_eq!(all, expected);
        assert_eq!(behind.await.unwrap(), secs(places as u64 + 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_draws_on_the_same_limiter_goes_on() {
    let (limiter, start) = (limiter(1, secs(1), 1), Instant::now());
    for inside in [false, true] {
        let requests = stream::iter(0..4);
        let mut answers = limited(inside, requests, TWO, &limiter, ready);
        while answers.next().await.is_some() {
            limiter.acquire_one().await; // while nobody polls those in the stream
        }
    }
    assert_eq!(start.elapsed(), secs(21), "16 tokens, and 6 turns that were missed");
}

#[tokio::test(start_paused = true)]
async fn it_can_be_spawned() {
    let site = site(ms(1));
    for inside in [false, true] {
        let fetch = site.clone();
        let work = move |_| fetch.fetch("/a");
        let requests = stream::iter(0..3);
        let limiter = ten_a_second();
        let answers = if inside {
            tokio::spawn(paced_inside(requests, TWO, limiter, work).count())
        } else {
            tokio::spawn(paced(requests, TWO, limiter, work).count())
        };
        assert_eq!(answers.await.unwrap(), 3);
    }
}

// Throttle.

fn throttle<S: Stream>(stream: S, every: Duration) -> impl Stream<Item = S::Item> {
    tokio_stream::StreamExt::throttle(stream, every)
}

#[tokio::test(start_paused = true)]
async fn throttle_has_no_burst_even_after_an_hour() {
    let times = Times::new();
    let mut items = pin!(throttle(stream::iter(0..4), ms(100)));
    sleep(HOUR).await;
    while items.next().await.is_some() {
        times.note();
    }
    let hour = 3_600_000;
    assert_eq!(times.all(), [0, 100, 200, 300].map(|after| hour + after));
}

#[tokio::test(start_paused = true)]
async fn throttle_makes_up_for_no_lateness_and_a_bucket_does() {
    // The first item keeps the loop busy for 250 ms.
    let (throttled, paced_) = (Times::new(), Times::new());
    let busy = async |times: &Times| {
        times.note();
        sleep(ms(if times.at.borrow().len() == 1 { 250 } else { 0 })).await;
    };
    let items = throttle(stream::iter(0..5), ms(100));
    items.for_each(|_| busy(&throttled)).await;
    assert_eq!(throttled.all(), [0, 250, 350, 450, 550]);
    let paced_ = Times { start: Instant::now(), ..paced_ };
    let limiter = ten_a_second();
    limiter.acquire_one().await; // so that one is left, as above
    paced(stream::iter(0..5), ONE, limiter, |_| busy(&paced_)).count().await;
    assert_eq!(paced_.all(), [0, 250, 250, 350, 450]);
}

#[tokio::test(start_paused = true)]
async fn throttle_rounds_each_pause_up_and_a_bucket_does_not() {
    let pause = Duration::from_micros(1500);
    let start = Instant::now();
    throttle(stream::iter(0..1000), pause).count().await;
    assert_eq!(start.elapsed(), ms(2000), "not 1500");
    let (limiter, start) = (limiter(2, ms(3), 2), Instant::now());
    paced(stream::iter(0..1002), ONE, limiter, ready).count().await;
    assert_eq!(start.elapsed(), ms(1500));
}

#[tokio::test(start_paused = true)]
async fn throttle_stops_its_source_too_and_a_bucket_does_not() {
    // Each item takes 90 ms to come.
    let items = || stream::iter(0..10).then(|_| sleep(ms(90)));
    let start = Instant::now();
    throttle(items(), ms(100)).take(10).count().await;
    assert_eq!(start.elapsed(), ms(90 + 9 * 190));
    let (limiter, start) = (limiter(10, secs(1), 1), Instant::now());
    paced(items(), ONE, limiter, ready).count().await;
    assert_eq!(start.elapsed(), ms(90 + 9 * 100));
}

#[tokio::test(start_paused = true)]
async fn two_throttled_streams_are_twice_the_rate() {
    let items = || throttle(stream::iter(0..100), ms(100)).take(10).collect::<Vec<_>>();
    let start = Instant::now();
    let (a, b) = tokio::join!(items(), items());
    assert_eq!((a.len() + b.len(), start.elapsed()), (20, ms(900)));
}

// The naive ones.

#[tokio::test(start_paused = true)]
async fn with_permits_ten_thousand_requests_pass_in_no_time() {
    let start = Instant::now();
    assert_eq!(naive::rate_limited(0..10_000, ready).count().await, 10_000);
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn with_five_permits_in_ten_places_five_only_queue() {
    let (site, pulled) = (site(HOUR), AtomicUsize::new(0));
    let requests = (0..100).inspect(|_| _ = pulled.fetch_add(1, Ordering::Relaxed));
    let mut answers = pin!(naive::rate_limited(requests, |_| site.fetch("/a")));
    assert!(answers.next().now_or_never().is_none());
    assert_eq!((pulled.load(Ordering::Relaxed), site.load().in_flight), (10, 5));
}

/// The most that start in one millisecond: the server hangs for ten seconds, then answers at once.
async fn after_a_hanging_server<F: Future<Output = ()>>(
    call: impl Fn(Limiter, Arc<Semaphore>, Site) -> F,
) -> usize {
    let first = Reply::page(secs(10), "");
    let replies = vec![first; 5].into_iter().chain([Reply::page(ms(0), "")]);
    let site = Site::default().with_replies("/a", replies);
    let (limiter, permits) = (limiter(4, secs(1), 5), Arc::new(Semaphore::new(5)));
    let calls = || call(limiter.clone(), Arc::clone(&permits), site.clone());
    let calls = join_all((0..100).map(|_| calls()));
    timeout(ms(10_001), calls).await.unwrap_err();
    site.load().calls - 5
}

#[tokio::test(start_paused = true)]
async fn tokens_taken_before_a_permit_pile_up_behind_it() {
    let token_first = |limiter: Limiter, permits: Arc<Semaphore>, site: Site| async move {
        let request = site.fetch("/a").map(drop);
        naive::token_then_permit(&limiter, &permits, request).await;
    };
    assert_eq!(after_a_hanging_server(token_first).await, 40);
    let permit_first = |limiter: Limiter, permits: Arc<Semaphore>, site: Site| async move {
        let _permit = permits.acquire().await;
        limiter.acquire_one().await;
        site.fetch("/a").map(drop).await;
    };
    assert_eq!(after_a_hanging_server(permit_first).await, 5);
}

#[tokio::test(start_paused = true)]
async fn ten_tasks_that_sleep_make_ten_times_the_rate() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let call = move || {
        count.fetch_add(1, Ordering::Relaxed);
        ready(())
    };
    let tasks = naive::sleep_on_each_task(10, ms(100), call);
    sleep(ms(999)).await;
    drop(tasks);
    assert_eq!(calls.load(Ordering::Relaxed), 100);
}

#[tokio::test(start_paused = true)]
async fn a_refill_task_fills_over_the_rim() {
    let passed = |limiter: &naive::RefillTask| {
        // Unconstrained: the budget of the task would end it after 128.
        let pass = || unconstrained(limiter.acquire()).now_or_never();
        std::iter::from_fn(pass).count()
    };
    let limiter = naive::RefillTask::new(5, 2, ms(500));
    sleep(ms(1)).await;
    assert_eq!(passed(&limiter), 7, "the first refill comes at once");
    let limiter = naive::RefillTask::new(5, 2, ms(500));
    sleep(HOUR + ms(100)).await;
    assert_eq!(passed(&limiter), 14_407);
}

#[tokio::test(start_paused = true)]
async fn a_refill_task_outlives_its_limiter() {
    drop(naive::RefillTask::new(5, 2, ms(500)));
    sleep(HOUR).await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 1);
}

#[test]
fn a_refill_task_cannot_be_made_outside_a_runtime() {
    assert!(catch_unwind(|| naive::RefillTask::new(5, 2, ms(500))).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_refill_task_with_a_period_of_zero_is_dead() {
    let limiter = naive::RefillTask::new(1, 1, Duration::ZERO);
    limiter.acquire().await;
    timeout(HOUR, limiter.acquire()).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn asleep_in_the_lock_it_holds_up_all_others_while_nobody_polls_it() {
    let limiter = naive::SleepInTheLock::new(ms(100));
    limiter.acquire().await;
    let mut asleep = pin!(limiter.acquire());
    assert_eq!(after_polls(1, asleep.as_mut()).await, None);
    timeout(HOUR, limiter.acquire()).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn asleep_in_the_lock_nobody_can_tell_how_long_it_will_take() {
    /// When each of ten gave up.
    async fn gave_up<F: Future<Output = bool>>(call: impl Fn() -> F) -> Vec<Duration> {
        let start = Instant::now();
        let calls = (0..10).map(|_| call().map(|passed| (passed, start.elapsed())));
        let ends = join_all(calls).await;
        ends.into_iter().filter(|(passed, _)| !passed).map(|(_, at)| at).collect()
    }
    let (patience, lock) = (ms(4500), naive::SleepInTheLock::new(secs(1)));
    let call = || timeout(patience, lock.acquire()).map(|it| it.is_ok());
    assert_eq!(gave_up(call).await, [patience; 5]);
    let limiter = limiter(1, secs(1), 1);
    let call =
        || limiter.acquire_within(NonZeroU32::MIN, patience).map(|it| it.is_ok());
    assert_eq!(gave_up(call).await, [Duration::ZERO; 5]);
}

/// One call at 0 ms and 24 at 990 ms.
async fn one_and_then_24<F: Future<Output = ()>>(acquire: impl Fn() -> F) -> Vec<u64> {
    let times = Times::new();
    acquire().await;
    times.note();
    sleep(ms(990)).await;
    let calls = (0..24).map(|_| acquire().map(|()| times.note()));
    join_all(calls).await;
    times.all()
}

fn most_in(window: u64, at: &[u64]) -> usize {
    let most =
        |from: u64| at.iter().filter(|at| (from..=from + window).contains(*at)).count();
    at.iter().map(|from| most(*from)).max().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_fixed_window_lets_19_pass_in_10_ms_and_a_bucket_10() {
    let window = naive::FixedWindow::new(10, secs(1));
    let at = one_and_then_24(|| window.acquire()).await;
    assert_eq!((most_in(10, &at), at[10], at[20]), (19, 1000, 2000));
    let bucket = limiter(10, secs(1), 10);
    let at = one_and_then_24(|| bucket.acquire_one()).await;
    assert_eq!((most_in(10, &at), at[10], at[11], at[24]), (10, 990, 1090, 2390));
}

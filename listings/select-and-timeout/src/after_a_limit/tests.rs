use std::cell::RefCell;
use std::error::Error;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use backend::alive::left_at_drops;
use backend::panics::{panic_of, words};
use backend::{Alive, ends, soon};
use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use super::*;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Answers with its time, and is alive until it is dropped.
fn query(alive: &Alive, time: u64) -> impl Future<Output = u64> + Send + use<> {
    let guard = alive.guard();
    async move {
        let _guard = guard;
        sleep(ms(time)).await;
        time
    }
}

fn queries<const N: usize>(
    alive: &Alive,
    times: [u64; N],
) -> [impl Future<Output = u64> + Send + use<N>; N] {
    times.map(|time| query(alive, time))
}

// What goes wrong.

#[tokio::test(start_paused = true)]
async fn after_three_naive_reports_that_were_too_late_nine_queries_run() {
    let alive = Alive::default();
    let start = Instant::now();
    for _ in 0..3 {
        let report = naive::all(queries(&alive, [10_000; 3]));
        assert!(timeout(ms(1_000), report).await.is_err());
    }
    assert_eq!(start.elapsed(), ms(3_000));
    sleep(ms(6_000)).await;
    assert_eq!(alive.count(), 9, "a while later");
    sleep(ms(3_500)).await;
    assert_eq!(alive.count(), 0, "they have run to their end");
}

#[tokio::test(start_paused = true)]
async fn in_time_the_naive_report_is_right() {
    let report = naive::all(queries(&Alive::default(), [30, 20, 10]));
    let answers = timeout(ms(1_000), report).await.unwrap();
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, [30, 20, 10]);
}

// A set of tasks.

#[tokio::test(start_paused = true)]
async fn after_the_limit_no_query_of_a_set_is_left() {
    let alive = Alive::default();
    for _ in 0..3 {
        let start = Instant::now();
        let report = all(queries(&alive, [10_000; 3]));
        assert!(timeout(ms(1_000), report).await.is_err());
        assert_eq!(start.elapsed(), ms(1_000), "the limit is exact");
        yield_now().await;
        assert_eq!(alive.count(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_limit_a_set_only_asks_its_tasks_to_end() {
    let alive = Alive::default();
    let report = all(queries(&alive, [10_000; 3]));
    assert!(timeout(ms(1_000), report).await.is_err());
    assert_eq!(alive.count(), 3, "the error is here first");
    yield_now().await;
    assert_eq!(alive.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn answers_in_time_are_handed_over_when_the_last_one_comes() {
    let alive = Alive::default();
    let start = Instant::now();
    let report = all(queries(&alive, [300, 100, 200]));
    let answers = timeout(ms(1_000), report).await;
    assert_eq!((answers, start.elapsed()), (Ok(vec![100, 200, 300]), ms(300)));
    let report = all_within(ms(1_000), queries(&alive, [300, 100, 200]));
    let answers = report.await.unwrap();
    assert_eq!((answers, start.elapsed()), (vec![100, 200, 300], ms(600)));
    assert_eq!(alive.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn when_the_error_comes_no_query_of_all_within_is_left() {
    let alive = Alive::default();
    let start = Instant::now();
    let report = all_within(ms(1_000), queries(&alive, [10_000, 500, 10_000]));
    let error = ends(report).await.unwrap_err();
    assert_eq!((alive.count(), start.elapsed()), (0, ms(1_000)));
    assert!(matches!(error, Unanswered::Late(limit) if limit == ms(1_000)));
    assert_eq!(error.to_string(), "not all queries were answered within 1s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_two_threads_no_query_of_all_within_is_left_either() {
    for _ in 0..20 {
        let alive = Alive::default();
        let query = || {
            let guard = alive.guard();
            async move {
                pending::<()>().await;
                drop(guard);
            }
        };
        let report = all_within(ms(1), [query(), query(), query()]);
        soon(report).await.unwrap_err();
        assert_eq!(alive.count(), 0);
    }
}

// In real time: a thread that works holds up the paused clock.
#[tokio::test]
async fn all_within_does_not_wait_for_what_its_queries_have_spawned() {
    let (alive, (go, may_go)) = (Alive::default(), std::sync::mpsc::channel::<()>());
    let (task, thread) = (query(&alive, 10_000), alive.guard());
    let spawns = async move {
        tokio::spawn(task);
        tokio::task::spawn_blocking(move || {
            let _ = may_go.recv(); // until the test lets it go
            drop(thread);
        });
        pending::<()>().await;
    };
    soon(all_within(ms(1), [spawns])).await.unwrap_err();
    assert_eq!(alive.count(), 2, "the task and the thread");
    go.send(()).unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_computes_past_the_limit_is_dropped_where_it_waits() {
    let start = Instant::now();
    // As if it computed for 5 s: nobody looks at the clock in between.
    let work = async {
        tokio::time::advance(ms(5_000)).await;
        pending::<()>().await;
    };
    assert!(ends(timeout(ms(1_000), work)).await.is_err());
    assert_eq!(start.elapsed(), ms(5_000));
}

/// A query that panics at once, or waits.
fn panicking(alive: &Alive, panics: bool) -> impl Future<Output = u64> + Send + use<> {
    let query = query(alive, 10_000);
    async move {
        assert!(!panics, "no such warehouse");
        query.await
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_one_query_ends_the_others() {
    let alive = Alive::default();
    let start = Instant::now();
    let some = [false, true, false].map(|panics| panicking(&alive, panics));
    let panic = panic_of(all(some)).await;
    assert!(words(&*panic).contains("no such warehouse"));
    yield_now().await;
    assert_eq!((alive.count(), start.elapsed()), (0, ms(0)));

    let some = [false, true, false].map(|panics| panicking(&alive, panics));
    let error = ends(all_within(ms(1_000), some)).await.unwrap_err();
    assert_eq!((alive.count(), start.elapsed()), (0, ms(0)));
    let Unanswered::Lost(_) = error else { panic!("{error:?}") };
    assert_eq!(error.to_string(), "a query has ended without an answer");
    assert!(error.source().unwrap().to_string().contains("no such warehouse"));
}

#[tokio::test(start_paused = true)]
async fn whoever_drops_one_of_them_leaves_no_query() {
    let all = left_at_drops(|alive| all(queries(alive, [5, 6])));
    assert!(all.await > 0, "a moment later");
    let within = left_at_drops(|alive| {
        let queries = queries(alive, [5, 6]);
        async { all_within(ms(1_000), queries).await.unwrap() }
    });
    assert!(within.await > 0, "a moment later");
    let late = left_at_drops(|alive| {
        let queries = queries(alive, [5, 10_000]);
        async { all_within(ms(1_000), queries).await.unwrap_err() }
    });
    assert!(late.await > 0, "a moment later");
    let warned = left_at_drops(|alive| warn_after(ms(3), query(alive, 9), || {}));
    assert_eq!(warned.await, 0, "at once");
    let steps = left_at_drops(|alive| {
        two_steps(ms(10), ms(15), query(alive, 5), query(alive, 6))
    });
    assert_eq!(steps.await, 0, "at once");
}

// What is dropped, and when.

/// Writes a line when it is dropped.
struct Line<'a>(&'a RefCell<Vec<&'static str>>);

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().push("the destructor");
    }
}

#[tokio::test(start_paused = true)]
async fn the_destructors_have_run_when_the_error_comes() {
    let log = RefCell::new(Vec::new());
    let work = async {
        let _line = Line(&log);
        sleep(ms(10_000)).await;
        log.borrow_mut().push("the line after the await");
    };
    match timeout(ms(1_000), work).await {
        Ok(()) => log.borrow_mut().push("in time"),
        Err(_) => log.borrow_mut().push("the error"),
    }
    sleep(ms(20_000)).await;
    assert_eq!(log.into_inner(), ["the destructor", "the error"]);
}

#[tokio::test(start_paused = true)]
async fn with_a_reference_the_work_goes_on_after_the_limit() {
    let (alive, warned) = (Alive::default(), AtomicU32::new(0));
    let start = Instant::now();
    let work = warn_after(ms(1_000), query(&alive, 3_000), || {
        assert_eq!((alive.count(), start.elapsed()), (1, ms(1_000)));
        warned.fetch_add(1, Ordering::SeqCst);
    });
    assert_eq!((ends(work).await, start.elapsed()), (3_000, ms(3_000)));
    assert_eq!((warned.into_inner(), alive.count()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn work_in_time_is_not_warned_of() {
    let start = Instant::now();
    let query = query(&Alive::default(), 900);
    let work = warn_after(ms(1_000), query, || panic!("it was in time"));
    assert_eq!((work.await, start.elapsed()), (900, ms(900)));
}

#[tokio::test(start_paused = true)]
async fn a_message_in_a_queue_is_worked_on_after_the_limit() {
    let (sender, mut requests) = mpsc::channel::<oneshot::Sender<u32>>(1);
    let done = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&done);
    tokio::spawn(async move {
        while let Some(reply) = requests.recv().await {
            sleep(ms(10_000)).await;
            count.fetch_add(1, Ordering::SeqCst);
            let _ = reply.send(3); // the caller has gone
        }
    });
    let ask = async {
        let (reply, answer) = oneshot::channel();
        sender.send(reply).await.unwrap();
        answer.await.unwrap()
    };
    assert!(timeout(ms(1_000), ask).await.is_err());
    sleep(ms(8_500)).await;
    assert_eq!(done.load(Ordering::SeqCst), 0);
    sleep(ms(1_000)).await;
    assert_eq!(done.load(Ordering::SeqCst), 1);
}

// Limits in limits.

type End = Result<(u64, u64), Late>;

/// Steps that need so long, with 1 s for each and `total` for both: how it ended, when, and how many steps are left.
async fn steps(first: u64, second: u64, total: u64) -> (End, u128, usize) {
    let alive = Alive::default();
    let start = Instant::now();
    let (first, second) = (query(&alive, first), query(&alive, second));
    let end = ends(two_steps(ms(1_000), ms(total), first, second)).await;
    (end, start.elapsed().as_millis(), alive.count())
}

#[tokio::test(start_paused = true)]
async fn each_limit_has_an_error_of_its_own() {
    assert_eq!(steps(500, 700, 1_500).await, (Ok((500, 700)), 1_200, 0));
    assert_eq!(steps(5_000, 700, 1_500).await, (Err(Late::First), 1_000, 0));
    assert_eq!(steps(400, 5_000, 1_500).await, (Err(Late::Second), 1_400, 0));
    assert_eq!(steps(900, 900, 1_500).await, (Err(Late::Total), 1_500, 0));
    assert_eq!(Late::First.to_string(), "the first step was too late");
    assert_eq!(Late::Second.to_string(), "the second step was too late");
    assert_eq!(Late::Total.to_string(), "both steps together were too late");
}

#[tokio::test(start_paused = true)]
async fn with_question_marks_alone_all_three_limits_say_the_same() {
    for (first, second, at) in
        [(5_000, 700, 1_000), (400, 5_000, 1_400), (900, 900, 1_500)]
    {
        let alive = Alive::default();
        let start = Instant::now();
        let (first, second) = (query(&alive, first), query(&alive, second));
        let end = naive::two_steps(ms(1_000), ms(1_500), first, second).await;
        assert_eq!(end.unwrap_err().to_string(), "deadline has elapsed");
        assert_eq!(start.elapsed(), ms(at));
    }
}

#[tokio::test(start_paused = true)]
async fn when_the_outer_limit_fires_the_code_after_the_inner_one_does_not_run() {
    let log = RefCell::new(Vec::new());
    let step = async {
        let end = timeout(ms(1_000), pending::<()>()).await;
        log.borrow_mut().push("the inner limit has fired");
        end
    };
    assert!(timeout(ms(500), step).await.is_err());
    sleep(ms(2_000)).await;
    assert_eq!(log.into_inner(), [""; 0]);
}

// Surprises of the timer.

#[tokio::test(start_paused = true)]
async fn a_limit_is_rounded_up_to_whole_milliseconds() {
    for (micros, needs) in [(1, 10), (1_000, 10), (1_001, 20), (1_500, 20)] {
        let start = Instant::now();
        for _ in 0..10 {
            let limit = Duration::from_micros(micros);
            assert!(timeout(limit, pending::<()>()).await.is_err());
        }
        assert_eq!(start.elapsed(), ms(needs), "ten limits of {micros} µs");
    }
}

#[tokio::test(start_paused = true)]
async fn all_of_it_can_be_spawned() {
    let alive = Alive::default();
    assert_eq!(tokio::spawn(all(queries(&alive, [5]))).await.unwrap(), [5]);
    let within = tokio::spawn(all_within(ms(9), queries(&alive, [5])));
    assert_eq!(within.await.unwrap().unwrap(), [5]);
    let warned = tokio::spawn(warn_after(ms(1), query(&alive, 5), || {}));
    assert_eq!(warned.await.unwrap(), 5);
    let (first, second) = (query(&alive, 1), query(&alive, 2));
    let steps = tokio::spawn(two_steps(ms(9), ms(9), first, second));
    assert_eq!(steps.await.unwrap(), Ok((1, 2)));
}

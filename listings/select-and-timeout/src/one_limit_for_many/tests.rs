use std::future::pending;
use std::pin::pin;

use backend::alive::left_at_drops;
use backend::cancel::after_polls;
use backend::panics::{panic_of, words};
use backend::{Alive, ends};
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::{Instant, sleep};

use super::*;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const LIMIT: Duration = ms(300);

fn needed(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

/// A supplier who gives a price after so many milliseconds.
fn offer(alive: &Alive, after: u64) -> impl Future<Output = u64> + Send + use<> {
    let guard = alive.guard();
    async move {
        let _guard = guard;
        sleep(ms(after)).await;
        after / 10
    }
}

/// A supplier who panics after so many milliseconds.
async fn panics_after(after: u64) -> u64 {
    sleep(ms(after)).await;
    panic!("no price of {after}")
}

/// A copy of a file, written or not after so many milliseconds.
fn copy(
    alive: &Alive,
    after: u64,
    good: bool,
) -> impl Future<Output = Result<u64, &'static str>> + Send + use<> {
    let price = offer(alive, after);
    async move {
        let price = price.await;
        if good { Ok(price) } else { Err("disk full") }
    }
}

fn three(alive: &Alive) -> [(&'static str, impl Future<Output = u64> + use<>); 3] {
    [("Ann", 200), ("Cleo", 5_000), ("Ben", 100)]
        .map(|(name, after)| (name, offer(alive, after)))
}

async fn turns() {
    for _ in 0..5 {
        yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_limit_results_are_kept_the_late_is_named_and_no_task_is_left() {
    let (alive, start) = (Alive::default(), Instant::now());
    let report = ends(all_within(LIMIT, three(&alive))).await;
    assert_eq!(start.elapsed(), LIMIT);
    assert_eq!(report.done, [("Ben", 10), ("Ann", 20)]);
    assert_eq!(report.unfinished, ["Cleo"]);
    assert!(report.panicked.is_empty());
    assert_eq!(alive.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn when_all_have_ended_it_does_not_wait_for_the_limit() {
    let (alive, start) = (Alive::default(), Instant::now());
    let report = ends(all_within(Duration::MAX, three(&alive))).await;
    assert_eq!(start.elapsed(), ms(5_000));
    assert_eq!(report.done, [("Ben", 10), ("Ann", 20), ("Cleo", 500)]);
    assert!(report.unfinished.is_empty());
}

#[tokio::test(start_paused = true)]
async fn those_that_did_not_end_are_named_in_the_order_of_their_start() {
    let alive = Alive::default();
    let calls = (0..10).map(|n| (n, offer(&alive, if n == 4 { 1 } else { 900 })));
    let report = all_within(LIMIT, calls).await;
    assert_eq!(report.done, [(4, 0)]);
    assert_eq!(report.unfinished, [0, 1, 2, 3, 5, 6, 7, 8, 9]);
}

#[tokio::test(start_paused = true)]
async fn no_calls_are_an_empty_report_at_once() {
    let start = Instant::now();
    let report = ends(all_within(LIMIT, [(); 0].map(|()| ((), pending::<()>())))).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert!(report.done.is_empty() && report.unfinished.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_is_reported_by_name_and_the_others_are_kept() {
    let alive = Alive::default();
    let calls: [(_, futures::future::BoxFuture<'static, u64>); 3] = [
        ("Ann", Box::pin(offer(&alive, 200))),
        ("Dora", Box::pin(panics_after(150))),
        ("Ben", Box::pin(offer(&alive, 100))),
    ];
    let start = Instant::now();
    let report = ends(all_within(LIMIT, calls)).await;
    assert_eq!(start.elapsed(), ms(200));
    assert_eq!(report.done, [("Ben", 10), ("Ann", 20)]);
    let [(name, error)] = <[_; 1]>::try_from(report.panicked).unwrap();
    assert_eq!(name, "Dora");
    assert_eq!(words(&*error.into_panic()), "no price of 150");
    assert!(report.unfinished.is_empty());
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_that_the_abort_sets_off_is_reported_too() {
    let call = async {
        let _bomb = Bomb;
        pending::<()>().await;
    };
    let report = ends(all_within(LIMIT, [("Dora", call)])).await;
    assert_eq!(report.panicked.len(), 1);
    assert!(report.unfinished.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_and_was_not_taken_yet_is_kept_by_stop() {
    let alive = Alive::default();
    let calls = Calls::start(three(&alive));
    sleep(ms(201)).await;
    let report = calls.stop().await;
    let mut done = report.done;
    done.sort_unstable();
    assert_eq!(done, [("Ann", 20), ("Ben", 10)]);
    assert_eq!(report.unfinished, ["Cleo"]);
    assert_eq!(alive.count(), 0);
}

/// 300 calls that ended in time, and a task that is polled again only after the limit: the
/// budget of a poll ends the wait when 128 of them are taken.
#[tokio::test(start_paused = true)]
async fn polled_late_it_keeps_all_that_has_ended_however_many() {
    let alive = Alive::default();
    let mut report = pin!(all_within(LIMIT, (0..300).map(|n| (n, offer(&alive, 10)))));
    assert!(after_polls(1, report.as_mut()).await.is_none());
    sleep(2 * LIMIT).await;
    let report = ends(report).await;
    assert_eq!(report.done.len(), 300);
    assert!(report.unfinished.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_dropped_loses_no_result() {
    let alive = Alive::default();
    let mut calls = Calls::start(three(&alive));
    for _ in 0..30 {
        let _late = timeout(ms(10), calls.next()).await;
    }
    assert_eq!(calls.so_far().done, [("Ben", 10), ("Ann", 20)]);
    assert_eq!(calls.stop().await.unfinished, ["Cleo"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_blocking_work_is_gone_and_the_work_runs_on() {
    let (alive, gate) = (Alive::default(), std::sync::mpsc::channel::<()>());
    let (open, opened) = gate;
    let guard = alive.guard();
    let (begins, begun) = tokio::sync::oneshot::channel();
    let call = async move {
        let work = spawn_blocking(move || {
            let _guard = guard;
            begins.send(()).unwrap();
            opened.recv().unwrap();
        });
        work.await.unwrap();
    };
    let calls = Calls::start([("blocking", call)]);
    begun.await.unwrap();
    let report = calls.stop().await;
    assert_eq!(report.unfinished, ["blocking"]);
    assert_eq!(alive.count(), 1);
    open.send(()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_waits_for_a_call_that_computes_and_keeps_its_result() {
    let (open, opened) = std::sync::mpsc::channel::<()>();
    let (begins, begun) = tokio::sync::oneshot::channel();
    let call = async move {
        begins.send(()).unwrap();
        opened.recv().unwrap(); // it computes: no await
        7
    };
    let calls = Calls::start([("busy", call)]);
    begun.await.unwrap();
    let mut stop = pin!(calls.stop());
    assert!(after_polls(1, stop.as_mut()).await.is_none());
    open.send(()).unwrap();
    let report = backend::soon(stop).await;
    assert_eq!(report.done, [("busy", 7)]);
}

#[tokio::test(start_paused = true)]
async fn with_a_limit_for_each_call_one_slow_call_is_an_error_and_not_the_end() {
    let (alive, start) = (Alive::default(), Instant::now());
    let calls = three(&alive).map(|(name, call)| (name, timeout(ms(150), call)));
    let report = ends(all_within(LIMIT, calls)).await;
    assert_eq!(start.elapsed(), ms(150));
    let good: Vec<_> = report.done.iter().map(|(n, end)| (*n, end.is_ok())).collect();
    assert_eq!(good[0], ("Ben", true));
    assert_eq!(good.iter().filter(|(_, good)| !good).count(), 2);
    assert!(report.unfinished.is_empty());
    assert_eq!(report.good(), 1);
}

#[tokio::test(start_paused = true)]
async fn when_the_first_two_of_three_have_ended_the_third_is_ended() {
    let (alive, start) = (Alive::default(), Instant::now());
    let report = ends(first_within(LIMIT, 2, three(&alive))).await;
    assert_eq!(start.elapsed(), ms(200));
    assert_eq!(report.done, [("Ben", 10), ("Ann", 20)]);
    assert_eq!(report.unfinished, ["Cleo"]);
    assert_eq!(alive.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn at_the_limit_the_first_two_may_be_one() {
    let (alive, start) = (Alive::default(), Instant::now());
    let report = ends(first_within(ms(150), 2, three(&alive))).await;
    assert_eq!(start.elapsed(), ms(150));
    assert_eq!(report.done, [("Ben", 10)]);
    assert_eq!(report.unfinished, ["Ann", "Cleo"]);
}

#[tokio::test(start_paused = true)]
async fn what_ended_together_with_the_first_is_kept_too() {
    let calls = (0..3).map(|n| (n, async move { n }));
    let report = ends(first_within(LIMIT, 1, calls)).await;
    assert_eq!(report.done.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn of_no_wanted_call_none_is_waited_for() {
    let (alive, start) = (Alive::default(), Instant::now());
    let report = ends(first_within(LIMIT, 0, three(&alive))).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(report.unfinished, ["Ann", "Cleo", "Ben"]);
}

#[tokio::test(start_paused = true)]
async fn a_quorum_of_two_ends_with_the_second_good_answer() {
    let (alive, start) = (Alive::default(), Instant::now());
    let calls = [
        ("north", copy(&alive, 100, true)),
        ("south", copy(&alive, 150, false)),
        ("west", copy(&alive, 200, true)),
        ("east", copy(&alive, 5_000, true)),
    ];
    let good = ends(quorum(LIMIT, needed(2), calls)).await.unwrap();
    assert_eq!(start.elapsed(), ms(200));
    assert_eq!(good, [("north", 10), ("west", 20)]);
    assert_eq!(alive.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_quorum_that_cannot_be_reached_is_an_error_at_once() {
    let (alive, start) = (Alive::default(), Instant::now());
    let calls = [
        ("north", copy(&alive, 100, false)),
        ("south", copy(&alive, 150, false)),
        ("east", copy(&alive, 5_000, true)),
    ];
    let error = ends(quorum(LIMIT, needed(2), calls)).await.unwrap_err();
    assert_eq!(start.elapsed(), ms(150));
    assert_eq!(error.to_string(), "only 0 of 2 good answers");
    let failed = [("north", Err("disk full")), ("south", Err("disk full"))];
    assert_eq!(error.report.done, failed);
    assert_eq!(error.report.unfinished, ["east"]);
    assert_eq!(alive.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn at_the_limit_too_few_good_answers_are_an_error_that_keeps_them() {
    let (alive, start) = (Alive::default(), Instant::now());
    let calls = [
        ("north", copy(&alive, 100, true)),
        ("south", copy(&alive, 5_000, true)),
        ("east", copy(&alive, 5_000, true)),
    ];
    let error = ends(quorum(LIMIT, needed(2), calls)).await.unwrap_err();
    assert_eq!(start.elapsed(), LIMIT);
    assert_eq!(error.to_string(), "only 1 of 2 good answers");
    assert_eq!(error.report.done, [("north", Ok(10))]);
    assert_eq!(error.report.unfinished, ["south", "east"]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_no_good_answer() {
    let call = |good: bool| async move {
        sleep(ms(10)).await;
        assert!(good, "no copy");
        Ok::<_, &str>(1)
    };
    let calls = [("north", call(true)), ("south", call(false))];
    let error = ends(quorum(LIMIT, needed(2), calls)).await.unwrap_err();
    assert_eq!((error.good(), error.report.panicked.len()), (1, 1));
    assert_eq!(error.needed.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn more_good_answers_than_calls_are_an_error_at_once() {
    let (alive, start) = (Alive::default(), Instant::now());
    let calls = [("north", copy(&alive, 100, true))];
    let error = ends(quorum(LIMIT, needed(2), calls)).await.unwrap_err();
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(error.report.unfinished, ["north"]);
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_the_tasks_are_aborted_and_a_moment_later_gone() {
    let left = left_at_drops(|alive| all_within(LIMIT, three(alive))).await;
    assert!(left > 0, "a drop does not wait");
    let left = left_at_drops(|alive| first_within(LIMIT, 2, three(alive))).await;
    assert!(left > 0, "a drop does not wait");
    let copies = |alive: &Alive| [1, 2, 3].map(|n| (n, copy(alive, 100 * n, true)));
    let left = left_at_drops(|alive| quorum(LIMIT, needed(2), copies(alive))).await;
    assert!(left > 0, "a drop does not wait");
}

#[tokio::test(start_paused = true)]
async fn all_of_it_can_be_spawned() {
    let alive = Alive::default();
    let all = tokio::spawn(all_within(LIMIT, three(&alive)));
    let first = tokio::spawn(first_within(LIMIT, 1, three(&alive)));
    let calls = [("north", copy(&alive, 100, true))];
    let quorum = tokio::spawn(quorum(LIMIT, needed(1), calls));
    assert_eq!(all.await.unwrap().done.len(), 2);
    assert_eq!(first.await.unwrap().done.len(), 1);
    assert_eq!(quorum.await.unwrap().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn with_a_limit_around_join_all_two_results_are_lost_and_a_task_runs_on() {
    let alive = Alive::default();
    let calls = three(&alive).map(|(_, call)| call);
    assert_eq!(ends(naive::all_or_nothing(LIMIT, calls)).await, None);
    turns().await;
    assert_eq!(alive.count(), 1);
    sleep(ms(5_000)).await;
    assert_eq!(alive.count(), 0, "it ran to its end");
}

#[tokio::test(start_paused = true)]
async fn with_an_unwrap_the_panic_of_one_call_loses_the_answers_of_all() {
    let calls = [150, 200].map(|after| async move {
        sleep(ms(after)).await;
        assert!(after > 150, "no price");
    });
    panic_of(naive::all_or_nothing(LIMIT, calls)).await;
}

#[tokio::test(start_paused = true)]
async fn with_shutdown_what_has_ended_and_was_not_taken_is_lost() {
    let alive = Alive::default();
    let calls = Calls::start(three(&alive));
    sleep(ms(201)).await;
    let report = calls.shut_down().await;
    assert!(report.done.is_empty());
    assert_eq!(report.unfinished, ["Ann", "Cleo", "Ben"]);
}

#[tokio::test(start_paused = true)]
async fn with_abort_all_alone_the_task_is_still_there() {
    let alive = Alive::default();
    let mut calls = Calls::start(three(&alive));
    calls.next().await;
    let report = calls.only_abort();
    assert_eq!(report.unfinished, ["Ann", "Cleo"]);
    assert_eq!(alive.count(), 2);
    turns().await;
    assert_eq!(alive.count(), 0);
}

use super::*;
use backend::{Alive, cancel};
use futures::FutureExt;
use std::future::{pending, ready};
use std::pin::pin;
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::{Instant, sleep};

const HOUR: Duration = Duration::from_hours(1);
const THREE: NonZeroUsize = NonZeroUsize::new(3).unwrap();

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Work of 10 ms that holds a guard.
fn answer(
    alive: &Alive,
) -> impl Fn(u32) -> futures::future::BoxFuture<'static, u32> + use<> {
    let alive = alive.clone();
    move |request| {
        let guard = alive.guard();
        async move {
            let _guard = guard;
            sleep(ms(10)).await;
            request
        }
        .boxed()
    }
}

/// A channel that holds these requests, and is closed.
fn these(requests: impl IntoIterator<Item = u32>) -> mpsc::Receiver<u32> {
    let (sender, receiver) = mpsc::channel(1000);
    for request in requests {
        sender.try_send(request).unwrap();
    }
    receiver
}

#[tokio::test(start_paused = true)]
async fn results_that_nobody_takes_stay_in_the_set() {
    let mut set = JoinSet::new();
    for _ in 0..1000 {
        set.spawn(sleep(ms(10)));
    }
    sleep(HOUR).await;
    assert_eq!(set.len(), 1000);
    let mut taken = 0;
    while set.try_join_next().is_some() {
        taken += 1;
    }
    assert_eq!((taken, set.len()), (1000, 0));
}

#[tokio::test(start_paused = true)]
async fn naive_a_server_that_never_joins_keeps_every_result() {
    let (alive, (sender, requests)) = (Alive::default(), mpsc::channel(1));
    let (kept, ()) = tokio::join!(naive::serve(requests, answer(&alive)), async move {
        for request in 0..1000 {
            sender.send(request).await.unwrap();
            sleep(ms(20)).await; // the task of this request has ended
        }
    });
    assert_eq!((kept, alive.dropped()), (1000, 1000));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_results_keeps_one_at_most() {
    let (alive, (sender, requests)) = (Alive::default(), mpsc::channel(1));
    let (served, ()) =
        tokio::join!(serve(requests, THREE, answer(&alive)), async move {
            for request in 0..1000 {
                sender.send(request).await.unwrap();
                sleep(ms(20)).await;
            }
        });
    assert_eq!(served, Served { done: 1000, lost: 0, most: 1 });
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_limit_run_at_once_and_the_rest_waits_in_the_channel() {
    let (alive, start) = (Alive::default(), Instant::now());
    let served = serve(these(0..9), THREE, answer(&alive)).await;
    assert_eq!(served, Served { done: 9, lost: 0, most: 3 });
    assert_eq!((start.elapsed(), alive.count()), (ms(30), 0));
    let served = serve(these(0..9), NonZeroUsize::MIN, answer(&alive)).await;
    assert_eq!((served.most, start.elapsed()), (1, ms(120)));
}

#[tokio::test(start_paused = true)]
async fn after_the_last_request_it_waits_for_all_tasks() {
    let (alive, start) = (Alive::default(), Instant::now());
    let served = serve(these(0..2), THREE, answer(&alive)).await;
    assert_eq!((served.done, alive.count(), start.elapsed()), (2, 0, ms(10)));
    assert_eq!(serve(these([]), THREE, answer(&alive)).await, Served::default());
}

#[tokio::test(start_paused = true)]
async fn of_a_list_no_more_than_the_limit_run_at_once() {
    let (alive, start) = (Alive::default(), Instant::now());
    let mut most = 0;
    // Three that run, and one that waits for a place.
    let work = (0..9).map(|request| {
        most = most.max(alive.count() + 1);
        answer(&alive)(request)
    });
    assert_eq!(limited(THREE, work).await.len(), 9);
    assert_eq!((most, alive.count(), start.elapsed()), (4, 0, ms(30)));
    let one_by_one = (0..9).map(|request| answer(&alive)(request));
    let ended = limited(NonZeroUsize::MIN, one_by_one).await;
    let values: Vec<_> = ended.into_iter().map(Result::unwrap).collect();
    assert_eq!(values, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(start.elapsed(), ms(120));
}

#[tokio::test(start_paused = true)]
async fn of_a_list_each_panic_is_reported_and_the_rest_runs() {
    let work = (0..9).map(|request| async move {
        sleep(ms(10)).await;
        assert_ne!(request, 2, "boom");
    });
    let ended = limited(THREE, work).await;
    let panics = ended.iter().filter(|end| end.is_err()).count();
    assert_eq!((ended.len(), panics), (9, 1));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_counted_and_the_server_goes_on() {
    let served = serve(these(0..9), THREE, |request| async move {
        assert_ne!(request, 2, "boom");
    });
    let served = served.await;
    assert_eq!((served.done, served.lost), (8, 1));
    // The last request panics: it is counted after the loop.
    let last = serve(these([2]), THREE, |request| async move {
        sleep(ms(10)).await;
        assert_ne!(request, 2, "boom");
    });
    assert_eq!(last.await, Served { done: 0, lost: 1, most: 1 });
}

#[tokio::test(start_paused = true)]
async fn dropped_at_an_await_a_server_aborts_its_tasks() {
    let mut dropped = 0;
    for polls in 0.. {
        let alive = Alive::default();
        let serving = serve(these(0..9), THREE, answer(&alive));
        let served = cancel::after_polls(polls, serving).await;
        dropped += usize::from(alive.count() > 0);
        yield_now().await;
        assert_eq!(alive.count(), 0);
        if served.is_some() {
            break;
        }
    }
    assert!(dropped > 0);
    for polls in 1..3 {
        let alive = Alive::default();
        let work = (0..9).map(|request| answer(&alive)(request));
        assert!(cancel::after_polls(polls, limited(THREE, work)).await.is_none());
        yield_now().await;
        assert_eq!(alive.count(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_tracker_keeps_no_results() {
    let tracker = TaskTracker::new();
    for _ in 0..1000 {
        tracker.spawn(sleep(ms(10)));
    }
    assert_eq!(tracker.len(), 1000);
    sleep(HOUR).await;
    assert_eq!(tracker.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_close_the_wait_for_a_tracker_does_not_end() {
    let tracker = TaskTracker::new();
    tracker.spawn(sleep(ms(10)));
    assert!(timeout(HOUR, tracker.wait()).await.is_err());
    assert!(tracker.is_empty());
    tracker.close();
    let start = Instant::now();
    tracker.wait().await;
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn close_does_not_keep_new_tasks_out_and_they_are_waited_for() {
    let (tracker, start) = (TaskTracker::new(), Instant::now());
    tracker.spawn(sleep(ms(10)));
    tracker.close();
    tracker.spawn(sleep(ms(30)));
    tracker.wait().await;
    assert_eq!(start.elapsed(), ms(30));
}

#[tokio::test(start_paused = true)]
async fn a_tracker_that_is_dropped_aborts_nothing() {
    let alive = Alive::default();
    let tracker = TaskTracker::new();
    let task = tracker.spawn(answer(&alive)(7));
    drop(tracker);
    assert_eq!(task.await.unwrap(), 7);
}

/// Tasks that look at the token every 10 ms, and one that never looks.
fn tracked(alive: &Alive, stop: &CancellationToken, deaf: usize) -> TaskTracker {
    let tracker = TaskTracker::new();
    for _ in 0..5 {
        let (guard, stop) = (alive.guard(), stop.clone());
        tracker.spawn(async move {
            let _guard = guard;
            while !stop.is_cancelled() {
                sleep(ms(10)).await;
            }
        });
    }
    for _ in 0..deaf {
        let guard = alive.guard();
        tracker.spawn(async move {
            let _guard = guard;
            sleep(HOUR).await;
        });
    }
    tracker
}

#[tokio::test(start_paused = true)]
async fn a_drain_asks_and_waits_until_all_have_ended() {
    let (alive, stop, start) =
        (Alive::default(), CancellationToken::new(), Instant::now());
    let tracker = tracked(&alive, &stop, 0);
    sleep(ms(15)).await;
    assert_eq!(drain(&tracker, &stop, HOUR).await, Ok(()));
    assert_eq!((alive.count(), alive.dropped(), start.elapsed()), (0, 5, ms(20)));
}

#[tokio::test(start_paused = true)]
async fn at_its_limit_a_drain_says_how_many_still_run_and_aborts_none() {
    let (alive, stop, start) =
        (Alive::default(), CancellationToken::new(), Instant::now());
    let tracker = tracked(&alive, &stop, 2);
    let still = drain(&tracker, &stop, ms(35)).await.unwrap_err();
    assert_eq!((still, start.elapsed()), (StillRunning(2), ms(35)));
    assert_eq!(
        (still.to_string().as_str(), alive.count()),
        ("tasks that still run: 2", 2)
    );
    // They end when they want to; nobody has aborted them.
    tracker.wait().await;
    assert_eq!((alive.count(), start.elapsed()), (0, HOUR));
}

#[tokio::test(start_paused = true)]
async fn naive_without_close_a_drain_waits_for_its_whole_limit() {
    let (alive, stop, start) =
        (Alive::default(), CancellationToken::new(), Instant::now());
    let tracker = tracked(&alive, &stop, 0);
    assert_eq!(naive::drain(&tracker, &stop, HOUR).await, Err(StillRunning(0)));
    assert_eq!((alive.count(), start.elapsed()), (0, HOUR));
}

#[tokio::test(start_paused = true)]
async fn a_drain_that_is_dropped_has_asked() {
    let (alive, stop) = (Alive::default(), CancellationToken::new());
    let tracker = tracked(&alive, &stop, 0);
    yield_now().await;
    assert!(cancel::after_polls(1, drain(&tracker, &stop, HOUR)).await.is_none());
    sleep(ms(20)).await;
    assert_eq!(alive.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wait_made_before_a_reopen_ends_though_a_task_runs() {
    let tracker = TaskTracker::new();
    let before = tracker.wait();
    tracker.close(); // closed and empty, for a moment
    tracker.reopen();
    tracker.spawn(pending::<()>());
    assert!(before.now_or_never().is_some());
    assert!(tracker.wait().now_or_never().is_none());
    assert_eq!(tracker.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn naive_a_key_that_is_used_again_aborts_its_task_and_nobody_hears_of_it() {
    let alive = Alive::default();
    let mut tasks = JoinMap::new();
    let first = answer(&alive)(1);
    naive::start(&mut tasks, "Ada", first);
    sleep(ms(5)).await;
    naive::start(&mut tasks, "Ada", async { 2 });
    assert_eq!(tasks.len(), 1);
    let (key, value) = tasks.join_next().await.unwrap();
    assert_eq!((key, value.unwrap()), ("Ada", 2));
    assert!(tasks.join_next().await.is_none());
    assert_eq!((alive.count(), alive.dropped()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_key_whose_task_runs_is_not_started_again() {
    let alive = Alive::default();
    let mut tasks = JoinMap::new();
    assert!(start_once(&mut tasks, "Ada", answer(&alive)(1)));
    assert!(!start_once(&mut tasks, "Ada", answer(&alive)(2)));
    assert!(start_once(&mut tasks, "Grace", async {
        sleep(ms(30)).await;
        3
    }));
    let (key, value) = tasks.join_next().await.unwrap();
    assert_eq!((key, value.unwrap()), ("Ada", 1));
    // Its result has been taken, so the key is free.
    assert!(start_once(&mut tasks, "Ada", answer(&alive)(4)));
    let (key, value) = tasks.join_next().await.unwrap();
    assert_eq!((key, value.unwrap()), ("Ada", 4));
}

#[tokio::test(start_paused = true)]
async fn a_key_is_taken_until_its_result_is_taken() {
    let mut tasks = JoinMap::new();
    assert!(start_once(&mut tasks, "Ada", async { 1 }));
    sleep(ms(10)).await; // the task has ended
    assert!(!start_once(&mut tasks, "Ada", async { 2 }));
    assert_eq!(tasks.join_next().await.unwrap().1.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_abort_by_key_is_reported() {
    let mut tasks = JoinMap::new();
    tasks.spawn("Ada", pending::<()>());
    assert!(tasks.abort("Ada"));
    let (key, ended) = tasks.join_next().await.unwrap();
    assert!(key == "Ada" && ended.unwrap_err().is_cancelled());
}

async fn ten_seconds_or_panic(number: u64) {
    sleep(Duration::from_secs(10) / u32::try_from(number).unwrap()).await;
    assert_ne!(number, 2, "boom");
}

#[tokio::test(start_paused = true)]
async fn a_queue_gives_results_in_the_order_of_the_start() {
    let mut queue = JoinQueue::new();
    let mut set = JoinSet::new();
    for wait in [30, 10, 20] {
        let work = || async move {
            sleep(ms(wait)).await;
            wait
        };
        queue.spawn(work());
        set.spawn(work());
    }
    let start = Instant::now();
    assert_eq!(queue.join_next().await.unwrap().unwrap(), 30);
    assert_eq!(start.elapsed(), ms(30));
    assert_eq!(queue.join_all().await, [10, 20]);
    assert_eq!(set.join_all().await, [10, 20, 30]);
}

#[tokio::test(start_paused = true)]
async fn a_set_sees_the_panic_of_the_second_task_at_once() {
    let (alive, start) = (Alive::default(), Instant::now());
    let work = [1, 2].map(|number| {
        let guard = alive.guard();
        async move {
            let _guard = guard;
            ten_seconds_or_panic(number).await;
        }
    });
    assert!(until_first_panic(work).await.unwrap_err().is_panic());
    assert_eq!((start.elapsed(), alive.count()), (Duration::from_secs(5), 0));
    assert!(until_first_panic([ready(1), ready(2)]).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn naive_a_queue_sees_the_panic_of_the_second_task_when_the_first_has_ended() {
    let start = Instant::now();
    let work = [1, 2].map(ten_seconds_or_panic);
    assert!(naive::until_first_panic(work).await.unwrap_err().is_panic());
    assert_eq!(start.elapsed(), Duration::from_secs(10));
    assert!(naive::until_first_panic([ready(1), ready(2)]).await.is_ok());
}

#[tokio::test]
async fn join_next_of_an_empty_set_is_ready_at_once() {
    let mut set = JoinSet::<()>::new();
    assert!(matches!(set.join_next().now_or_never(), Some(None)));
}

#[tokio::test(start_paused = true)]
async fn naive_a_loop_over_an_empty_set_never_waits() {
    let (_sender, mut messages) = mpsc::channel::<()>(1);
    let other = tokio::spawn(async {});
    let mut set = JoinSet::<()>::new();
    assert_eq!(naive::busy_loop(&mut set, &mut messages, 1000).await, 1000);
    // In all these rounds, no other task had a turn.
    assert!(!other.is_finished());
}

#[tokio::test(start_paused = true)]
async fn naive_a_busy_loop_ends_at_a_message() {
    let (sender, mut messages) = mpsc::channel(1);
    sender.try_send(()).unwrap();
    let mut set = JoinSet::new();
    set.spawn(pending::<()>());
    assert_eq!(naive::busy_loop(&mut set, &mut messages, 1000).await, 0);
}

#[tokio::test]
async fn a_tracker_counts_blocking_work_too() {
    let tracker = TaskTracker::new();
    let task = spawn_blocking({
        let token = tracker.token();
        move || drop(token)
    });
    task.await.unwrap();
    tracker.close();
    let mut wait = pin!(tracker.wait());
    assert!(wait.as_mut().now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn each_of_these_can_be_spawned() {
    let alive = Alive::default();
    let served = tokio::spawn(serve(these(0..3), THREE, answer(&alive)));
    assert_eq!(served.await.unwrap().done, 3);
    let work = [ready(1), ready(2)];
    assert!(tokio::spawn(until_first_panic(work)).await.unwrap().is_ok());
    let work = [ready(1), ready(2)];
    assert_eq!(tokio::spawn(limited(THREE, work)).await.unwrap().len(), 2);
    let drained = tokio::spawn(async {
        let stop = CancellationToken::new();
        drain(&TaskTracker::new(), &stop, HOUR).await
    });
    assert_eq!(drained.await.unwrap(), Ok(()));
}

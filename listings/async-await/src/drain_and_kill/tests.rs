use super::*;
use backend::{Alive, ends};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use std::future;
use std::sync::{Arc, Mutex};
use tokio::time::{Instant, sleep};

const HOUR: Duration = Duration::from_hours(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A channel with requests 1, 2, … in it, which does not end while the sender lives.
fn filled(requests: u32) -> (mpsc::Sender<u32>, mpsc::Receiver<u32>) {
    let (sender, receiver) = mpsc::channel(requests as usize + 1);
    for request in 1..=requests {
        sender.try_send(request).unwrap();
    }
    (sender, receiver)
}

/// The same, and it ends after the last one.
fn ended(requests: u32) -> mpsc::Receiver<u32> {
    filled(requests).1
}

/// Who was answered, in order. Each answer needs 50 ms.
#[derive(Clone, Debug, Default)]
struct Desk {
    answered: Arc<Mutex<Vec<u32>>>,
}

impl Desk {
    fn answer(&self) -> impl Fn(u32) -> BoxFuture<'static, ()> + Send + use<> {
        let answered = Arc::clone(&self.answered);
        move |request| {
            let answered = Arc::clone(&answered);
            Box::pin(async move {
                sleep(ms(50)).await;
                answered.lock().unwrap().push(request);
            })
        }
    }

    fn answered(&self) -> Vec<u32> {
        self.answered.lock().unwrap().clone()
    }
}

async fn shut_down(stop: &Stop, grace: Duration) -> usize {
    ends(super::shut_down(stop, grace)).await
}

#[tokio::test(start_paused = true)]
async fn what_ends_within_the_grace_time_is_finished() {
    let (stop, desk) = (Stop::default(), Desk::default());
    let (sender, requests) = filled(3);
    start(&stop, requests, desk.answer());
    sleep(ms(10)).await; // three jobs have begun
    let begin = Instant::now();
    assert_eq!(shut_down(&stop, ms(100)).await, 0);
    assert_eq!(begin.elapsed(), ms(40), "50 ms, of which 10 had passed");
    assert_eq!(desk.answered(), [1, 2, 3]);
    assert!(sender.is_closed(), "and no new work is taken");
}

#[tokio::test(start_paused = true)]
async fn what_takes_longer_than_the_grace_time_is_dropped() {
    let (stop, desk, alive) = (Stop::default(), Desk::default(), Alive::default());
    let (_sender, requests) = filled(3);
    let answer = desk.answer();
    let guards = alive.clone();
    start(&stop, requests, move |request| {
        let (answering, guard) = (answer(request), guards.guard());
        async move {
            let _guard = guard;
            if request > 1 {
                sleep(HOUR).await;
            }
            answering.await;
        }
    });
    sleep(ms(10)).await;
    let begin = Instant::now();
    assert_eq!(shut_down(&stop, ms(100)).await, 2);
    assert_eq!((begin.elapsed(), desk.answered()), (ms(100), vec![1]));
    assert_eq!((alive.dropped(), alive.count()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn after_the_drain_the_requests_in_the_channel_are_not_begun() {
    let (stop, desk) = (Stop::default(), Desk::default());
    let (_sender, requests) = filled(3);
    start(&stop, requests, desk.answer());
    assert_eq!(shut_down(&stop, ms(100)).await, 0, "before the loop was polled");
    assert!(desk.answered().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_comes_with_the_shutdown_is_finished() {
    let (stop, desk) = (Stop::default(), Desk::default());
    let (sender, requests) = filled(0);
    start(&stop, requests, desk.answer());
    sleep(ms(10)).await; // the loop waits for a request
    sender.try_send(1).unwrap();
    assert_eq!(shut_down(&stop, ms(100)).await, 0);
    assert_eq!(desk.answered(), [1]);
}

#[tokio::test(start_paused = true)]
async fn if_the_loop_is_not_tracked_the_shutdown_ends_too_early_and_a_request_is_lost()
{
    let (stop, desk) = (Stop::default(), Desk::default());
    let (sender, requests) = filled(0);
    naive::start(&stop, requests, desk.answer());
    sleep(ms(10)).await; // the loop waits for a request
    sender.try_send(1).unwrap();
    assert_eq!(shut_down(&stop, ms(100)).await, 0, "it says that nothing was dropped");
    sleep(HOUR).await;
    assert_eq!((sender.capacity(), sender.is_closed()), (1, true), "it was taken");
    assert!(desk.answered().is_empty(), "and not answered");
}

#[tokio::test(start_paused = true)]
async fn without_close_wait_never_ends() {
    let (stop, desk) = (Stop::default(), Desk::default());
    start(&stop, ended(1), desk.answer());
    assert!(timeout(HOUR, naive::shut_down(&stop, ms(100))).await.is_err());
    assert_eq!((stop.jobs.len(), desk.answered()), (0, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_that_is_dropped_drops_no_job_and_can_be_called_again() {
    let (stop, desk) = (Stop::default(), Desk::default());
    let (sender, requests) = filled(1);
    start(&stop, requests, desk.answer());
    sleep(ms(10)).await;
    assert!(timeout(ms(5), shut_down(&stop, ms(100))).await.is_err());
    assert!(stop.drain.is_cancelled() && !stop.kill.is_cancelled());
    assert!(sender.is_closed());
    assert_eq!(shut_down(&stop, ms(100)).await, 0);
    assert_eq!(desk.answered(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_tracker_that_is_dropped_stops_nothing() {
    let tracker = TaskTracker::new();
    let task = tracker.spawn(async {
        sleep(ms(100)).await;
        "done"
    });
    drop(tracker);
    assert_eq!(task.await.unwrap(), "done");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_was_made_before_a_reopening_ends_though_a_task_runs() {
    let tracker = TaskTracker::new();
    let early = tracker.wait();
    tracker.close(); // closed and empty, for a moment
    tracker.reopen();
    tracker.spawn(future::pending::<()>());
    assert_eq!(early.now_or_never(), Some(()));
    assert_eq!(tracker.wait().now_or_never(), None);
}

#[test]
#[should_panic(expected = "there is no reactor running")]
fn outside_a_runtime_nothing_starts() {
    start(&Stop::default(), ended(0), |_| future::ready(()));
}

#[tokio::test(start_paused = true)]
async fn a_closed_tracker_still_takes_jobs() {
    let tracker = TaskTracker::new();
    tracker.close();
    assert_eq!(tracker.spawn(async { 7 }).await.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_job_does_not_hold_up_the_shutdown() {
    let stop = Stop::default();
    let (_sender, requests) = filled(1);
    start(&stop, requests, async |_| panic!("in a job"));
    sleep(ms(10)).await;
    let begin = Instant::now();
    assert_eq!((shut_down(&stop, HOUR).await, begin.elapsed()), (0, ms(0)));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_can_be_spawned() {
    let stop = Stop::default();
    let task = tokio::spawn(async move { shut_down(&stop, HOUR).await });
    assert_eq!(task.await.unwrap(), 0);
}

use std::future::pending;
use std::sync::{Arc, Mutex};

use backend::cancel::at_every_await;
use backend::{Alive, ends};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use super::*;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const PERIOD: Duration = ms(100);

/// When each unit began and ended, since the start.
#[derive(Clone)]
struct Log {
    start: Instant,
    begun: Arc<Mutex<Vec<u128>>>,
    ended: Arc<Mutex<Vec<u128>>>,
    running: Alive,
}

impl Log {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            begun: Arc::default(),
            ended: Arc::default(),
            running: Alive::default(),
        }
    }

    /// A unit of this length.
    fn unit(
        &self,
        length: Duration,
    ) -> impl FnMut() -> futures::future::BoxFuture<'static, ()> + Send + 'static {
        let log = self.clone();
        move || {
            let log = log.clone();
            Box::pin(async move {
                let _running = log.running.guard();
                log.begun.lock().unwrap().push(log.start.elapsed().as_millis());
                sleep(length).await;
                log.ended.lock().unwrap().push(log.start.elapsed().as_millis());
            })
        }
    }

    fn begun(&self) -> Vec<u128> {
        self.begun.lock().unwrap().clone()
    }

    fn ended(&self) -> Vec<u128> {
        self.ended.lock().unwrap().clone()
    }
}

/// Sets the flag after `wait`; returns the sender, so that it lives on.
async fn set(flag: watch::Sender<bool>, wait: Duration) -> watch::Sender<bool> {
    sleep(wait).await;
    flag.send_replace(true);
    flag
}

#[tokio::test(start_paused = true)]
async fn asked_while_it_waits_it_stops_at_once() {
    let (log, (flag, stop)) = (Log::new(), watch::channel(false));
    let (stopped, _flag) =
        tokio::join!(run(stop, PERIOD, log.unit(ms(20))), set(flag, ms(250)));
    assert_eq!((stopped, log.start.elapsed()), (Stopped::Asked, ms(250)));
    assert_eq!(log.begun(), [0, 100, 200]);
}

#[tokio::test(start_paused = true)]
async fn asked_during_a_unit_it_finishes_the_unit_and_begins_no_other() {
    let (log, (flag, stop)) = (Log::new(), watch::channel(false));
    let (stopped, _flag) =
        tokio::join!(run(stop, PERIOD, log.unit(ms(70))), set(flag, ms(130)));
    assert_eq!((stopped, log.start.elapsed()), (Stopped::Asked, ms(170)));
    assert_eq!((log.begun(), log.ended()), (vec![0, 100], vec![70, 170]));
}

#[tokio::test(start_paused = true)]
async fn after_a_long_unit_the_flag_comes_before_the_tick_that_is_due() {
    let (log, (flag, stop)) = (Log::new(), watch::channel(false));
    let (stopped, _flag) =
        tokio::join!(run(stop, PERIOD, log.unit(ms(150))), set(flag, ms(130)));
    assert_eq!((stopped, log.begun()), (Stopped::Asked, vec![0]));
}

#[tokio::test(start_paused = true)]
async fn a_flag_that_is_set_to_false_stops_nothing() {
    let (log, (flag, stop)) = (Log::new(), watch::channel(false));
    let sends = async {
        for _ in 0..3 {
            sleep(ms(50)).await;
            flag.send_replace(false);
        }
        sleep(ms(100)).await;
        flag.send_replace(true);
        sleep(ms(1000)).await;
    };
    let service = run(stop, PERIOD, log.unit(ms(20)));
    let (stopped, ()) = tokio::join!(service, sends);
    assert_eq!((stopped, log.begun()), (Stopped::Asked, vec![0, 100, 200]));
}

#[tokio::test(start_paused = true)]
async fn told_before_its_start_it_runs_no_unit() {
    let log = Log::new();
    let (flag, stop) = watch::channel(true);
    assert_eq!(run(stop, PERIOD, log.unit(ms(20))).await, Stopped::Asked);
    // Also who comes later.
    assert_eq!(run(flag.subscribe(), PERIOD, log.unit(ms(20))).await, Stopped::Asked);
    assert_eq!((log.begun(), log.start.elapsed()), (vec![], ms(0)));
}

#[tokio::test(start_paused = true)]
async fn without_a_sender_it_ends_after_its_unit_and_says_so() {
    let (log, (flag, stop)) = (Log::new(), watch::channel(false));
    let drops = async {
        sleep(ms(110)).await;
        drop(flag);
    };
    let (stopped, ()) = tokio::join!(run(stop, PERIOD, log.unit(ms(20))), drops);
    assert_eq!((stopped, log.start.elapsed()), (Stopped::Abandoned, ms(120)));
    assert_eq!(log.ended(), [20, 120]);
}

#[tokio::test(start_paused = true)]
async fn after_a_long_unit_the_next_begins_at_once_and_the_period_counts_from_there() {
    let (log, (flag, stop)) = (Log::new(), watch::channel(false));
    let (mut first, mut later) = (Some(log.unit(ms(250))), log.unit(ms(20)));
    let unit = || match first.take() {
        Some(mut first) => first(),
        None => later(),
    };
    let (_, _flag) = tokio::join!(run(stop, PERIOD, unit), set(flag, ms(460)));
    assert_eq!(log.begun(), [0, 250, 350, 450]);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "`period` must be non-zero")]
async fn a_period_of_zero_panics() {
    let (_flag, stop) = watch::channel(false);
    ends(run(stop, Duration::ZERO, || sleep(PERIOD))).await;
}

// A service in a task.

#[tokio::test(start_paused = true)]
async fn stopped_within_the_grace_time_it_has_finished_its_unit() {
    let log = Log::new();
    let service = Service::start(PERIOD, log.unit(ms(70)));
    sleep(ms(130)).await;
    assert_eq!(service.stop(ms(50)).await.unwrap(), Stopped::Asked);
    assert_eq!((log.ended(), log.start.elapsed()), (vec![70, 170], ms(170)));
}

#[tokio::test(start_paused = true)]
async fn after_the_grace_time_it_is_aborted_and_gone() {
    let log = Log::new();
    let service = Service::start(PERIOD, log.unit(ms(10_000)));
    sleep(ms(130)).await;
    let error = service.stop(ms(50)).await.unwrap_err();
    assert!(matches!(error, NotStopped::TooLate { grace } if grace == ms(50)));
    assert_eq!(log.start.elapsed(), ms(180));
    assert_eq!((log.ended(), log.running.count()), (vec![], 0));
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_panicked_long_ago_is_told_at_the_stop() {
    let service = Service::start(PERIOD, || async { panic!("a bug") });
    sleep(ms(1000)).await;
    let error = service.stop(ms(50)).await.unwrap_err();
    assert!(matches!(error, NotStopped::EndedEarly(end) if end.is_panic()));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_dropped_is_aborted() {
    let log = Log::new();
    let service = Service::start(PERIOD, log.unit(ms(10_000)));
    sleep(ms(10)).await;
    assert_eq!(log.running.count(), 1);
    drop(service);
    yield_now().await;
    assert_eq!(log.running.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_is_dropped_at_any_await_leaves_no_unit_behind() {
    for length in [ms(70), ms(10_000)] {
        let logs = Mutex::new(Vec::new());
        let make = || {
            let log = Log::new();
            let service = Service::start(PERIOD, log.unit(length));
            logs.lock().unwrap().push(log);
            async {
                sleep(ms(10)).await;
                service.stop(ms(100)).await
            }
        };
        assert!(at_every_await(make, |_, _| ()).await > 1);
        yield_now().await;
        for log in logs.into_inner().unwrap() {
            assert_eq!(log.running.count(), 0);
        }
    }
}

#[test]
fn a_service_can_be_run_and_stopped_in_a_task() {
    fn spawns<F: Future + Send>(_: impl FnOnce() -> F) {}
    let (_flag, stop) = watch::channel(false);
    spawns(move || run(stop, PERIOD, || async {}));
    spawns(|| async { Service::start(PERIOD, || async {}).stop(PERIOD).await });
}

// What a flag does by itself.

#[test]
fn send_without_a_receiver_does_not_set_the_flag() {
    let (flag, stop) = watch::channel(false);
    drop(stop);
    assert!(flag.send(true).is_err());
    assert!(!*flag.subscribe().borrow(), "who comes now is not told");
    flag.send_replace(true);
    assert!(*flag.subscribe().borrow());
}

// Wrong.

#[tokio::test(start_paused = true)]
async fn naive_a_change_to_false_stops_it() {
    let (log, (flag, stop)) = (Log::new(), watch::channel(false));
    let sends = async {
        sleep(ms(150)).await;
        flag.send_replace(false);
        sleep(ms(1000)).await;
    };
    tokio::join!(naive::run(stop, PERIOD, log.unit(ms(20))), sends);
    assert_eq!(log.begun(), [0, 100]);
}

#[tokio::test(start_paused = true)]
async fn naive_told_before_its_start_it_never_stops() {
    let log = Log::new();
    let (_flag, stop) = watch::channel(true);
    let service = naive::run(stop, PERIOD, log.unit(ms(20)));
    assert!(timeout(Duration::from_mins(1), service).await.is_err());
    assert_eq!(log.begun().len(), 601);
}

#[tokio::test(start_paused = true)]
async fn naive_a_unit_is_cut_off_in_the_middle() {
    let (log, (flag, stop)) = (Log::new(), watch::channel(false));
    let service = naive::run_and_cut_off(stop, PERIOD, log.unit(ms(70)));
    let ((), _flag) = tokio::join!(service, set(flag, ms(130)));
    assert_eq!((log.begun(), log.ended()), (vec![0, 100], vec![70]));
}

#[tokio::test(start_paused = true)]
async fn naive_a_unit_that_never_ends_holds_up_the_stop_for_ever() {
    let (flag, stop) = watch::channel(false);
    let task = AbortOnDropHandle::new(tokio::spawn(run(stop, PERIOD, pending)));
    sleep(ms(10)).await;
    let waits = naive::stop(flag, task);
    assert!(timeout(Duration::from_hours(1), waits).await.is_err());
}

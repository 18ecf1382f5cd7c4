use super::*;
use backend::{Alive, Longest, cancel, ends};
use futures::FutureExt;
use std::future::pending;
use std::num::NonZeroU16;
use std::sync::PoisonError;
use tokio::runtime;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the queue is gone")]
struct Gone;

const SECOND: Duration = Duration::from_secs(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn policy(restarts: u16) -> Restart {
    Restart { restarts: NonZeroU16::new(restarts).unwrap(), ..Restart::default() }
}

fn supervisor(restarts: u16) -> Supervisor {
    Supervisor::new(policy(restarts)).unwrap()
}

/// Runs a child that does `script[run]`, with the longest waits; gives the outcome, and
/// when each run began.
async fn supervise<Fut>(
    supervisor: &Supervisor,
    stop: &CancellationToken,
    mut child: impl FnMut(usize, CancellationToken) -> Fut,
) -> (Result<(), SupervisorError<Gone>>, Vec<Duration>)
where
    Fut: Future<Output = Result<(), Gone>> + Send + 'static,
{
    let (begin, mut runs) = (Instant::now(), Vec::new());
    let start = |stop| {
        runs.push(begin.elapsed());
        child(runs.len(), stop)
    };
    let outcome = supervisor.run(stop, &mut Longest, start).await;
    (outcome, runs)
}

// Restarts

#[tokio::test(start_paused = true)]
async fn an_error_and_a_panic_restart_the_child_and_ok_ends_it() {
    let stop = CancellationToken::new();
    let child = |run, _| async move {
        sleep(ms(20)).await;
        match run {
            1 => Err(Gone),
            2 => panic!("bug"),
            _ => Ok(()),
        }
    };
    let (outcome, runs) = supervise(&supervisor(5), &stop, child).await;
    assert!(matches!(outcome, Ok(())));
    assert_eq!(runs, [ms(0), ms(120), ms(340)]);
}

#[tokio::test(start_paused = true)]
async fn two_restarts_are_three_runs_and_the_last_error_is_the_source() {
    let stop = CancellationToken::new();
    let child = |_, _| async { Err(Gone) };
    let (outcome, runs) = supervise(&supervisor(2), &stop, child).await;
    assert_eq!(runs, [ms(0), ms(100), ms(300)]);
    let error = outcome.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the child failed too often: at most 2 restarts in 60s"
    );
    let last = error.source().unwrap();
    assert_eq!(last.to_string(), "the child returned an error");
    assert_eq!(last.source().unwrap().downcast_ref(), Some(&Gone));
}

#[tokio::test(start_paused = true)]
async fn the_last_panic_is_the_source_with_its_message() {
    let stop = CancellationToken::new();
    let child = |run, _| async move { panic!("bug {run}") };
    let (outcome, runs) = supervise(&supervisor(2), &stop, child).await;
    assert_eq!(runs.len(), 3);
    let error = outcome.unwrap_err();
    let panic = error.source().unwrap().source().unwrap().to_string();
    assert!(panic.ends_with(r#"panicked with message "bug 3""#), "{panic}");
}

#[tokio::test(start_paused = true)]
async fn the_waits_double_until_the_cap() {
    let stop = CancellationToken::new();
    let policy = Restart { cap: SECOND, ..policy(6) };
    let child = |_, _| async { Err(Gone) };
    let (_, runs) = supervise(&Supervisor::new(policy).unwrap(), &stop, child).await;
    let waits: Vec<_> = runs.windows(2).map(|pair| pair[1].abs_diff(pair[0])).collect();
    assert_eq!(waits, [ms(100), ms(200), ms(400), ms(800), SECOND, SECOND]);
}

#[tokio::test(start_paused = true)]
async fn after_a_stable_run_the_next_wait_is_short_again() {
    let stop = CancellationToken::new();
    let child = |run, _| async move {
        let ran = if run == 3 { 30 * SECOND } else { 10 * SECOND };
        sleep(ran).await;
        if run == 5 { Ok(()) } else { Err(Gone) }
    };
    let (outcome, runs) = supervise(&supervisor(5), &stop, child).await;
    assert!(outcome.is_ok());
    let waits = [ms(100), ms(200), ms(100), ms(200)];
    let ran = [10 * SECOND, 10 * SECOND, 30 * SECOND, 10 * SECOND];
    let between: Vec<_> =
        runs.windows(2).map(|pair| pair[1].abs_diff(pair[0])).collect();
    assert!(between.into_iter().eq((0..4).map(|i| ran[i] + waits[i])));
}

#[tokio::test(start_paused = true)]
async fn restarts_before_the_window_do_not_count() {
    let stop = CancellationToken::new();
    // Two restarts a minute, and a failure each 31 s: the third falls into the next one.
    let child = |run, _| async move {
        sleep(31 * SECOND).await;
        if run == 100 { Ok(()) } else { Err(Gone) }
    };
    let (outcome, runs) = supervise(&supervisor(2), &stop, child).await;
    assert!(outcome.is_ok());
    assert_eq!(runs.len(), 100);
}

#[tokio::test(start_paused = true)]
async fn each_run_of_a_supervisor_counts_anew() {
    let (supervisor, stop) = (supervisor(2), CancellationToken::new());
    for _ in 0..3 {
        let (outcome, runs) =
            supervise(&supervisor, &stop, |_, _| async { Err(Gone) }).await;
        assert!(matches!(outcome, Err(SupervisorError::Exhausted { restarts: 2, .. })));
        assert_eq!(runs.len(), 3);
    }
}

#[test]
fn a_policy_without_a_pause_is_refused() {
    let policy = Restart { base: Duration::ZERO, ..policy(2) };
    assert_eq!(Supervisor::new(policy).unwrap_err(), InvalidRestart::NoPause);
}

#[test]
fn a_window_too_short_for_its_waits_is_refused() {
    let policy = Restart { window: ms(300), ..policy(2) };
    assert_eq!(Supervisor::new(policy).unwrap_err(), InvalidRestart::NeverGivesUp);
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_of_a_supervisor_starts_it_again() {
    let (stop, begin) = (CancellationToken::new(), Instant::now());
    let mut runs = 0;
    let outer = supervisor(1);
    let start = |stop: CancellationToken| {
        runs += 1;
        async move {
            let child = |_| async { Err(Gone) };
            supervisor(2).run(&stop, &mut Longest, child).await
        }
    };
    let outcome = outer.run(&stop, &mut Longest, start).await;
    assert_eq!((runs, begin.elapsed()), (2, ms(300 + 100 + 300)));
    let Err(SupervisorError::Exhausted { restarts: 1, last, .. }) = outcome else {
        panic!("{outcome:?}")
    };
    let ChildError::Failed(SupervisorError::Exhausted { restarts: 2, .. }) = last
    else {
        panic!("{last:?}")
    };
}

// Stop

#[tokio::test(start_paused = true)]
async fn asked_to_stop_the_child_ends_in_its_grace_time_and_is_not_restarted() {
    let (stop, begin) = (CancellationToken::new(), Instant::now());
    let supervisor = supervisor(5);
    let child = |_, stop: CancellationToken| async move {
        stop.cancelled().await;
        sleep(4 * SECOND).await; // its clean-up
        Ok(())
    };
    let run = supervise(&supervisor, &stop, child);
    let ask = async {
        sleep(SECOND).await;
        stop.cancel();
    };
    let ((outcome, runs), ()) = tokio::join!(run, ask);
    assert!(matches!(outcome, Err(SupervisorError::Cancelled { last: None })));
    assert_eq!((runs.len(), begin.elapsed()), (1, 5 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_child_that_fails_while_it_stops_is_not_restarted_and_its_error_is_the_source()
 {
    let stop = CancellationToken::new();
    let supervisor = supervisor(5);
    let child = |_, stop: CancellationToken| async move {
        stop.cancelled().await;
        Err(Gone)
    };
    let run = supervise(&supervisor, &stop, child);
    let ask = async {
        sleep(SECOND).await;
        stop.cancel();
    };
    let ((outcome, runs), ()) = tokio::join!(run, ask);
    assert_eq!(runs.len(), 1);
    let error = outcome.unwrap_err();
    assert!(matches!(
        error,
        SupervisorError::Cancelled { last: Some(ChildError::Failed(Gone)) }
    ));
    assert_eq!(error.source().unwrap().to_string(), "the child returned an error");
}

#[tokio::test(start_paused = true)]
async fn after_the_grace_time_the_child_is_aborted_and_gone() {
    let (stop, begin, alive) =
        (CancellationToken::new(), Instant::now(), Alive::default());
    let supervisor = supervisor(5);
    let child = |_, _| {
        let guard = alive.guard();
        async move {
            let _guard = guard;
            pending().await
        }
    };
    let run = async {
        let ended = supervise(&supervisor, &stop, child).await;
        (ended, alive.count())
    };
    let ask = async {
        sleep(SECOND).await;
        stop.cancel();
    };
    let (((outcome, runs), left), ()) = tokio::join!(run, ask);
    let Err(SupervisorError::Cancelled { last: Some(ChildError::Aborted(grace)) }) =
        outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!((grace, runs.len(), left), (5 * SECOND, 1, 0));
    assert_eq!(begin.elapsed(), 6 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn asked_to_stop_in_a_wait_it_stops_at_once() {
    let (stop, begin) = (CancellationToken::new(), Instant::now());
    let supervisor = supervisor(5);
    let run = supervise(&supervisor, &stop, |_, _| async { Err(Gone) });
    let ask = async {
        sleep(ms(50)).await; // the wait is 100 ms
        stop.cancel();
    };
    let ((outcome, runs), ()) = tokio::join!(run, ask);
    assert!(matches!(outcome, Err(SupervisorError::Cancelled { last: None })));
    assert_eq!((runs.len(), begin.elapsed()), (1, ms(50)));
}

#[tokio::test(start_paused = true)]
async fn asked_before_the_start_no_child_runs() {
    let stop = CancellationToken::new();
    stop.cancel();
    let (outcome, runs) =
        supervise(&supervisor(5), &stop, |_, _| async { Ok(()) }).await;
    assert!(matches!(outcome, Err(SupervisorError::Cancelled { last: None })));
    assert!(runs.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_child_that_cancels_its_token_stops_only_itself() {
    let stop = CancellationToken::new();
    let child = |run, own: CancellationToken| async move {
        assert!(!own.is_cancelled(), "each run has a token of its own");
        own.cancel();
        if run == 2 { Ok(()) } else { Err(Gone) }
    };
    let (outcome, runs) = supervise(&supervisor(5), &stop, child).await;
    assert!(outcome.is_ok());
    assert_eq!((runs.len(), stop.is_cancelled()), (2, false));
}

#[test]
fn a_child_that_was_cancelled_is_not_restarted() {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (supervisor, stop) = (supervisor(5), CancellationToken::new());
    let mut runs = 0;
    let mut rng = Longest;
    let mut run = Box::pin(supervisor.run(&stop, &mut rng, |_| {
        runs += 1;
        pending::<Result<(), Gone>>()
    }));
    let inside = runtime.enter();
    assert!(run.as_mut().now_or_never().is_none());
    drop(inside);
    drop(runtime); // cancels its tasks
    let outcome = run.as_mut().now_or_never();
    drop(run);
    assert!(matches!(outcome, Some(Err(SupervisorError::Cancelled { last: None }))));
    assert_eq!(runs, 1);
}

// Drop

#[tokio::test(start_paused = true)]
async fn dropping_the_supervisor_stops_the_child() {
    let (stop, saved) = (CancellationToken::new(), Arc::new(Mutex::new(false)));
    let supervisor = supervisor(5);
    let child = |_, _| {
        let saved = Arc::clone(&saved);
        async move {
            sleep(SECOND).await;
            *saved.lock().unwrap() = true;
            Ok(())
        }
    };
    let dropped = timeout(ms(500), supervise(&supervisor, &stop, child)).await;
    assert!(dropped.is_err());
    sleep(SECOND).await;
    assert!(!*saved.lock().unwrap());
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_a_supervisor_leaves_no_child() {
    let (supervisor, alive) = (supervisor(5), Alive::default());
    let (stop, mut ends) = (CancellationToken::new(), Vec::new());
    let make = || {
        supervise(&supervisor, &stop, |run, _| {
            let guard = alive.guard();
            async move {
                let _guard = guard;
                sleep(SECOND).await;
                if run == 3 { Ok(()) } else { Err(Gone) }
            }
        })
    };
    let mut polls = 0;
    loop {
        let ended = cancel::after_polls(polls, make()).await;
        sleep(ms(1)).await; // an abort needs a turn of the runtime
        assert_eq!(alive.count(), 0, "dropped after {polls} polls");
        ends.push(ended.is_some());
        if ended.is_some() {
            break;
        }
        polls += 1;
    }
    assert!(polls >= 5, "{polls}");
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_can_be_spawned() {
    let task = tokio::spawn(async {
        let (stop, child) = (CancellationToken::new(), |_, _| async { Ok(()) });
        supervise(&supervisor(1), &stop, child).await.0.is_ok()
    });
    assert!(task.await.unwrap());
}

// Groups

/// A task that logs its begin and its end.
async fn logged(
    log: Log,
    name: &'static str,
    time: Duration,
    fails: bool,
) -> Result<(), Gone> {
    let _end = log.begin(name);
    sleep(time).await;
    if fails { Err(Gone) } else { Ok(()) }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

/// Logs that it is gone.
struct LogEnd(Log, &'static str);

impl Log {
    fn begin(&self, name: &'static str) -> LogEnd {
        self.0.lock().unwrap().push(format!("{name} begins"));
        LogEnd(self.clone(), name)
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Drop for LogEnd {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().push(format!("{} is gone", self.1));
    }
}

#[tokio::test(start_paused = true)]
async fn if_one_fails_all_are_gone_before_any_begins_again() {
    let (supervisor, stop, log) =
        (supervisor(5), CancellationToken::new(), Log::default());
    let mut runs = 0;
    let start = |_| {
        runs += 1;
        let mut tasks = JoinSet::new();
        tasks.spawn(logged(log.clone(), "reader", SECOND, runs == 1));
        tasks.spawn(logged(log.clone(), "writer", 2 * SECOND, false));
        one_for_all(tasks)
    };
    let outcome = supervisor.run(&stop, &mut Longest, start).await;
    assert!(outcome.is_ok());
    assert_eq!(
        log.lines(),
        [
            "reader begins",
            "writer begins",
            "reader is gone",
            "writer is gone",
            "reader begins",
            "writer begins",
            "reader is gone",
            "writer is gone",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn all_gives_the_first_failure_when_the_others_are_gone() {
    let alive = Alive::default();
    for panics in [false, true] {
        let mut tasks = JoinSet::new();
        for time in [1, 2, 3] {
            let guard = alive.guard();
            tasks.spawn(async move {
                let _guard = guard;
                sleep(time * SECOND).await;
                assert!(!(panics && time == 2), "bug");
                if time == 2 { Err(Gone) } else { Ok(()) }
            });
        }
        let begin = Instant::now();
        let error = one_for_all(tasks).await.unwrap_err();
        assert_eq!((alive.count(), begin.elapsed()), (0, 2 * SECOND));
        assert_eq!(matches!(error, ChildError::Panicked(_)), panics);
        assert_eq!(matches!(error, ChildError::Failed(Gone)), !panics);
    }
}

#[tokio::test(start_paused = true)]
async fn one_task_of_all_that_its_owner_aborts_is_no_failure() {
    let mut tasks = JoinSet::new();
    tasks.spawn(pending::<Result<(), Gone>>()).abort();
    tasks.spawn(async { Ok(()) });
    assert!(one_for_all(tasks).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn with_a_supervisor_for_each_the_others_go_on() {
    let (stop, log) = (CancellationToken::new(), Log::default());
    let mut supervisors = JoinSet::new();
    for (name, fails) in [("reader", true), ("writer", false)] {
        let (stop, log, mut runs) = (stop.clone(), log.clone(), 0);
        supervisors.spawn(async move {
            let start = |_| {
                runs += 1;
                let time = if fails { SECOND } else { 3 * SECOND };
                logged(log.clone(), name, time, fails && runs == 1)
            };
            supervisor(5).run(&stop, &mut Longest, start).await
        });
    }
    assert!(supervisors.join_all().await.iter().all(Result::is_ok));
    let mut lines = log.lines();
    lines[..2].sort_unstable();
    assert_eq!(
        lines,
        [
            "reader begins",
            "writer begins",
            "reader is gone",
            "reader begins",
            "reader is gone",
            "writer is gone",
        ]
    );
}

// What it cannot help

#[tokio::test(start_paused = true)]
async fn a_counter_of_all_runs_is_poisoned_by_the_first_panic() {
    let (outcome, seen) = count_with(Counter::OfAll).await;
    assert!(matches!(outcome, Err(SupervisorError::Exhausted { .. })));
    assert_eq!(seen, ["new", "poisoned", "poisoned"]);
}

#[tokio::test(start_paused = true)]
async fn a_counter_of_each_run_is_never_poisoned() {
    let (outcome, seen) = count_with(Counter::OfEachRun).await;
    assert!(outcome.is_ok());
    assert_eq!(seen, ["new", "new"]);
}

enum Counter {
    OfAll,
    OfEachRun,
}

/// The first run panics while it holds the lock of the counter.
async fn count_with(
    counter: Counter,
) -> (Result<(), SupervisorError<Gone>>, Vec<&'static str>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (supervisor, stop) = (supervisor(2), CancellationToken::new());
    let consume = |counter: Arc<Mutex<u32>>| {
        let seen = Arc::clone(&seen);
        async move {
            let first = seen.lock().unwrap().is_empty();
            let locked = counter.lock();
            seen.lock().unwrap().push(if locked.is_ok() { "new" } else { "poisoned" });
            let mut locked = locked.map_err(|PoisonError { .. }| Gone)?;
            assert!(!first, "panics with the lock in its hands");
            *locked += 1;
            Ok(())
        }
    };
    let outcome = match counter {
        Counter::OfAll => naive::count(&supervisor, &stop, &mut Longest, consume).await,
        Counter::OfEachRun => count(&supervisor, &stop, &mut Longest, consume).await,
    };
    let seen = seen.lock().unwrap().clone();
    (outcome, seen)
}

fn three_jobs() -> mpsc::Receiver<u32> {
    let (sender, jobs) = mpsc::channel(3);
    for job in 1..=3 {
        sender.try_send(job).unwrap();
    }
    jobs
}

async fn hang_at_two(job: u32) {
    if job == 2 {
        pending::<()>().await;
    }
    sleep(SECOND).await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_hangs_is_an_error_at_its_limit() {
    let begin = Instant::now();
    assert!(ends(consume(10 * SECOND, three_jobs(), hang_at_two)).await.is_err());
    assert_eq!(begin.elapsed(), 11 * SECOND);
    assert!(consume(10 * SECOND, three_jobs(), |_| sleep(9 * SECOND)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_a_job_that_hangs_is_no_failure() {
    let day = Duration::from_hours(24);
    assert!(timeout(day, naive::consume(three_jobs(), hang_at_two)).await.is_err());
}

// How it goes wrong

#[tokio::test(start_paused = true)]
async fn without_a_wait_200_restarts_need_no_time_at_all() {
    let (begin, mut runs) = (Instant::now(), 0);
    naive::supervise(200, || {
        runs += 1;
        async { panic!("no such table") }
    })
    .await;
    assert_eq!((runs, begin.elapsed()), (201, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn an_error_ends_the_naive_supervisor_as_a_success() {
    let mut runs = 0;
    naive::supervise(200, || {
        runs += 1;
        async { Err::<(), _>(Gone) }
    })
    .await;
    assert_eq!(runs, 1);
}

#[tokio::test(start_paused = true)]
async fn the_child_of_a_naive_supervisor_outlives_it() {
    let saved = Arc::new(Mutex::new(false));
    let start = || {
        let saved = Arc::clone(&saved);
        async move {
            sleep(SECOND).await;
            *saved.lock().unwrap() = true;
        }
    };
    assert!(timeout(ms(500), naive::supervise(200, start)).await.is_err());
    sleep(SECOND).await;
    assert!(*saved.lock().unwrap());
}

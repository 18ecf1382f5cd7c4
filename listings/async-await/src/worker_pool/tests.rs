use super::*;
use backend::{Alive, cancel, ends};
use std::future::pending;
use std::panic::panic_any;
use std::sync::Mutex as StdMutex;
use std::sync::mpsc as std_mpsc;
use tokio::sync::{Barrier, Notify};
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

/// Long enough for any machine; only a broken listing waits that long.
const AGES: Duration = Duration::from_mins(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const fn settings(workers: usize, queue: usize) -> Settings {
    Settings {
        workers: NonZeroUsize::new(workers).unwrap(),
        queue: NonZeroUsize::new(queue).unwrap(),
        abandoned: Abandoned::Run,
    }
}

const fn skipping(workers: usize, queue: usize) -> Settings {
    Settings { abandoned: Abandoned::Skip, ..settings(workers, queue) }
}

/// A worker that sleeps as long as its job says, and logs what it has begun and ended.
#[derive(Clone, Default)]
struct Sleeper {
    number: usize,
    log: Log,
    alive: Alive,
}

#[derive(Clone, Default)]
struct Log(Arc<StdMutex<Vec<String>>>);

impl Log {
    fn add(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Worker for Sleeper {
    type Job = (&'static str, Duration);
    type Output = usize;

    async fn run(&mut self, (name, time): Self::Job) -> usize {
        let _guard = self.alive.guard();
        self.log.add(format!("{name} begins"));
        sleep(time).await;
        self.log.add(format!("{name} ends"));
        self.number
    }
}

impl Sleeper {
    fn pool(&self, settings: Settings) -> WorkerPool<Self> {
        let sleeper = self.clone();
        WorkerPool::new(settings, move |number| Self { number, ..sleeper.clone() })
    }
}

fn lines<const N: usize>(lines: [&str; N]) -> Vec<String> {
    lines.map(ToOwned::to_owned).to_vec()
}

/// What a job of [`Caller`] does.
type Call = Box<dyn FnOnce(u32) -> futures::future::BoxFuture<'static, u32> + Send>;

/// A worker that counts its jobs, and calls what it gets with their number.
#[derive(Default)]
struct Caller(u32);

impl Worker for Caller {
    type Job = Call;
    type Output = u32;

    fn run(&mut self, job: Call) -> impl Future<Output = u32> + Send {
        self.0 += 1;
        job(self.0) // not in an async block: what panics here panics before the future
    }
}

fn call<Fut: Future<Output = u32> + Send + 'static>(
    job: impl FnOnce(u32) -> Fut + Send + 'static,
) -> Call {
    Box::new(move |count| job(count).boxed())
}

fn caller(settings: Settings) -> WorkerPool<Caller> {
    WorkerPool::new(settings, |_| Caller::default())
}

fn panicked(message: &str) -> JobError {
    JobError::Panicked { message: message.to_owned() }
}

// How many at a time

#[tokio::test(start_paused = true)]
async fn four_jobs_of_a_second_need_one_second_on_four_workers() {
    let (start, pool) = (Instant::now(), Sleeper::default().pool(settings(4, 1)));
    let mut handles = Vec::new();
    for name in ["a", "b", "c", "d"] {
        handles.push(pool.submit((name, SECOND)).await.unwrap());
    }
    let mut workers = Vec::new();
    for handle in handles {
        workers.push(handle.result().await.unwrap().output);
    }
    workers.sort_unstable();
    assert_eq!((workers, start.elapsed()), (vec![0, 1, 2, 3], SECOND));
}

#[tokio::test(start_paused = true)]
async fn never_more_jobs_run_than_there_are_workers() {
    let sleeper = Sleeper::default();
    let pool = sleeper.pool(settings(3, 10));
    for _ in 0..10 {
        drop(pool.submit(("job", SECOND)).await.unwrap());
    }
    sleep(ms(1)).await;
    for (second, running) in [(0, 3), (1, 3), (2, 3), (3, 1), (4, 0)] {
        assert_eq!(sleeper.alive.count(), running, "in second {second}");
        sleep(SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn jobs_begin_in_the_order_in_which_they_were_submitted() {
    let sleeper = Sleeper::default();
    let pool = sleeper.pool(settings(2, 10));
    for job in [("a", 50), ("b", 20), ("c", 10), ("d", 5)] {
        drop(pool.submit((job.0, ms(job.1))).await.unwrap());
    }
    ends(pool.shutdown()).await;
    let begun: Vec<_> = sleeper.log.lines();
    let begun: Vec<_> = begun.iter().filter(|line| line.ends_with("begins")).collect();
    assert_eq!(begun, ["a begins", "b begins", "c begins", "d begins"]);
}

#[tokio::test(start_paused = true)]
async fn one_worker_does_its_jobs_in_order() {
    let sleeper = Sleeper::default();
    let pool = sleeper.pool(settings(1, 10));
    for job in [("a", 50), ("b", 20), ("c", 10)] {
        drop(pool.submit((job.0, ms(job.1))).await.unwrap());
    }
    ends(pool.shutdown()).await;
    let want = ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"];
    assert_eq!(sleeper.log.lines(), lines(want));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_run_at_the_same_time_on_several_threads() {
    let pool = caller(settings(4, 1));
    let together = Arc::new(Barrier::new(4));
    let mut handles = Vec::new();
    for _ in 0..4 {
        let together = Arc::clone(&together);
        let job = call(|_| async move {
            together.wait().await;
            0
        });
        handles.push(pool.submit(job).await.unwrap());
    }
    for handle in handles {
        timeout(AGES, handle.result()).await.expect("all four run").unwrap();
    }
}

/// Four jobs of a second each, and four of `worker`: how long they need.
async fn four_of_four<Fut: Future<Output = ()> + Send + 'static>(
    worker: impl Fn(Arc<Mutex<mpsc::Receiver<Duration>>>) -> Fut,
) -> Duration {
    let start = Instant::now();
    let (sender, jobs) = mpsc::channel(4);
    let jobs = Arc::new(Mutex::new(jobs));
    let mut workers = JoinSet::new();
    for _ in 0..4 {
        workers.spawn(worker(Arc::clone(&jobs)));
        sender.send(SECOND).await.unwrap();
    }
    drop(sender);
    workers.join_all().await;
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn with_the_guard_in_the_loop_one_job_runs_at_a_time() {
    assert_eq!(four_of_four(|jobs| naive::work_off(jobs, sleep)).await, 4 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn with_a_let_of_its_own_four_workers_run_four_jobs() {
    assert_eq!(four_of_four(|jobs| work_off(jobs, sleep)).await, SECOND);
}

// Without a pool

#[tokio::test(start_paused = true)]
async fn a_permit_in_the_task_bounds_the_tasks() {
    let (start, alive) = (Instant::now(), Alive::default());
    let permits = Arc::new(Semaphore::new(4));
    let job = |number: u64| {
        let alive = alive.clone();
        async move {
            let _guard = alive.guard();
            sleep(SECOND + ms(number)).await;
            (number, alive.count())
        }
    };
    let results = few_tasks(Arc::clone(&permits), 0..6, job).await.unwrap();
    // The first to end sees 4, and so does each one after which another began.
    let want = [(0, 4), (1, 4), (2, 4), (3, 3), (4, 2), (5, 1)];
    assert_eq!((results, start.elapsed()), (want.to_vec(), 2 * SECOND + ms(6)));
    assert_eq!(permits.available_permits(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_permit_bound_to_an_underscore_bounds_nothing() {
    let (start, alive) = (Instant::now(), Alive::default());
    let job = |_| {
        let alive = alive.clone();
        async move {
            let _guard = alive.guard();
            sleep(SECOND).await;
            alive.count()
        }
    };
    let permits = Arc::new(Semaphore::new(4));
    let results = naive::few_tasks(permits, 0..6, job).await.unwrap();
    assert_eq!((results[0], start.elapsed()), (6, SECOND));
}

#[tokio::test(start_paused = true)]
async fn dropped_tasks_give_their_permits_back() {
    let (alive, permits) = (Alive::default(), Arc::new(Semaphore::new(2)));
    let job = |_| {
        let guard = alive.guard();
        async move {
            let _guard = guard;
            pending::<()>().await;
        }
    };
    let all = few_tasks(Arc::clone(&permits), 0..3, job);
    assert!(timeout(SECOND, all).await.is_err());
    sleep(ms(1)).await; // an aborted task is dropped by the runtime, a moment later
    assert_eq!((permits.available_permits(), alive.count()), (2, 0));
    assert_eq!(alive.dropped(), 2, "the third never began");
}

#[tokio::test(start_paused = true)]
async fn a_closed_semaphore_is_an_error() {
    let permits = Arc::new(Semaphore::new(1));
    permits.close();
    assert!(few_tasks(Arc::clone(&permits), 0..3, |_| async {}).await.is_err());
    assert!(naive::few_tasks(permits, 0..3, |_| async {}).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_join_set_keeps_each_result_until_somebody_takes_it() {
    let mut tasks = JoinSet::new();
    for number in 0..1000 {
        tasks.spawn(async move { number });
    }
    sleep(SECOND).await;
    assert_eq!(tasks.len(), 1000, "all have ended");
    while tasks.try_join_next().is_some() {}
    assert_eq!(tasks.len(), 0);
}

// Panics

#[tokio::test(start_paused = true)]
async fn a_panic_is_the_error_of_its_own_job() {
    let pool = caller(settings(1, 4));
    let text = call(|_| async { panic!("the paper is jammed") });
    let number = 7;
    let formatted = call(move |_| async move { panic!("tray {number} is empty") });
    let other = call(|_| async { panic_any(7) });
    let good = call(|_| async { 5 });
    let mut results = Vec::new();
    for job in [text, formatted, other, good] {
        let handle = pool.submit(job).await.unwrap();
        results.push(handle.result().await.map(|done| done.output));
    }
    let want = [
        Err(panicked("the paper is jammed")),
        Err(panicked("tray 7 is empty")),
        Err(panicked("not a text")),
        Ok(5),
    ];
    assert_eq!(results, want);
    assert_eq!(
        results[0].as_ref().unwrap_err().to_string(),
        "the job panicked: the paper is jammed"
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_before_the_first_await_is_the_error_of_its_job_too() {
    let pool = caller(settings(1, 1));
    let broken: Call = Box::new(|_| panic!("no future at all"));
    let handle = pool.submit(broken).await.unwrap();
    assert_eq!(handle.result().await, Err(panicked("no future at all")));
    let handle = pool.submit(call(|_| async { 5 })).await.unwrap();
    assert_eq!(handle.result().await.unwrap().output, 5);
}

#[tokio::test(start_paused = true)]
async fn two_panics_leave_a_pool_of_two_alive() {
    let pool = caller(settings(2, 1));
    for _ in 0..2 {
        // Both workers have a job, so each of the two panics in its own worker.
        let both = Arc::new(Barrier::new(2));
        let job = |both: Arc<Barrier>| {
            call(|_| async move {
                both.wait().await;
                panic!("jammed")
            })
        };
        let first = pool.submit(job(Arc::clone(&both))).await.unwrap();
        let second = pool.submit(job(both)).await.unwrap();
        assert_eq!(first.result().await, Err(panicked("jammed")));
        assert_eq!(second.result().await, Err(panicked("jammed")));
    }
    let handle = pool.submit(call(|_| async { 5 })).await.unwrap();
    assert_eq!(handle.result().await.unwrap().output, 5);
}

#[tokio::test(start_paused = true)]
async fn after_a_panic_the_worker_is_made_anew() {
    let pool = caller(settings(1, 1));
    let mut counts = Vec::new();
    for jammed in [false, false, true, false] {
        let job = call(move |count| async move {
            assert!(!jammed, "jammed");
            count
        });
        let handle = pool.submit(job).await.unwrap();
        counts.push(handle.result().await.map(|done| done.output));
    }
    assert_eq!(counts, [Ok(1), Ok(2), Err(panicked("jammed")), Ok(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_worker_is_made_for_its_first_job_and_a_panic_there_is_an_error() {
    let made = Log::default();
    let pool = {
        let made = made.clone();
        WorkerPool::new(settings(1, 1), move |number| {
            made.add(format!("worker {number}"));
            assert!(made.lines().len() > 1, "no printer there");
            Caller::default()
        })
    };
    sleep(SECOND).await;
    assert!(made.lines().is_empty());
    let handle = pool.submit(call(|count| async move { count })).await.unwrap();
    assert_eq!(handle.result().await, Err(panicked("no printer there")));
    for count in [1, 2] {
        let handle = pool.submit(call(|count| async move { count })).await.unwrap();
        assert_eq!(handle.result().await.unwrap().output, count);
    }
    assert_eq!(made.lines(), lines(["worker 0", "worker 0"]));
}

#[tokio::test(start_paused = true)]
async fn without_a_catch_two_panics_end_a_pool_of_two() {
    let sender = naive::start(2, 1, |jammed: bool| async move {
        assert!(!jammed, "jammed");
    });
    sender.send(true).await.unwrap();
    sender.send(true).await.unwrap();
    sender.closed().await; // both workers are gone, and the receiver with them
    assert!(sender.send(false).await.is_err());
}

// The queue

#[tokio::test(start_paused = true)]
async fn submit_waits_while_the_queue_is_full() {
    let (start, pool) = (Instant::now(), Sleeper::default().pool(settings(1, 2)));
    let mut taken = Vec::new();
    for _ in 0..5 {
        drop(pool.submit(("job", SECOND)).await.unwrap());
        yield_now().await; // so that the worker takes the first job
        taken.push(start.elapsed().as_secs());
    }
    // One runs and two wait, at once; then one for each that ends.
    assert_eq!(taken, [0, 0, 0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_gives_the_job_back() {
    let pool = Sleeper::default().pool(settings(1, 2));
    let mut kept = Vec::new();
    kept.push(pool.try_submit(("a", SECOND)).unwrap());
    yield_now().await; // so that the worker takes the first job
    kept.push(pool.try_submit(("b", SECOND)).unwrap());
    kept.push(pool.try_submit(("c", SECOND)).unwrap());
    let refused = pool.try_submit(("d", SECOND)).err().unwrap();
    assert_eq!(refused, Refused::Full(("d", SECOND)));
    sleep(SECOND + ms(1)).await;
    kept.push(pool.try_submit(("d", SECOND)).unwrap());
    for (handle, waited) in kept.into_iter().zip([ms(0), SECOND, 2 * SECOND]) {
        assert_eq!(handle.result().await.unwrap().waited, waited);
    }
}

#[tokio::test(start_paused = true)]
async fn the_largest_queue_is_no_panic() {
    let queue = NonZeroUsize::MAX;
    let pool = caller(Settings { queue, ..settings(1, 1) });
    let handle = pool.submit(call(|_| async { 5 })).await.unwrap();
    assert_eq!(handle.result().await.unwrap().output, 5);
}

#[tokio::test(start_paused = true)]
async fn a_submit_that_is_dropped_while_it_waits_has_queued_nothing() {
    let sleeper = Sleeper::default();
    let pool = sleeper.pool(settings(1, 1));
    for name in ["runs", "waits"] {
        drop(pool.submit((name, SECOND)).await.unwrap());
        yield_now().await;
    }
    let late = timeout(ms(10), pool.submit(("late", SECOND)));
    assert!(late.await.is_err());
    ends(pool.shutdown()).await;
    let want = ["runs begins", "runs ends", "waits begins", "waits ends"];
    assert_eq!(sleeper.log.lines(), lines(want));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_a_submit_leaves_its_place_to_others() {
    let sleeper = Sleeper::default();
    let pool = sleeper.pool(settings(1, 1));
    for name in ["runs", "waits"] {
        drop(pool.submit((name, SECOND)).await.unwrap());
        yield_now().await;
    }
    let points =
        cancel::at_every_await(|| pool.submit(("late", SECOND)), |_, _| ()).await;
    assert_eq!(points, 2, "before the first poll, and while it waits for room");
    ends(pool.shutdown()).await;
    assert_eq!(sleeper.log.lines().iter().filter(|l| *l == "late begins").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn each_result_carries_the_time_in_the_queue_and_the_time_of_the_run() {
    let pool = Sleeper::default().pool(settings(2, 1));
    let jobs = [("a", 100), ("b", 300), ("c", 50), ("d", 20)];
    let all = jobs.map(|(name, time)| {
        let pool = &pool;
        async move {
            let done = pool.submit((name, ms(time))).await.unwrap().result().await;
            let done = done.unwrap();
            (done.waited.as_millis(), done.ran.as_millis())
        }
    });
    // "d" waits for room in the queue, and then in the queue: both count.
    let want = [(0, 100), (0, 300), (100, 50), (150, 20)];
    assert_eq!(futures::future::join_all(all).await, want);
}

// Who waits for a result

#[tokio::test(start_paused = true)]
async fn a_job_runs_although_its_handle_was_dropped() {
    let sleeper = Sleeper::default();
    let pool = sleeper.pool(settings(1, 2));
    for name in ["a", "b"] {
        drop(pool.submit((name, SECOND)).await.unwrap());
    }
    sleep(HOUR).await;
    let want = ["a begins", "a ends", "b begins", "b ends"];
    assert_eq!(sleeper.log.lines(), lines(want));
}

#[tokio::test(start_paused = true)]
async fn a_limit_around_a_result_stops_the_waiting_and_not_the_job() {
    let sleeper = Sleeper::default();
    let pool = sleeper.pool(settings(1, 2));
    let handle = pool.submit(("a", SECOND)).await.unwrap();
    assert!(timeout(ms(10), handle.result()).await.is_err());
    assert_eq!(sleeper.log.lines(), lines(["a begins"]));
    sleep(SECOND).await;
    assert_eq!(sleeper.log.lines(), lines(["a begins", "a ends"]));
}

#[tokio::test(start_paused = true)]
async fn a_limit_inside_of_a_job_frees_its_worker() {
    let pool = caller(settings(1, 1));
    let stuck = call(|_| async {
        let answer = timeout(SECOND, pending::<u32>()).await;
        answer.unwrap_or(0)
    });
    let stuck = pool.submit(stuck).await.unwrap();
    let next = pool.submit(call(|_| async { 5 })).await.unwrap();
    assert_eq!(stuck.result().await.unwrap().ran, SECOND);
    assert_eq!(next.result().await.unwrap().waited, SECOND);
}

#[tokio::test(start_paused = true)]
async fn with_skip_a_job_that_nobody_waits_for_does_not_begin() {
    let sleeper = Sleeper::default();
    let pool = sleeper.pool(skipping(1, 4));
    let first = pool.submit(("a", SECOND)).await.unwrap();
    drop(pool.submit(("dropped", SECOND)).await.unwrap());
    let late = pool.submit(("late", SECOND)).await.unwrap();
    let last = pool.submit(("last", SECOND)).await.unwrap();
    assert!(timeout(ms(10), late.result()).await.is_err());
    first.result().await.unwrap();
    assert_eq!(last.result().await.unwrap().waited, SECOND);
    let want = ["a begins", "a ends", "last begins", "last ends"];
    assert_eq!(sleeper.log.lines(), lines(want));
}

#[tokio::test(start_paused = true)]
async fn with_skip_a_job_that_has_begun_goes_on() {
    let sleeper = Sleeper::default();
    let pool = sleeper.pool(skipping(1, 1));
    let handle = pool.submit(("a", SECOND)).await.unwrap();
    yield_now().await;
    drop(handle);
    ends(pool.shutdown()).await;
    assert_eq!(sleeper.log.lines(), lines(["a begins", "a ends"]));
}

// The end

#[tokio::test(start_paused = true)]
async fn a_shutdown_loses_none_of_300_jobs() {
    let (start, sleeper) = (Instant::now(), Sleeper::default());
    let pool = sleeper.pool(settings(4, 100));
    for _ in 0..300 {
        drop(pool.submit(("job", ms(10))).await.unwrap());
    }
    ends(pool.shutdown()).await;
    let ended = sleeper.log.lines().iter().filter(|line| *line == "job ends").count();
    assert_eq!((ended, start.elapsed()), (300, ms(750)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_threads_too_each_job_that_was_taken_is_done() {
    let sleeper = Sleeper::default();
    let pool = Arc::new(sleeper.pool(settings(4, 8)));
    let enough = Arc::new(Notify::new());
    let mut submitters = JoinSet::new();
    for _ in 0..3 {
        let (pool, enough) = (Arc::clone(&pool), Arc::clone(&enough));
        submitters.spawn(async move {
            let mut taken = 0;
            // Ends when the pool is closed under its hands.
            while pool.submit(("job", Duration::ZERO)).await.is_ok() {
                taken += 1;
                if taken == 50 {
                    enough.notify_one();
                }
            }
            taken
        });
    }
    enough.notified().await;
    ends(pool.shutdown()).await;
    let taken: usize = submitters.join_all().await.into_iter().sum();
    let ended = sleeper.log.lines().iter().filter(|line| *line == "job ends").count();
    assert_eq!(ended, taken);
}

#[tokio::test(start_paused = true)]
async fn after_a_shutdown_each_submit_gives_its_job_back() {
    let pool = Sleeper::default().pool(settings(1, 1));
    ends(pool.shutdown()).await;
    let closed = pool.submit(("a", SECOND)).await.err().unwrap();
    assert_eq!(closed, Closed(("a", SECOND)));
    let refused = pool.try_submit(("a", SECOND)).err().unwrap();
    assert_eq!(refused, Refused::Closed(("a", SECOND)));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_refuses_at_once_also_who_waits_and_while_all_workers_are_busy() {
    let (start, pool) = (Instant::now(), Sleeper::default().pool(settings(1, 1)));
    for name in ["runs", "waits"] {
        drop(pool.submit((name, SECOND)).await.unwrap());
        yield_now().await;
    }
    let waits =
        async { (pool.submit(("late", SECOND)).await.is_err(), start.elapsed()) };
    let comes = async {
        sleep(ms(20)).await;
        let both = (pool.submit(("a", SECOND)).await, pool.try_submit(("b", SECOND)));
        (both.0.is_err(), both.1.err(), start.elapsed())
    };
    let shuts = async {
        sleep(ms(10)).await;
        ends(pool.shutdown()).await;
        start.elapsed()
    };
    let (waits, comes, shuts) = tokio::join!(waits, comes, shuts);
    assert_eq!(waits, (true, ms(10)));
    assert_eq!(comes, (true, Some(Refused::Closed(("b", SECOND))), ms(20)));
    assert_eq!(shuts, 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn after_a_shutdown_the_workers_are_dropped() {
    struct Guarded(#[expect(dead_code, reason = "it is counted")] Arc<()>);
    impl Worker for Guarded {
        type Job = ();
        type Output = ();
        async fn run(&mut self, (): ()) {
            sleep(SECOND).await;
        }
    }
    let owned = Arc::new(());
    let pool = {
        let owned = Arc::downgrade(&owned);
        WorkerPool::new(settings(2, 2), move |_| Guarded(owned.upgrade().unwrap()))
    };
    for () in [(), ()] {
        drop(pool.submit(()).await.unwrap());
    }
    sleep(SECOND + ms(1)).await;
    assert_eq!(Arc::strong_count(&owned), 3, "between two jobs, both workers stay");
    ends(pool.shutdown()).await;
    assert_eq!(Arc::strong_count(&owned), 1);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_that_is_dropped_leaves_the_pool_closed_and_can_be_called_again() {
    let (start, sleeper) = (Instant::now(), Sleeper::default());
    let pool = sleeper.pool(settings(1, 1));
    drop(pool.submit(("a", SECOND)).await.unwrap());
    assert!(timeout(ms(10), pool.shutdown()).await.is_err());
    assert!(pool.submit(("b", SECOND)).await.is_err());
    let both = async { tokio::join!(pool.shutdown(), pool.shutdown()) };
    both.await;
    assert_eq!(start.elapsed(), SECOND);
    assert_eq!(sleeper.log.lines(), lines(["a begins", "a ends"]));
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_await_a_shutdown_loses_no_job() {
    let sleeper = Sleeper::default();
    let pool = sleeper.pool(settings(2, 4));
    for name in ["a", "b", "c"] {
        drop(pool.submit((name, SECOND)).await.unwrap());
    }
    cancel::at_every_await(|| pool.shutdown(), |_, _| ()).await;
    let ended = sleeper.log.lines().iter().filter(|l| l.ends_with("ends")).count();
    assert_eq!(ended, 3);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_pool_drops_its_jobs_and_each_handle_says_so() {
    let sleeper = Sleeper::default();
    let pool = sleeper.pool(settings(1, 1));
    let runs = pool.submit(("runs", SECOND)).await.unwrap();
    yield_now().await;
    let waits = pool.submit(("waits", SECOND)).await.unwrap();
    drop(pool);
    assert_eq!(runs.result().await, Err(JobError::Lost));
    assert_eq!(waits.result().await, Err(JobError::Lost));
    assert_eq!(sleeper.alive.count(), 0);
    sleep(HOUR).await;
    assert_eq!(sleeper.log.lines(), lines(["runs begins"]));
}

#[tokio::test(start_paused = true)]
async fn after_a_limit_on_the_shutdown_a_drop_ends_what_still_runs() {
    let (start, sleeper) = (Instant::now(), Sleeper::default());
    let pool = sleeper.pool(settings(2, 1));
    let quick = pool.submit(("quick", ms(10))).await.unwrap();
    let stuck = pool.submit(("stuck", HOUR)).await.unwrap();
    assert!(timeout(SECOND, pool.shutdown()).await.is_err());
    drop(pool);
    assert!(quick.result().await.is_ok());
    assert_eq!(stuck.result().await, Err(JobError::Lost));
    assert_eq!((sleeper.alive.count(), start.elapsed()), (0, SECOND));
}

#[test]
fn detached_workers_lose_104_of_300_jobs_when_main_returns() {
    let ended = Log::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let log = ended.clone();
        let sender = naive::start(4, 100, move |number| {
            let log = log.clone();
            async move {
                sleep(ms(10)).await;
                log.add(format!("job {number}"));
            }
        });
        for number in 0..300 {
            sender.send(number).await.unwrap();
        }
    });
    drop(runtime); // as at the end of `main`
    assert_eq!(ended.lines().len(), 196, "100 were in the queue, 4 were running");
}

// Jobs that block

/// A worker that renders on a blocking thread or, wrong, on the runtime's.
struct Renderer {
    on_the_runtime: bool,
}

type Render = Box<dyn FnOnce(u32) -> &'static str + Send>;

impl Worker for Renderer {
    type Job = Render;
    type Output = Result<&'static str, JoinError>;

    async fn run(&mut self, render: Render) -> Self::Output {
        if self.on_the_runtime {
            Ok(naive::render_label(7, render).await)
        } else {
            render_label(7, render).await
        }
    }
}

/// A job that blocks its thread until a neighbour task has run, or for `patience`.
async fn a_job_beside_a_task(on_the_runtime: bool, patience: Duration) -> &'static str {
    let pool = WorkerPool::new(settings(1, 1), move |_| Renderer { on_the_runtime });
    let (tick, ticks) = std_mpsc::channel();
    let begun = Arc::new(Notify::new());
    let render = {
        let begun = Arc::clone(&begun);
        move |order| {
            assert_eq!(order, 7);
            begun.notify_one();
            match ticks.recv_timeout(patience) {
                Ok(()) => "a task ran beside it",
                Err(_) => "nobody came",
            }
        }
    };
    let neighbour = async move {
        begun.notified().await;
        let _gone = tick.send(());
    };
    tokio::spawn(neighbour);
    let handle = pool.submit(Box::new(render)).await.unwrap();
    handle.result().await.unwrap().output.unwrap()
}

#[tokio::test]
async fn beside_a_job_on_a_blocking_thread_other_tasks_run() {
    assert_eq!(a_job_beside_a_task(false, AGES).await, "a task ran beside it");
}

#[tokio::test]
async fn beside_a_job_that_blocks_its_worker_no_task_runs() {
    assert_eq!(a_job_beside_a_task(true, ms(50)).await, "nobody came");
}

#[tokio::test]
async fn a_panic_on_a_blocking_thread_is_an_error_in_the_output() {
    let pool = WorkerPool::new(settings(1, 1), |_| Renderer { on_the_runtime: false });
    let handle = pool.submit(Box::new(|_| panic!("no such font"))).await.unwrap();
    let output = handle.result().await.unwrap().output;
    assert!(output.unwrap_err().is_panic());
}

#[tokio::test]
async fn blocking_work_that_has_begun_goes_on_after_the_pool_is_dropped() {
    let pool = WorkerPool::new(settings(1, 1), |_| Renderer { on_the_runtime: false });
    let (begun, wait_begun) = tokio::sync::oneshot::channel();
    let (go_on, wait_go_on) = std_mpsc::channel::<()>();
    let (ended, wait_ended) = tokio::sync::oneshot::channel();
    let render = move |_| {
        begun.send(()).unwrap();
        wait_go_on.recv_timeout(AGES).unwrap();
        ended.send(()).unwrap();
        "rendered"
    };
    let handle = pool.submit(Box::new(render)).await.unwrap();
    wait_begun.await.unwrap();
    drop(pool);
    assert_eq!(handle.result().await.unwrap_err(), JobError::Lost);
    go_on.send(()).unwrap();
    timeout(AGES, wait_ended).await.unwrap().unwrap();
}

// Jobs that need their own pool

#[tokio::test(start_paused = true)]
async fn a_job_that_waits_for_its_own_pool_waits_for_ever() {
    let pool = Arc::new(caller(settings(1, 1)));
    let inner = Arc::clone(&pool);
    let outer = call(|_| async move {
        let handle = inner.submit(call(|_| async { 5 })).await.unwrap();
        handle.result().await.unwrap().output
    });
    let outer = pool.submit(outer).await.unwrap();
    assert!(timeout(HOUR, outer.result()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_pool_can_be_shared_by_tasks() {
    let pool = Arc::new(Sleeper::default().pool(settings(2, 1)));
    let mut callers = JoinSet::new();
    for _ in 0..3 {
        let pool = Arc::clone(&pool);
        callers.spawn(async move {
            let handle = pool.submit(("job", SECOND)).await.map_err(|_| "closed")?;
            handle.result().await.map_err(|_| "lost")
        });
    }
    let results = callers.join_all().await;
    assert!(results.iter().all(Result::is_ok));
    tokio::spawn(async move { pool.shutdown().await }).await.unwrap();
}

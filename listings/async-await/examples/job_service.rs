//! A service for label jobs: tasks and their ends, a set, a list that is borrowed, a pool, an actor, a supervised consumer,
//! a report in the background, and a stop in two steps.
//!
//! All of it runs on the paused clock, so each time is exact.

use std::io;
use std::num::NonZeroUsize;
use std::panic;
use std::time::Duration;

use async_await::ask_it_to_stop::import;
use async_await::background_service::Service;
use async_await::borrow::change_all;
use async_await::drain_and_kill::{Stop, shut_down, start};
use async_await::errors_across_tasks::chain;
use async_await::spawn::{accept, tally};
use async_await::supervisor::Supervisor;
use async_await::task_sets::all_or_none;
use async_await::worker_pool::{Abandoned, Settings, Worker, WorkerPool};
use policy::Restart;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

fn main() -> io::Result<()> {
    panic::set_hook(Box::new(|_| ())); // some jobs panic; what they say is printed below
    let paused =
        Builder::new_current_thread().enable_time().start_paused(true).build()?;
    paused.block_on(async {
        tasks().await;
        labels().await;
        orders().await;
        stop().await;
    });
    Ok(())
}

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Why a job was not done.
#[derive(Debug, thiserror::Error)]
enum JobError {
    #[error("there is no paper")]
    NoPaper,
    #[error("printer {printer} does not answer")]
    Printer { printer: usize, source: io::Error },
}

// ANCHOR: tasks
/// Tasks, and how they end.
async fn tasks() {
    let job = |number: u64| async move {
        sleep(ms(10 * number)).await;
        match number {
            2 => Err(JobError::NoPaper),
            3 => panic!("job 3 has a bug"),
            _ => Ok(number),
        }
    };
    let counted = tally((1..=4).map(|number| accept(job(number))).collect()).await;
    println!("tasks: {counted:?}");

    // All of them, or none: the error of job 2 ends jobs 3 and 4.
    let begun = Instant::now();
    match all_or_none((1..=4).map(job)).await {
        Ok(done) => println!("set: {done:?}"),
        Err(error) => println!("set: {} after {:?}", chain(&error), begun.elapsed()),
    }

    // No task: the list stays here, and four requests wait at the same time.
    let mut prices = [1, 2, 3, 4];
    let convert = |price: u64| async move {
        sleep(ms(10)).await;
        2 * price
    };
    let begun = Instant::now();
    change_all(&mut prices, convert).await;
    println!("prices: {prices:?} after {:?}", begun.elapsed());
}
// ANCHOR_END: tasks

// ANCHOR: printer
struct Printer {
    number: usize,
}

impl Worker for Printer {
    type Job = u32;
    type Output = Result<u32, JobError>;

    async fn run(&mut self, label: u32) -> Result<u32, JobError> {
        sleep(ms(100)).await;
        assert!(label != 2, "the paper is jammed");
        if label == 5 {
            let source = io::ErrorKind::TimedOut.into();
            return Err(JobError::Printer { printer: self.number, source });
        }
        Ok(label)
    }
}
// ANCHOR_END: printer

// ANCHOR: labels
/// A pool of two printers for six labels, and a report in the background meanwhile.
async fn labels() {
    let two = NonZeroUsize::MIN.saturating_add(1);
    let settings = Settings { workers: two, queue: two, abandoned: Abandoned::Run };
    let pool = WorkerPool::new(settings, |number| Printer { number });
    let report = Service::start(ms(125), || async { println!("report: all is well") });
    let mut handles = Vec::new();
    for label in 1..=6 {
        match pool.submit(label).await {
            Ok(handle) => handles.push(handle),
            Err(closed) => println!("label {}: {closed}", closed.0),
        }
    }
    for handle in handles {
        match handle.result().await.map(|done| (done.waited, done.output)) {
            Ok((waited, Ok(label))) => println!("label {label} waited {waited:?}"),
            Ok((_, Err(error))) => println!("in the log: {}", chain(&error)),
            Err(panic) => println!("in the log: {}", chain(&panic)),
        }
    }
    pool.shutdown().await;
    match report.stop(ms(50)).await {
        Ok(why) => println!("report: stopped, {why:?}"),
        Err(error) => println!("report: {}", chain(&error)),
    }
}
// ANCHOR_END: labels

// ANCHOR: orders
/// A consumer that fails twice, and is started again; then one that is asked to stop.
async fn orders() {
    let Ok(supervisor) = Supervisor::new(Restart::default()) else { return };
    let mut rng = SmallRng::seed_from_u64(1);
    let (stop, mut runs) = (CancellationToken::new(), 0);
    let consume = |_stop| {
        runs += 1;
        let run = runs;
        async move {
            sleep(ms(20)).await;
            assert!(run != 2, "run 2 has a bug");
            if run == 1 { Err(JobError::NoPaper) } else { Ok(()) }
        }
    };
    let outcome = supervisor.run(&stop, &mut rng, consume).await;
    println!("consumer: {outcome:?} after {runs} runs");

    let (sender, batches) = mpsc::channel(8);
    for batch in 1..=5 {
        let _ = sender.try_send(batch);
    }
    let save = |batch: u32| async move {
        sleep(ms(30)).await;
        println!("batch {batch} is saved");
    };
    let importing = tokio::spawn(import(stop.clone(), batches, save));
    sleep(ms(40)).await;
    stop.cancel();
    println!("import: {:?}", importing.await);
}
// ANCHOR_END: orders

// ANCHOR: stop
/// Drain, and then kill: two requests are answered, and one is dropped.
async fn stop() {
    let service = Stop::default();
    let (sender, requests) = mpsc::channel(8);
    let answer = |millis: u64| async move {
        sleep(ms(millis)).await;
        println!("a request of {millis} ms is answered");
    };
    start(&service, requests, answer);
    for millis in [100, 200, 60_000] {
        let _ = sender.send(millis).await;
    }
    sleep(ms(1)).await; // all three have begun
    let begun = Instant::now();
    let dropped = shut_down(&service, ms(500)).await;
    println!("stopped after {:?}, {dropped} dropped", begun.elapsed());
    println!("takes requests: {}", sender.send(1).await.is_ok());
}
// ANCHOR_END: stop

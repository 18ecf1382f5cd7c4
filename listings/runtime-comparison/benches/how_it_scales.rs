//! How many calls actors answer, and how many additions tasks make, with 1, 2, 4, … workers: what the pages on many
//! cores measured with 16 cores, on this machine.
//!
//! Support: no page shows this file. It runs in its own `main`, and asserts nothing about times.

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use runtime_comparison::more_cores::Parts;
use runtime_comparison::what_cores_share::{add_once, naive::add_each};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(150);
const CLIENTS: usize = 64;
/// How many numbers a task adds between two looks at the clock.
const SIZES: [u64; 64] = [1; 64];

#[derive(Clone, Copy)]
enum Load {
    OneActor,
    Parts,
    WriteEach,
    WriteOnce,
    Timeouts,
}

const LOADS: [(Load, &str, &str); 5] = [
    (Load::OneActor, "64 clients ask one actor", "0.94 on 16 cores"),
    (
        Load::Parts,
        "64 clients ask one part for each worker",
        "15 on 16 cores, with an actor for each client",
    ),
    (Load::WriteEach, "64 tasks add to one counter", "0.73 on 16 cores"),
    (
        Load::WriteOnce,
        "the same, 64 numbers at once",
        "14 on 16 cores, with a counter for each",
    ),
    (
        Load::Timeouts,
        "64 tasks set a timeout for each step",
        "0.12 on 16 cores, with a task for each worker",
    ),
];

fn main() {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let doubled = std::iter::successors(Some(1), |count| Some(count * 2));
    let mut workers: Vec<_> = doubled.take_while(|count| *count < cores).collect();
    workers.push(cores);
    println!(
        "How many times as much as with one worker; {ROUNDS} rounds, the median.\n"
    );
    for (load, name, recorded) in LOADS {
        println!("{name} (recorded: {recorded})");
        let mut alone = None;
        for &count in &workers {
            let mut rounds: Vec<_> = (0..ROUNDS).map(|_| rate(load, count)).collect();
            rounds.sort_by(f64::total_cmp);
            let median = rounds[ROUNDS / 2];
            let one = *alone.get_or_insert(median);
            println!(
                "{count:>4} workers {:>8.2} million a second {:>8.2} times",
                median / 1e6,
                median / one
            );
        }
        println!();
    }
}

/// What was done in a second, with so many workers.
fn rate(load: Load, workers: usize) -> f64 {
    let runtime = Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_time()
        .build()
        .expect("threads for the workers");
    let stop = Arc::new(AtomicBool::new(false));
    let parts = if matches!(load, Load::Parts) { workers } else { 1 };
    runtime.block_on(async {
        let parts = NonZeroUsize::new(parts).expect("at least one worker");
        let places = NonZeroUsize::new(64).expect("not zero");
        let (actors, owners) = Parts::start(parts, places, answer);
        let (actors, total) = (Arc::new(actors), Arc::new(AtomicU64::new(0)));
        let start = Instant::now();
        let clients = (0..CLIENTS).map(|client| {
            let (stop, actors, total) = (stop.clone(), actors.clone(), total.clone());
            tokio::spawn(async move {
                let mut steps = 0_u64;
                while !stop.load(Ordering::Relaxed) {
                    steps += step(load, client, &actors, &total).await;
                }
                steps
            })
        });
        let clients: Vec<_> = clients.collect();
        // Not a timer of the runtime: it is what some of the loads are busy with.
        let end = {
            let stop = stop.clone();
            thread::spawn(move || {
                thread::sleep(ROUND);
                stop.store(true, Ordering::Relaxed);
            })
        };
        let mut steps = 0;
        for client in clients {
            steps += client.await.expect("no client panics");
        }
        let rate = steps as f64 / start.elapsed().as_secs_f64();
        end.join().expect("the clock does not panic");
        drop(actors);
        owners.join_all().await;
        rate
    })
}

/// Does one step, and returns how many things were done in it.
async fn step(
    load: Load,
    client: usize,
    actors: &Parts<oneshot::Sender<u64>>,
    total: &AtomicU64,
) -> u64 {
    let add = |number| {
        total.fetch_add(number, Ordering::Relaxed);
    };
    match load {
        Load::OneActor | Load::Parts => {
            let (answer, answered) = oneshot::channel();
            actors.part_of(&client).send(answer).await.expect("the actor is there");
            black_box(answered.await.expect("it answers"));
            1
        }
        Load::WriteEach => {
            add_each(&SIZES, add);
            tokio::task::yield_now().await;
            SIZES.len() as u64
        }
        Load::WriteOnce => {
            add_once(&SIZES, add);
            tokio::task::yield_now().await;
            SIZES.len() as u64
        }
        Load::Timeouts => {
            let limit = Duration::from_secs(30);
            timeout(limit, tokio::task::yield_now()).await.expect("it takes no time");
            1
        }
    }
}

/// An actor that counts its calls.
async fn answer(mut calls: mpsc::Receiver<oneshot::Sender<u64>>) {
    let mut count = 0;
    while let Some(call) = calls.recv().await {
        count += 1;
        let _ = call.send(count);
    }
}

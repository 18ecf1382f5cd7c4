//! What Tokio's runtimes can do: seven lessons, each on a runtime of its own.
//!
//! With a number, the stacks of the third lesson have so many MiB.

use std::cell::Cell;
use std::error::Error;
use std::hint::black_box;
use std::num::ParseIntError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Barrier, mpsc};
use std::time::Duration;
use std::{env, io, panic, thread};

use futures::TryFutureExt;
use futures::future::try_join_all;
use rayon::current_thread_index;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions, Runtime};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking, spawn_local, yield_now};
use tokio::time::interval;
use tokio::try_join;

type Lesson = Result<(), Box<dyn Error>>;

// ANCHOR: main
fn main() -> Lesson {
    panic::set_hook(Box::new(|_| {})); // not at work: it hides the messages of panics
    let mebibytes = env::args().nth(1).map_or(Ok(16), |it| it.parse())?;
    many_threads()?;
    one_thread()?;
    own_configuration(mebibytes)?;
    blocking_calls()?;
    tasks_that_are_not_send()?;
    computing()?;
    both_kinds_of_work()
}
// ANCHOR_END: main

// ANCHOR: many_threads
/// Two tasks at the same time: each waits, with its thread, until both are there.
fn many_threads() -> Lesson {
    let runtime = Builder::new_multi_thread().worker_threads(2).build()?;
    let barrier = Arc::new(Barrier::new(2));
    let tasks = [(); 2].map(|()| {
        let barrier = Arc::clone(&barrier);
        runtime.spawn(async move { barrier.wait() })
    });
    wake_workers(&runtime, &tasks); // until both have ended
    let met = runtime.block_on(try_join_all(tasks))?;
    println!("many threads: {} tasks have met", met.len());
    Ok(())
}
// ANCHOR_END: many_threads

// ANCHOR: wake_workers
/// Spawns empty tasks until all `tasks` have ended. Each of them wakes a worker that
/// sleeps: Tokio may miss to do so for `tasks`, while another worker is blocked.
fn wake_workers<T>(runtime: &Runtime, tasks: &[JoinHandle<T>]) {
    while !tasks.iter().all(JoinHandle::is_finished) {
        runtime.spawn(async {});
        thread::sleep(Duration::from_millis(1));
    }
}
// ANCHOR_END: wake_workers

// ANCHOR: one_thread
/// All tasks run on the thread that called `block_on`, one at a time.
fn one_thread() -> Lesson {
    let runtime = Builder::new_current_thread().build()?;
    let tasks = [(); 10].map(|()| runtime.spawn(async { thread::current().id() }));
    let threads = runtime.block_on(try_join_all(tasks))?;
    let same = threads.iter().all(|id| *id == thread::current().id());
    println!("one thread: 10 tasks, all on the thread of the caller: {same}");
    Ok(())
}
// ANCHOR_END: one_thread

// ANCHOR: own_configuration
/// Four workers with names and stacks of our choice; each has one of four tasks.
fn own_configuration(mebibytes: usize) -> Lesson {
    let number = AtomicUsize::new(1);
    let runtime = Builder::new_multi_thread()
        .worker_threads(4)
        .thread_name_fn(move || format!("worker-{}", number.fetch_add(1, Relaxed)))
        .thread_stack_size(mebibytes << 20)
        .build()?;
    let barrier = Arc::new(Barrier::new(4));
    let tasks = [(); 4].map(|()| {
        let barrier = Arc::clone(&barrier);
        runtime.spawn(async move {
            barrier.wait(); // blocks its worker, so each task has one of its own
            (thread::current().name().map(str::to_owned), uses_stack(3 << 10))
        })
    });
    wake_workers(&runtime, &tasks); // until all four have ended
    let mut ends = runtime.block_on(try_join_all(tasks))?;
    ends.sort();
    for (name, kibibytes) in ends {
        let name = name.unwrap_or_default();
        println!("configuration: {name} has used {} MiB of its stack", kibibytes >> 10);
    }
    Ok(())
}
// ANCHOR_END: own_configuration

// ANCHOR: uses_stack
/// Needs at least so many KiB of the stack, and returns how many.
fn uses_stack(kibibytes: usize) -> usize {
    let kibibyte = black_box([1_u8; 1024]);
    if kibibytes == 0 {
        return 0;
    }
    uses_stack(kibibytes - 1) + usize::from(black_box(kibibyte)[kibibytes % 1024])
}
// ANCHOR_END: uses_stack

// ANCHOR: blocking_calls
/// A blocking call runs on another thread, and cannot be stopped there.
fn blocking_calls() -> Lesson {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .max_blocking_threads(1) // so the second call has to wait in the queue
        .build()?;
    runtime.block_on(async {
        let (tick, ticks) = mpsc::channel();
        let (begun, has_begun) = oneshot::channel();
        let running = spawn_blocking(move || {
            let _ = begun.send(());
            ticks.into_iter().take(3).count() // blocks until it has heard three
        });
        let queued = spawn_blocking(|| "it has run");
        has_begun.await?;
        running.abort();
        queued.abort();
        let mut clock = interval(Duration::from_millis(1));
        while tick.send(()).is_ok() {
            clock.tick().await; // on the only thread, beside the blocking call
        }
        println!("blocking: the call that ran has heard {} ticks", running.await?);
        println!("blocking: aborted in the queue: {}", queued.await.is_err());
        Ok(())
    })
}
// ANCHOR_END: blocking_calls

// ANCHOR: tasks_that_are_not_send
/// Tasks that keep an `Rc` over an `await`, because they never leave their thread.
fn tasks_that_are_not_send() -> Lesson {
    let runtime = Builder::new_current_thread().build_local(LocalOptions::default())?;
    let sold = Rc::new(Cell::new(0));
    runtime.block_on(async {
        let tasks = [1, 2, 3].map(|articles| {
            let sold = Rc::clone(&sold);
            spawn_local(async move {
                yield_now().await;
                sold.set(sold.get() + articles);
            })
        });
        try_join_all(tasks).await
    })?;
    println!("not Send: three tasks have sold {} articles", sold.get());
    Ok(())
}
// ANCHOR_END: tasks_that_are_not_send

// ANCHOR: compute
/// Computes on the threads of rayon, and waits for it without blocking a thread.
async fn compute<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ComputeError> {
    let (sender, output) = oneshot::channel();
    rayon::spawn(move || {
        // Without this, a panic here would end the process.
        let output = catch_unwind(AssertUnwindSafe(work));
        let _ = sender.send(output); // an error: nobody waits for it any more
    });
    let output = output.await.map_err(|_| ComputeError)?;
    output.map_err(|_panic| ComputeError)
}

/// The computation has panicked.
#[derive(Debug, thiserror::Error)]
#[error("the computation has panicked")]
struct ComputeError;
// ANCHOR_END: compute

// ANCHOR: computing
fn computing() -> Lesson {
    let runtime = Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let sum = || (0..1_000_000_u64).into_par_iter().sum::<u64>();
        let (sum, on_rayon) = compute(move || (sum(), current_thread_index())).await?;
        println!("computing: the sum is {sum}, on rayon: {}", on_rayon.is_some());
        let share = compute(|| (0..3).into_par_iter().map(|n| 6 / n).sum::<u32>());
        if let Err(error) = share.await {
            println!("computing: {error}");
        }
        Ok(())
    })
}
// ANCHOR_END: computing

// ANCHOR: both_kinds_of_work
/// One half waits for a socket, the other one computes. At the first error, we stop
/// waiting for both; rayon still finishes.
fn both_kinds_of_work() -> Lesson {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_io().build()?;
    for sent in ["5\n7\n", "5\nseven\n"] {
        let both = runtime.block_on(async {
            let primes = compute(|| primes_below(10_000));
            try_join!(articles(sent), primes.err_into::<MixedError>())
        });
        match both {
            Ok((articles, primes)) => {
                println!("both: {articles} articles, and {primes} primes");
            }
            Err(error) => println!("both: {error}"),
        }
    }
    Ok(())
}
// ANCHOR_END: both_kinds_of_work

// ANCHOR: halves
/// How many articles a customer has ordered, one line each order.
async fn articles(sent: &'static str) -> Result<u32, MixedError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let customer = async {
        let mut customer = TcpStream::connect(listener.local_addr()?).await?;
        customer.write_all(sent.as_bytes()).await?;
        customer.shutdown().await
    };
    let ((), (customer, _address)) = try_join!(customer, listener.accept())?;
    let mut orders = BufReader::new(customer).lines();
    let mut articles = 0;
    while let Some(order) = orders.next_line().await? {
        articles += order.parse::<u32>()?;
    }
    Ok(articles)
}

fn primes_below(end: u32) -> usize {
    let is_prime = |n: &u32| (2..*n).all(|divisor| !n.is_multiple_of(divisor));
    (2..end).into_par_iter().filter(is_prime).count()
}

/// Why one of the halves has failed.
#[derive(Debug, thiserror::Error)]
enum MixedError {
    #[error("the connection has failed: {0}")]
    Connection(#[from] io::Error),
    #[error("an order is not a number: {0}")]
    Order(#[from] ParseIntError),
    #[error(transparent)]
    Compute(#[from] ComputeError),
}
// ANCHOR_END: halves

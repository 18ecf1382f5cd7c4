use runtime_comparison::configure::{Threads, numbered};
use std::error::Error;
use std::thread;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// At work: answers a request.
async fn answer() -> bool {
    sleep(Duration::from_millis(1)).await;
    thread::current().name().is_some_and(|name| name.starts_with("api-"))
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let mut builder = Builder::new_multi_thread();
    builder.enable_all(); // timers and sockets
    builder.worker_threads(4); // for this output: at work, keep the default
    builder.thread_name_fn(numbered("api"));
    builder.thread_stack_size(8 * 1024 * 1024);
    let threads = Threads::of(&mut builder);
    let runtime = builder.build()?;
    println!("workers: {}", runtime.metrics().num_workers());

    let answers = runtime.block_on(async {
        // Spawns four tasks.
        let answers: JoinSet<_> = (0..4).map(|_| answer()).collect();
        answers.join_all().await // waits for each of them
    });
    println!("on a thread with a name: {answers:?}");

    drop(runtime);
    println!("threads started: {}, stopped: {}", threads.started(), threads.stopped());
    Ok(())
}

use super::stop_in_time::{export, send_mails};
use select_and_timeout::stop_in_time::{Plan, Stopped, run_program, stop_program};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

// ANCHOR: main
/// Works until a signal comes, and then stops.
async fn program() -> Stopped {
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(send_mails(stop.clone()));
    tasks.spawn(export());
    sleep(Duration::from_millis(500)).await; // at work: until a signal comes

    let s = Duration::from_secs;
    let plan = // the kill comes after 10 s
        Plan { not_ready: s(2), finish: s(6), gone: s(7), flush: s(8), end: s(9) };
    let not_ready = || println!("not ready"); // at work: the health check says it
    let flush = |report| async move {
        println!("{report:?}"); // at work: into the log
        sleep(Duration::from_millis(100)).await; // at work: sends the log
    };
    stop_program(tasks, &stop, &plan, not_ready, flush).await
}

pub(crate) fn main() -> std::io::Result<()> {
    // At work: `Runtime::new()?`, which has several threads and a clock that runs.
    let runtime =
        Builder::new_current_thread().enable_all().start_paused(true).build()?;
    let stopped = run_program(runtime, program());
    println!("flushed: {}, {:?} left", stopped.flushed, stopped.left);
    Ok(())
}
// ANCHOR_END: main

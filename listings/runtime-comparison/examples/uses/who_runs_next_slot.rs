use super::shown::who_runs_next::ping_pong;
use std::error;
use tokio::runtime::Builder;

// ANCHOR: main
pub(crate) fn main() -> Result<(), Box<dyn error::Error>> {
    let runtime = Builder::new_multi_thread().worker_threads(1).build()?;
    let turns = runtime.block_on(async { tokio::spawn(ping_pong()).await })?;
    println!("multi_thread, with one worker: {turns}");

    let runtime = Builder::new_current_thread().build()?;
    let turns = runtime.block_on(async { tokio::spawn(ping_pong()).await })?;
    println!("current_thread: {turns}");
    Ok(())
}
// ANCHOR_END: main

use super::worker_pool::SETTINGS;
use async_await::worker_pool::{Worker, WorkerPool};
use std::error::Error;
use tokio::task::{JoinError, spawn_blocking};

// ANCHOR: render
struct Printer;

/// At work: it draws the label, which needs a second of a processor.
fn render(order: u32) -> String {
    format!("label {order}")
}

impl Worker for Printer {
    type Job = u32;
    type Output = Result<String, JoinError>;

    async fn run(&mut self, order: u32) -> Result<String, JoinError> {
        spawn_blocking(move || render(order)).await
    }
}
// ANCHOR_END: render

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let pool = WorkerPool::new(SETTINGS, |_number| Printer);
    let handle = pool.submit(1).await?;
    println!("{}", handle.result().await?.output?);
    pool.shutdown().await;
    Ok(())
}

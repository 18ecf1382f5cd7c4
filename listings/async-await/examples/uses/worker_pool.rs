use async_await::worker_pool::{Abandoned, Settings, Worker, WorkerPool};
use std::{error::Error, num::NonZeroUsize, time::Duration};
use tokio::time::sleep;

/// At work: a connection to one printer.
pub(crate) struct Printer {
    pub(crate) number: usize,
}

impl Worker for Printer {
    type Job = u32; // the number of an order
    type Output = String;

    async fn run(&mut self, order: u32) -> String {
        sleep(Duration::from_secs(1)).await;
        format!("label {order} from printer {}", self.number)
    }
}

pub(crate) const SETTINGS: Settings = Settings {
    workers: NonZeroUsize::new(4).unwrap(),
    queue: NonZeroUsize::new(8).unwrap(),
    abandoned: Abandoned::Run,
};

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let pool = WorkerPool::new(SETTINGS, |number| Printer { number });
    let mut handles = Vec::new();
    for order in 1..=6 {
        handles.push(pool.submit(order).await?);
    }
    for handle in handles {
        let done = handle.result().await?;
        println!("{}: waited {:?}, ran {:?}", done.output, done.waited, done.ran);
    }
    pool.shutdown().await;
    Ok(())
}

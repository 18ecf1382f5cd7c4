use super::worker_pool::SETTINGS;
use async_await::worker_pool::{Worker, WorkerPool};
use std::error::Error;
use std::time::Duration;
use tokio::time::sleep;

struct Printer {
    number: usize,
}

impl Worker for Printer {
    type Job = u32;
    type Output = String;

    // ANCHOR: jammed
    async fn run(&mut self, order: u32) -> String {
        sleep(Duration::from_secs(1)).await;
        assert!(order != 2, "the paper is jammed");
        format!("label {order} from printer {}", self.number)
    }
    // ANCHOR_END: jammed
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    std::panic::set_hook(Box::new(|_| {})); // what it prints names a line of this file
    let pool = WorkerPool::new(SETTINGS, |number| Printer { number });
    let mut handles = Vec::new();
    for order in 1..=6 {
        handles.push(pool.submit(order).await?);
    }
    // ANCHOR: results
    for handle in handles {
        match handle.result().await {
            Ok(done) => println!("{}", done.output),
            Err(error) => println!("{error}"),
        }
    }
    // ANCHOR_END: results
    pool.shutdown().await;
    Ok(())
}

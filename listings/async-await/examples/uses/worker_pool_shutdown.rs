use super::worker_pool::{Printer, SETTINGS};
use async_await::worker_pool::WorkerPool;
use std::error::Error;
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    // ANCHOR: shutdown
    let pool = WorkerPool::new(SETTINGS, |number| Printer { number });
    let start = Instant::now();
    let mut handles = Vec::new();
    for order in 1..=6 {
        handles.push(pool.submit(order).await?);
    }
    pool.shutdown().await;
    println!("closed after {:?}", start.elapsed());
    for handle in handles {
        println!("{}", handle.result().await?.output);
    }
    if let Err(closed) = pool.submit(7).await {
        println!("order {}: {closed}", closed.0); // the job comes back
    }
    Ok(())
    // ANCHOR_END: shutdown
}

use super::worker_pool::{Printer, SETTINGS};
use async_await::worker_pool::{Abandoned, Settings, WorkerPool};
use std::error::Error;
use std::num::NonZeroUsize;
use std::time::Duration;
use tokio::time::timeout;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    // ANCHOR: limit
    let one = NonZeroUsize::MIN;
    for abandoned in [Abandoned::Run, Abandoned::Skip] {
        let settings = Settings { workers: one, abandoned, ..SETTINGS };
        let pool = WorkerPool::new(settings, |number| Printer { number });
        println!("{abandoned:?}:");
        let first = pool.submit(1).await?;
        let second = pool.submit(2).await?;
        let third = pool.submit(3).await?;
        let limit = Duration::from_millis(500);
        if timeout(limit, second.result()).await.is_err() {
            println!("nobody waits for order 2 any more");
        }
        first.result().await?;
        println!("order 3 waited {:?}", third.result().await?.waited);
    }
    // ANCHOR_END: limit
    Ok(())
}

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// At work: a request to the server that prints.
async fn print_label(order: u32) -> String {
    sleep(Duration::from_secs(1)).await;
    format!("label {order}")
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let permits = Arc::new(Semaphore::new(4));
    let mut tasks = JoinSet::new();
    for order in 1..=6 {
        let permit = Arc::clone(&permits).acquire_owned().await?;
        tasks.spawn(async move {
            let _permit = permit; // given back when the task ends
            print_label(order).await
        });
    }
    while let Some(label) = tasks.join_next().await {
        println!("{} after {:?}", label?, start.elapsed());
    }
    Ok(())
}

use super::shared_limit::fetch;
use super::shown::bounded_concurrency::each_on_a_task;
use std::sync::Arc;
use tokio::sync::{AcquireError, Semaphore};
use tokio::time::Instant;

// ANCHOR: tasks
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), AcquireError> {
    let permits = Arc::new(Semaphore::new(2));
    let start = Instant::now();
    let (mut news, prices) = tokio::try_join!(
        each_on_a_task(["a", "b", "c"], Arc::clone(&permits), fetch),
        each_on_a_task(["tea", "salt", "milk"], permits, fetch),
    )?;
    // `join_all` panics if one of the tasks has panicked.
    let mut pages = prices.join_all().await.len();
    while let Some(answer) = news.join_next().await {
        match answer {
            Ok(_page) => pages += 1,
            Err(error) => println!("{error}"), // the task has panicked
        }
    }
    println!("{pages} pages in {} ms", start.elapsed().as_millis());
    Ok(())
}
// ANCHOR_END: tasks

use future_composition::bounded_concurrency::each_on_a_task;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{AcquireError, Semaphore};
use tokio::time::{Instant, sleep};

/// At work: fetches a page, which needs 20 ms.
async fn fetch(page: &'static str) -> &'static str {
    sleep(Duration::from_millis(20)).await;
    page
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), AcquireError> {
    let permits = Arc::new(Semaphore::new(2)); // two requests at a time, for both lists
    let start = Instant::now();

    let (news, prices) = tokio::try_join!(
        each_on_a_task(["a", "b", "c"], Arc::clone(&permits), fetch),
        each_on_a_task(["tea", "salt", "milk"], permits, fetch),
    )?;
    let (mut texts, more) = tokio::join!(news.join_all(), prices.join_all());
    texts.extend(more);
    println!("{} pages in {} ms", texts.len(), start.elapsed().as_millis());
    Ok(())
}

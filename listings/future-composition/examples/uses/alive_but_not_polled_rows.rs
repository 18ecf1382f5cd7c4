use future_composition::alive_but_not_polled::fetch_and_store;
use std::time::Duration;
use tokio::sync::{AcquireError, Semaphore};
use tokio::time::{Instant, sleep};

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), AcquireError> {
    // ANCHOR: rows
    let start = Instant::now();
    let gate = Semaphore::new(2); // two rows at a time
    let fetch = async |id: u64| {
        sleep(Duration::from_millis(10 * id)).await; // at work: a request
        format!("row {id}")
    };
    let store = async |row: String| {
        sleep(Duration::from_millis(5)).await; // at work: a write
        println!("{row} is stored after {:?}", start.elapsed());
    };
    fetch_and_store([1, 2, 3], &gate, fetch, store).await?;
    // ANCHOR_END: rows
    Ok(())
}

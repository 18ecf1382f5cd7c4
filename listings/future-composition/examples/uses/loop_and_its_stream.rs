use future_composition::loop_and_its_stream::fetch_and_store;
use std::time::Duration;
use tokio::sync::{AcquireError, Semaphore};
use tokio::time::{Instant, sleep};

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), AcquireError> {
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
    Ok(())
}

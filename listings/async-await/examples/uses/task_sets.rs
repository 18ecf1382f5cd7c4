use async_await::task_sets::all_or_none;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[derive(Debug, thiserror::Error)]
#[error("part {0} is missing")]
pub(crate) struct Missing(u64);

/// In your program: downloads a part into a folder. The server does not have part 2.
pub(crate) async fn download(part: u64) -> Result<u64, Missing> {
    sleep(Duration::from_millis(10 * part)).await;
    if part == 2 {
        return Err(Missing(part));
    }
    println!("  part {part} is written");
    Ok(part)
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    match all_or_none([1, 2, 3].map(download)).await {
        Ok(parts) => println!("{} parts are here", parts.len()),
        Err(error) => println!("{error}"),
    }
    println!("the folder is deleted after {:?}", start.elapsed());
    sleep(Duration::from_secs(1)).await; // the program goes on
}

use super::task_sets::{Missing, download};
use std::time::Duration;
use tokio::time::{Instant, sleep};

// ANCHOR: handles
async fn catalogue() -> Result<(), Missing> {
    let tasks = [1, 2, 3].map(|part| tokio::spawn(download(part)));
    for task in tasks {
        let result = task.await.expect("no download panics");
        result?; // returns the error, and drops the other handles
    }
    Ok(())
}
// ANCHOR_END: handles

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    if let Err(error) = catalogue().await {
        println!("{error}");
    }
    println!("the folder is deleted after {:?}", start.elapsed());
    sleep(Duration::from_secs(1)).await;
}

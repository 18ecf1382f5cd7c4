use super::task_sets::{Missing, download};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

// ANCHOR: lost
async fn page(parts: [u64; 2]) -> Result<(), Missing> {
    let parts = parts.map(|part| tokio::spawn(download(part)));
    for part in parts {
        part.await.expect("no download panics")?;
    }
    Ok(())
}
// ANCHOR_END: lost

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let mut pages: JoinSet<_> = [[1, 4], [2, 5]].map(page).into_iter().collect();
    while let Some(page) = pages.join_next().await {
        if let Err(error) = page.expect("no page panics") {
            println!("{error}");
            break;
        }
    }
    pages.shutdown().await;
    println!("the folder is deleted after {:?}", start.elapsed());
    sleep(Duration::from_secs(1)).await;
}

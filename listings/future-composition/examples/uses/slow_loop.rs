use futures::stream::{self, StreamExt};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// At work: sends a request, and reads the answer. Each needs 100 ms.
pub(crate) async fn fetch(page: u32) -> u32 {
    sleep(Duration::from_millis(100)).await; // sends the request
    let sent = Instant::now();
    sleep(Duration::from_millis(100)).await; // reads the answer
    println!("page {page}: read after {} ms", sent.elapsed().as_millis());
    page
}

/// At work: writes the page into a database, which needs a second.
pub(crate) async fn store(_page: u32) {
    sleep(Duration::from_secs(1)).await;
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    println!("stored in the loop");
    let mut pages = stream::iter(1..=6).map(fetch).buffered(3);
    while let Some(page) = pages.next().await {
        store(page).await; // Wrong: meanwhile, nobody polls the fetches.
    }

    println!("stored in the future");
    let stored = stream::iter(1..=6).map(async |page| {
        let page = fetch(page).await;
        store(page).await;
    });
    stored.buffered(3).collect::<Vec<()>>().await; // polls all of them to their ends
}

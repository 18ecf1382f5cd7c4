use futures::stream::{self, StreamExt};
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// In your program: fetches a page. The answer needs 25 ms.
pub(crate) async fn fetch(page: u32) -> String {
    sleep(Duration::from_millis(25)).await;
    format!("page {page}")
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let pages = stream::iter(1..=4);
    // Of tokio-stream, so by its path: one page every 10 ms.
    let paced = tokio_stream::StreamExt::throttle(pages, Duration::from_millis(10));
    // Of `futures`: fetches two pages at a time.
    let mut answers = pin!(paced.map(fetch).buffered(2));
    while let Some(answer) = answers.next().await {
        println!("{answer} after {:?}", start.elapsed());
    }
}

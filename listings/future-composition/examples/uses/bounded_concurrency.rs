use futures::stream::{self, StreamExt};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// At work: fetches a page. One page needs 100 ms, the others 20 ms each.
pub(crate) async fn fetch(page: &str) -> String {
    let needs = if page == "slow" { 100 } else { 20 };
    sleep(Duration::from_millis(needs)).await;
    format!("text of {page}")
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let pages = ["slow", "b", "c", "d", "e"];
    let start = Instant::now();

    // ANCHOR: window
    let mut answers = stream::iter(pages).map(fetch).buffer_unordered(2);
    // ANCHOR_END: window
    while let Some(text) = answers.next().await {
        println!("{:3} ms: {text}", start.elapsed().as_millis());
    }
}

use futures::stream::{self, StreamExt};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// At work: sends a request, and reads the answer. Returns how many milliseconds after
/// the request the answer was read.
pub(crate) async fn fetch(_page: u32) -> u128 {
    sleep(Duration::from_millis(100)).await; // sends the request
    let sent = Instant::now();
    sleep(Duration::from_millis(100)).await; // reads the answer
    sent.elapsed().as_millis()
}

/// At work: writes an answer into a database, which needs a second.
pub(crate) async fn store(_answer: u128) {
    sleep(Duration::from_secs(1)).await;
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let mut wrong = Vec::new();
    let mut answers = stream::iter(1..=6).map(fetch).buffered(3);
    while let Some(answer) = answers.next().await {
        store(answer).await; // Wrong: meanwhile, nobody polls the fetches.
        wrong.push(answer);
    }
    println!("stored in the loop: {wrong:?}");

    let pieces = stream::iter(1..=6).map(async |page| {
        let answer = fetch(page).await;
        store(answer).await; // Right: this future is polled, and so are the others.
        answer
    });
    let right: Vec<_> = pieces.buffered(3).collect().await;
    println!("stored in the future: {right:?}");
}

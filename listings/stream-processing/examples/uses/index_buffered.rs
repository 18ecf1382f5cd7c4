use std::time::Duration;

use futures::stream::{self, StreamExt};
use tokio::time::{Instant, sleep};

/// At work: a request to a server.
async fn ask(question: u32) -> u32 {
    sleep(Duration::from_millis(100)).await;
    question * 10
}

// The clock is paused, so the times are exact. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let one_by_one: Vec<_> = stream::iter(1..=5).then(ask).collect().await;
    println!("{one_by_one:?} after {:?}", start.elapsed());

    let middle = Instant::now();
    let at_once: Vec<_> = stream::iter(1..=5).map(ask).buffered(5).collect().await;
    println!("{at_once:?} after {:?}", middle.elapsed());
}

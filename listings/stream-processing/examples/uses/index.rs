use std::time::Duration;

use tokio_stream::{Stream, StreamExt};

/// Four visits, one every 100 ms. At work: what a socket receives.
pub(crate) fn visits() -> impl Stream<Item = &'static str> + Unpin {
    let lines = ["200 /home", "404 /old", "200 /about", "404 /gone"];
    let slow = tokio_stream::iter(lines).throttle(Duration::from_millis(100));
    Box::pin(slow) // the stream stays where it is, and the box may move
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let mut stream = visits();
    while let Some(visit) = stream.next().await {
        println!("{visit}");
    }
    println!("that was all");
}

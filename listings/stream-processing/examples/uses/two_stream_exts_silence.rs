use std::pin::pin;
use std::time::Duration;

use super::shown::two_stream_exts::until_silence;
use futures::stream::{self, StreamExt};
use tokio::time::{Instant, sleep};

// ANCHOR: after_a_pause
/// In your program: waits for the next message.
async fn after_a_pause(pause: u64) -> String {
    sleep(Duration::from_millis(pause)).await;
    format!("a message after a pause of {pause} ms")
}
// ANCHOR_END: after_a_pause

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: silence
    let start = Instant::now();
    let messages = stream::iter([10, 12, 14, 45, 10]).then(after_a_pause);
    let mut heard = pin!(until_silence(messages, Duration::from_millis(30)));
    while let Some(message) = heard.next().await {
        println!("{:?}: {message}", start.elapsed());
    }
    println!("{:?}: the end", start.elapsed());
    // ANCHOR_END: silence
}

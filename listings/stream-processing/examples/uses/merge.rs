use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use stream_processing::merge::messages_and_ticks;
use tokio::time::{Instant, interval, sleep};
use tokio_stream::wrappers::IntervalStream;

/// In your program: reads a message from a socket, and returns it with the socket.
/// Here, the "socket" is the number of the next message.
async fn read(number: u32) -> Option<(String, u32)> {
    if number > 3 {
        return None; // the connection is closed
    }
    for _part in 0..3 {
        sleep(Duration::from_millis(10)).await;
    }
    Some((format!("hello {number}"), number + 1))
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let ticks = IntervalStream::new(interval(Duration::from_millis(25)));
    let mut events = pin!(messages_and_ticks(1, read, ticks));
    while let Some(event) = events.next().await {
        println!("{:?}: {event:?}", start.elapsed());
    }
}

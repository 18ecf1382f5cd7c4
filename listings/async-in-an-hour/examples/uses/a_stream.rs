use std::pin::pin;
use std::time::Duration;
use tokio::time::Instant;
use tokio_stream::{Stream, StreamExt};

/// At work: a thermometer on the network. This one has four readings, one every second.
fn thermometer() -> impl Stream<Item = i32> {
    tokio_stream::iter([19, 24, 21, 26]).throttle(Duration::from_secs(1))
}

async fn print_all(stream: impl Stream<Item = i32>) {
    let start = Instant::now();
    let mut readings = pin!(stream);
    while let Some(degrees) = readings.next().await {
        println!("{} s: {degrees} degrees", start.elapsed().as_secs());
    }
    println!("{} s: the end", start.elapsed().as_secs());
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    print_all(thermometer()).await;
}

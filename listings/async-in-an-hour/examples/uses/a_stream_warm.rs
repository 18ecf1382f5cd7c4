use std::pin::pin;
use std::time::Duration;
use tokio::time::Instant;
use tokio_stream::{Stream, StreamExt};

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

// ANCHOR: main
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    println!("`take` last:");
    let warm = thermometer()
        .map(|degrees| degrees - 1) // this thermometer shows one degree too much
        .filter(|degrees| *degrees > 20)
        .take(2);
    print_all(warm).await;

    println!("`take` first:");
    let warm_of_two = thermometer()
        .take(2)
        .map(|degrees| degrees - 1)
        .filter(|degrees| *degrees > 20);
    print_all(warm_of_two).await;
}
// ANCHOR_END: main

use futures::stream::{self, Stream, StreamExt};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// In your program: a sensor. Here, the readings are 1, 2, 3 and so on, one a second.
pub(crate) fn readings() -> impl Stream<Item = u64> {
    stream::unfold(1, |n| async move {
        sleep(Duration::from_secs(1)).await;
        Some((n, n + 1))
    })
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let wanted: Vec<_> = readings().skip(10).take(5).collect().await;
    println!("{wanted:?} after {:?}", start.elapsed());
}

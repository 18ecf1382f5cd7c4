use futures::stream::{self, Stream, StreamExt};
use std::pin::pin;
use std::time::Duration;
use tokio::select;
use tokio::time::{Instant, interval_at, sleep};

/// In your program: sales, in cents. Here, 1 to 100 cents, one sale every 10 ms.
pub(crate) fn sales() -> impl Stream<Item = u64> {
    stream::iter(1..=100).then(|cents| async move {
        sleep(Duration::from_millis(10)).await;
        cents
    })
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let mut open_sales = pin!(sales());
    let period = Duration::from_millis(301);
    let mut reports = interval_at(Instant::now() + period, period);
    let mut sum = 0; // before the loop, so no round drops it
    loop {
        select! {
            sale = open_sales.next() => match sale {
                Some(cents) => sum += cents,
                None => break,
            },
            _ = reports.tick() => println!("so far: {sum}"),
        }
    }
    println!("total: {sum}");
}

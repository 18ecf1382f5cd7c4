use async_await::borrow::change_all;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// In your program: asks a server what a price is in another currency. It needs 10 ms.
pub(crate) async fn convert(price: u64) -> u64 {
    sleep(Duration::from_millis(10)).await;
    2 * price
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let mut prices = [1, 2, 3, 4, 5];
    change_all(&mut prices, convert).await;
    println!("{prices:?} after {:?}", start.elapsed());
}

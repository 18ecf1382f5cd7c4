use futures::stream::{self, StreamExt};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// In your program: asks the supplier. Each answer needs 10 ms.
pub(crate) async fn price(product: u32) -> u32 {
    sleep(Duration::from_millis(10)).await;
    product * 100 // cents
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let one_by_one: Vec<_> = stream::iter(1..=5).then(price).collect().await;
    println!("one by one: {one_by_one:?} after {:?}", start.elapsed());

    let second_start = Instant::now();
    let products = stream::iter(1..=5);
    let at_once: Vec<_> = products.map(price).buffered(5).collect().await;
    println!("five at once: {at_once:?} after {:?}", second_start.elapsed());
}

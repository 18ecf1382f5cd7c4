use std::time::Duration;
use tokio::join;
use tokio::time::{Instant, sleep};

/// At work: asks a server for a price. Here it sleeps for 100 ms.
async fn price(product: &str) -> u32 {
    println!("asking for {product}");
    sleep(Duration::from_millis(100)).await;
    if product == "tea" { 3 } else { 2 }
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let (tea, milk) = join!(price("tea"), price("milk"));
    println!("{} euros after {:?}", tea + milk, start.elapsed());
}

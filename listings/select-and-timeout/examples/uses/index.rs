use std::future::pending;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// In your program: asks the warehouse over the network. Here the answer never comes.
async fn stock_of(_product: &str) -> u32 {
    pending().await
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    // Without this limit, the program would print nothing, and would never end.
    match timeout(Duration::from_secs(2), stock_of("tea")).await {
        Ok(stock) => println!("{stock} left"),
        Err(_) => println!("no answer after {:?}", start.elapsed()),
    }
}

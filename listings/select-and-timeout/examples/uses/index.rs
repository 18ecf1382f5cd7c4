use std::future::pending;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// In your program: asks the warehouse. Today, nobody there looks for tea.
pub(crate) async fn stock_of(product: &str) -> u32 {
    if product == "tea" {
        pending::<()>().await; // never ready
    }
    sleep(Duration::from_millis(50)).await;
    7
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    match timeout(Duration::from_secs(2), stock_of("tea")).await {
        Ok(stock) => println!("{stock} left"),
        Err(_) => println!("no answer after {:?}", start.elapsed()),
    }
}

use future_composition::time_limit::within;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// At work: asks a server for a price in cents. The server needs 100 ms.
async fn price(_product: &str) -> u32 {
    sleep(Duration::from_millis(100)).await;
    250
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let limit = Duration::from_millis(40);

    match timeout(limit, price("tea")).await {
        Ok(cents) => println!("{cents} cents"),
        Err(elapsed) => println!("timeout: {elapsed}"),
    }
    match within("price of tea", limit, price("tea")).await {
        Ok(cents) => println!("{cents} cents"),
        Err(timed_out) => println!("within: {timed_out}"),
    }
}

//! `price` waits for a slow server. Give it a limit.

use std::time::Duration;
use tokio::time::{Instant, sleep};

const LIMIT: Duration = Duration::from_millis(50);

/// At work: asks a server for the price of today.
async fn ask(server_needs: Duration) -> u32 {
    sleep(server_needs).await;
    7
}

/// The price of today. If the server needs longer than the limit: `yesterday`, at the limit.
async fn price(server_needs: Duration, yesterday: u32) -> u32 {
    let start = Instant::now();
    let today = ask(server_needs).await;
    if start.elapsed() > LIMIT { yesterday } else { today }
}

// Do not change what follows: it tests what you wrote.

#[tokio::test(start_paused = true)]
async fn a_quick_server_gives_the_price_of_today() {
    assert_eq!(price(Duration::from_millis(20), 6).await, 7, "it needs 20 ms");
}

#[tokio::test(start_paused = true)]
async fn a_slow_server_is_dropped_at_the_limit() {
    let start = Instant::now();
    assert_eq!(price(Duration::from_millis(200), 6).await, 6, "it needs 200 ms");
    assert_eq!(start.elapsed().as_millis(), 50, "the limit is 50 ms");
}

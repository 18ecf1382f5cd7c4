//! `three_large` finds one order. Make it find three.

use std::time::Duration;
use tokio::time::timeout;
use tokio_stream::{Stream, StreamExt};

/// The first three orders of 50 euros or more. `cents` gives the price of each order in cents.
async fn three_large(cents: impl Stream<Item = u32>) -> Vec<u32> {
    cents.take(3).map(|cents| cents / 100).filter(|euros| *euros >= 50).collect().await
}

// Do not change what follows: it tests what you wrote.

/// One order a minute, without an end.
fn shop() -> impl Stream<Item = u32> {
    let cents = [2_000, 6_000, 900, 8_000, 5_000, 100, 7_000];
    tokio_stream::iter(cents.into_iter().cycle()).throttle(Duration::from_mins(1))
}

#[tokio::test(start_paused = true)]
async fn three_large_orders_are_found() {
    let one_hour = Duration::from_hours(1);
    let found = timeout(one_hour, three_large(shop())).await;
    let found = found.expect("after three large orders, the list is there");
    assert_eq!(found, [60, 80, 50], "the first three large orders");
}

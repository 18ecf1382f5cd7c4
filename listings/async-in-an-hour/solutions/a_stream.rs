//! A solution of the page *A stream*.

use std::time::Duration;
use tokio::time::timeout;
use tokio_stream::{Stream, StreamExt};

/// The first three orders of 50 euros or more. `cents` gives the price of each order in cents.
async fn three_large(cents: impl Stream<Item = u32>) -> Vec<u32> {
    cents.map(|cents| cents / 100).filter(|euros| *euros >= 50).take(3).collect().await
}

// Do not change what follows: it tests what you wrote.

/// One order a minute, for ever.
fn shop() -> impl Stream<Item = u32> {
    let cents = [2_000, 6_000, 900, 8_000, 5_000, 100, 7_000];
    tokio_stream::iter(cents.into_iter().cycle()).throttle(Duration::from_mins(1))
}

#[tokio::test(start_paused = true)]
async fn three_large_orders_are_found() {
    let one_day = Duration::from_hours(24);
    let found = timeout(one_day, three_large(shop())).await;
    assert_ne!(
        found.as_ref().ok(),
        None,
        "after a day, there is no list: who ends it?"
    );
    assert_eq!(found, Ok(vec![60, 80, 50]), "these are the first three large orders");
}

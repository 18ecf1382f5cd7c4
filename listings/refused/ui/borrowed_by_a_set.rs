//! A task may not borrow from the function that spawns it, not even in a `JoinSet`.

use tokio::task::JoinSet;

async fn convert(price: u64) -> u64 {
    2 * price
}

// ANCHOR: borrowed
async fn converted() -> [u64; 5] {
    let mut prices = [1, 2, 3, 4, 5];
    let mut tasks = JoinSet::new();
    for price in &mut prices {
        tasks.spawn(async move { *price = convert(*price).await });
    }
    while tasks.join_next().await.is_some() {}
    prices
}
// ANCHOR_END: borrowed

fn main() {
    drop(converted());
}

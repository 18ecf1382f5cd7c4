//! A task may not borrow from the function that spawns it, not even in a `JoinSet`.

use tokio::task::JoinSet;

async fn ask(product: usize) -> u64 {
    10 * product as u64
}

// ANCHOR: borrowed
async fn refresh() -> [u64; 2] {
    let mut prices = [1, 2];
    let mut tasks = JoinSet::new();
    for (product, price) in prices.iter_mut().enumerate() {
        tasks.spawn(async move { *price = ask(product).await });
    }
    while tasks.join_next().await.is_some() {}
    prices
}
// ANCHOR_END: borrowed

fn main() {
    drop(refresh());
}

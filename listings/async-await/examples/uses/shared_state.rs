use async_await::shared_state::Stock;
use std::{sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::sleep};

/// At work: a call of the bank, which refuses order 2.
async fn charge(order: u32) -> bool {
    sleep(Duration::from_millis(100)).await;
    order != 2
}

async fn buy(stock: &Stock, order: u32) -> &'static str {
    let Ok(pen) = stock.reserve() else {
        return "sold out";
    };
    if !charge(order).await {
        return "not paid"; // the pen goes back when `pen` is dropped
    }
    pen.sold();
    "sold"
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let stock = Arc::new(Stock::new(3));
    let mut tasks = JoinSet::new();
    for order in 1..=5 {
        let stock = Arc::clone(&stock);
        tasks.spawn(async move { (order, buy(&stock, order).await) });
    }
    let mut results = tasks.join_all().await;
    results.sort_unstable(); // tasks end in any order
    for (order, result) in results {
        println!("order {order}: {result}");
    }
    println!("left: {}", stock.left());
}

//! `greeting` needs 100 ms. Make it need 60 ms.

use std::time::Duration;
use tokio::join;
use tokio::time::{Instant, sleep};

/// At work: asks a database. Here it needs 60 ms.
async fn name(_customer: u32) -> &'static str {
    sleep(Duration::from_millis(60)).await;
    "Ada"
}

/// At work: asks another database. Here it needs 40 ms.
async fn orders(_customer: u32) -> u32 {
    sleep(Duration::from_millis(40)).await;
    3
}

/// Greets a customer. It asks both databases at the same time.
async fn greeting(customer: u32) -> String {
    let (name, orders) = join!(name(customer), orders(customer));
    format!("Hello {name}, you have {orders} orders")
}

// Do not change what follows: it tests what you wrote.

#[tokio::test(start_paused = true)]
async fn both_databases_are_asked_at_once() {
    let start = Instant::now();
    assert_eq!(greeting(1).await, "Hello Ada, you have 3 orders");
    assert_eq!(start.elapsed().as_millis(), 60, "the slower one needs 60 ms");
}

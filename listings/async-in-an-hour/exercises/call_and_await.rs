//! `sell_both` sells nothing. Make it sell.

use std::cell::Cell;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// At work: takes `amount` out of a database. Here it needs 10 ms.
async fn sell(stock: &Cell<u32>, amount: u32) {
    sleep(Duration::from_millis(10)).await;
    stock.set(stock.get() - amount);
}

/// Sells two teas and then three teas, and returns how many are left.
async fn sell_both(stock: &Cell<u32>) -> u32 {
    let _two = sell(stock, 2);
    let _three = sell(stock, 3);
    stock.get()
}

// Do not change what follows: it tests what you wrote.

#[tokio::test(start_paused = true)]
async fn both_sales_are_made() {
    let left = sell_both(&Cell::new(10)).await;
    assert_eq!(left, 5, "of ten teas, two and three are sold");
}

#[tokio::test(start_paused = true)]
async fn one_sale_comes_after_the_other() {
    let start = Instant::now();
    sell_both(&Cell::new(10)).await;
    assert_eq!(start.elapsed().as_millis(), 20, "two sales of 10 ms need 20 ms");
}

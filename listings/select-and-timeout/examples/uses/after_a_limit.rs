use select_and_timeout::after_a_limit::all;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// At work: asks a warehouse over the network. Today it needs 10 s.
pub(crate) async fn stock(warehouse: &'static str) -> u32 {
    println!("{warehouse} is asked");
    sleep(Duration::from_secs(10)).await;
    println!("{warehouse} has answered");
    3
}

// The clock is paused, so the program ends at once. Delete `start_paused` to wait.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let warehouses = ["Oslo", "Rome", "Vienna"];
    let limit = Duration::from_secs(1);

    match timeout(limit, all(warehouses.map(stock))).await {
        Ok(stocks) => println!("{} in all", stocks.iter().sum::<u32>()),
        Err(_elapsed) => println!("no report within {limit:?}"),
    }
    sleep(Duration::from_secs(20)).await;
    println!("20 s later");
}

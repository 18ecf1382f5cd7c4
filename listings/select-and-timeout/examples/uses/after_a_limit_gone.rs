use super::after_a_limit::stock;
use select_and_timeout::after_a_limit::all_within;
use std::time::Duration;
use tokio::time::sleep;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let warehouses = ["Oslo", "Rome", "Vienna"];
    let limit = Duration::from_secs(1);

    // ANCHOR: gone
    match all_within(limit, warehouses.map(stock)).await {
        Ok(stocks) => println!("{} in all", stocks.iter().sum::<u32>()),
        Err(error) => println!("{error}, and no task of the set is left"),
    }
    // ANCHOR_END: gone
    sleep(Duration::from_secs(20)).await;
    println!("20 s later");
}

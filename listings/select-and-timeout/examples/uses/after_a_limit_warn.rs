use super::after_a_limit::stock;
use select_and_timeout::after_a_limit::{all, warn_after};
use std::time::Duration;
use tokio::time::sleep;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let warehouses = ["Oslo", "Rome", "Vienna"];
    let limit = Duration::from_secs(1);

    // ANCHOR: warn
    let warn = || println!("no report within {limit:?}, and we still wait");
    let stocks = warn_after(limit, all(warehouses.map(stock)), warn).await;
    println!("{} in all", stocks.iter().sum::<u32>());
    // ANCHOR_END: warn
    sleep(Duration::from_secs(20)).await;
    println!("20 s later");
}

use super::deadline::ask;
use select_and_timeout::deadline::{Deadline, TooLate};
use std::time::Duration;
use tokio::time::Instant;

// ANCHOR: keep
async fn page(deadline: Deadline) -> Result<String, TooLate> {
    let early = deadline.keep(Duration::from_millis(950)); // for the price
    let stock = early.run("the stock", ask("stock")).await?;
    let short = early.at_most(Duration::from_millis(100));
    let courier = short.run("the courier", ask("courier")).await;
    let courier = courier.unwrap_or("no courier today");
    let price = deadline.run("the price", ask("price")).await?;
    Ok(format!("{stock}, {price}, {courier}"))
}
// ANCHOR_END: keep

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let deadline = Deadline::after(Duration::from_secs(2));

    match page(deadline).await {
        Ok(page) => println!("the page: {page}"),
        Err(error) => println!("{error}"),
    }
    println!("after {:?}", start.elapsed());
}

use select_and_timeout::deadline::{Deadline, TooLate};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// At work: a request to a service. Each of them is slow today.
pub(crate) async fn ask(service: &'static str) -> &'static str {
    sleep(Duration::from_millis(900)).await;
    println!("{service} has answered");
    service
}

async fn page(deadline: Deadline) -> Result<String, TooLate> {
    let stock = deadline.run("the stock", ask("stock")).await?;
    let price = deadline.run("the price", ask("price")).await?;
    let courier = deadline.run("the courier", ask("courier")).await?;
    Ok(format!("{stock}, {price}, {courier}"))
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
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

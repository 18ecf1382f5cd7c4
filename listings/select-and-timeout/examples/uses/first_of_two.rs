use select_and_timeout::first_of_two::{First, answer, first_of_two};
use std::error::Error;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// At work: asks a supplier over the network. It answers after `millis`.
pub(crate) async fn price(millis: u64, cents: u32) -> u32 {
    sleep(Duration::from_millis(millis)).await;
    cents
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let (sender, mut farm) = mpsc::channel(1);
    let slower = tokio::spawn(answer(price(200, 310), sender));
    let (sender, mut market) = mpsc::channel(1);
    tokio::spawn(answer(price(100, 295), sender));

    match first_of_two(&mut farm, &mut market).await {
        Some(First::Left(cents)) => println!("the farm: {cents} cents"),
        Some(First::Right(cents)) => println!("the market: {cents} cents"),
        None => println!("nobody has a price"),
    }
    drop((farm, market)); // nobody reads the second price
    match slower.await? {
        Ok(()) => println!("the second price is in its channel"),
        Err(cents) => println!("nobody wanted {cents} cents"),
    }
    Ok(())
}

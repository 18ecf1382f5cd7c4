use future_composition::time_limit::{TimedOut, try_within};
use std::time::Duration;
use tokio::time::sleep;

// ANCHOR: price
#[derive(Debug, thiserror::Error)]
enum PriceError {
    #[error("nobody sells {0}")]
    Unknown(String),
    #[error(transparent)] // the message of `TimedOut`
    TimedOut(#[from] TimedOut), // `#[from]`: `?` turns a `TimedOut` into this
}

/// At work: asks a server for a price in cents.
async fn price(product: &str) -> Result<u32, PriceError> {
    let needs = if product == "tea" { 100 } else { 10 };
    sleep(Duration::from_millis(needs)).await;
    match product {
        "tea" => Ok(250),
        "salt" => Ok(90),
        other => Err(PriceError::Unknown(other.to_owned())),
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let limit = Duration::from_millis(40);
    for product in ["salt", "gold", "tea"] {
        match try_within("price", limit, price(product)).await {
            Ok(cents) => println!("{product}: {cents} cents"),
            Err(error) => println!("{product}: {error}"),
        }
    }
}
// ANCHOR_END: price

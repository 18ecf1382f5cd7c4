use std::{io, num::ParseIntError, time::Duration};
use tokio::{time::sleep, try_join};

/// Why the shop cannot open.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("the settings cannot be read")]
    Settings(#[source] io::Error),
    #[error("the price is no number")]
    Price(#[source] ParseIntError),
}

/// At work: reads a file.
async fn read_settings() -> Result<String, io::Error> {
    sleep(Duration::from_millis(30)).await;
    Ok("currency: EUR".into())
}

/// At work: asks a server, which answers with this text.
async fn ask_price(answer: &str) -> Result<u32, ParseIntError> {
    sleep(Duration::from_millis(100)).await;
    answer.parse()
}

pub(crate) async fn open_shop(answer: &str) -> Result<(String, u32), OpenError> {
    let settings = async { read_settings().await.map_err(OpenError::Settings) };
    let price = async { ask_price(answer).await.map_err(OpenError::Price) };
    try_join!(settings, price)
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    for answer in ["3", "three"] {
        match open_shop(answer).await {
            Ok((settings, price)) => println!("open: {settings}, tea for {price}"),
            Err(error) => println!("closed: {error:?}"),
        }
    }
}

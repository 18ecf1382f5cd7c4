use std::io;
use std::num::ParseIntError;
use tokio::try_join;

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
    Ok("currency: EUR".into())
}

/// At work: asks a server, which answers with this text.
async fn ask_price(answer: &str) -> Result<u32, ParseIntError> {
    answer.parse()
}

pub(crate) async fn open_shop(answer: &str) -> Result<(String, u32), OpenError> {
    let settings = async { read_settings().await.map_err(OpenError::Settings) };
    let price = async { ask_price(answer).await.map_err(OpenError::Price) };
    try_join!(settings, price)
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    for answer in ["3", "three"] {
        match open_shop(answer).await {
            Ok((settings, price)) => println!("open: {settings}, tea for {price}"),
            Err(error) => println!("closed: {error}"),
        }
    }
}

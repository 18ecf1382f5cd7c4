use async_await::fallback::{OnError, Source, SourceError, with_fallbacks};
use std::time::Duration;
use tokio::time::sleep;

#[derive(Debug, thiserror::Error)]
pub(crate) enum StockError {
    #[error("connection refused")]
    Down,
    #[error("there is no such item")]
    Unknown,
}

/// At work: a request to the stock service.
pub(crate) async fn ask_service(item: &str) -> Result<u32, StockError> {
    match item {
        "pen" => return Ok(5),
        "ink" | "stamp" => return Err(StockError::Down),
        "paper" => sleep(Duration::from_secs(10)).await, // it hangs
        _ => {}
    }
    Err(StockError::Unknown)
}

/// At work: a request to a copy of the data, on another machine.
pub(crate) async fn ask_copy(item: &str) -> Result<u32, StockError> {
    match item {
        "ink" => Ok(3),
        "paper" => Ok(8),
        _ => Err(StockError::Unknown),
    }
}

pub(crate) fn on_error(error: &SourceError<StockError>) -> OnError {
    println!("  log: {error:?}");
    match error {
        // This is an answer: the copy cannot know it better.
        SourceError::Failed { source: StockError::Unknown, .. } => OnError::Fail,
        _ => OnError::FallBack,
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let limit = Duration::from_millis(100);
    for item in ["pen", "ink", "paper", "unicorn"] {
        let service = Source::new("service", limit, || ask_service(item));
        let copy = Source::new("copy", limit, || ask_copy(item));
        match with_fallbacks(service, [copy], on_error).await {
            Ok(left) => println!("{item}: {} left, says the {}", left.value, left.by),
            Err(error) => println!("{item}: {:?}", error.last),
        }
    }
}

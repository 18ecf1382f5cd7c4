use async_await::fallback::{OnError, Source, SourceError, with_fallbacks};
use std::io::ErrorKind::{ConnectionRefused, NotFound};
use std::{future::pending, io, time::Duration};

pub(crate) async fn ask_service(item: &str) -> io::Result<u32> {
    match item {
        "pen" => Ok(5), // at work: a request to the service
        "ink" | "stamp" => Err(ConnectionRefused.into()),
        "paper" => pending().await, // never an answer
        _ => Err(NotFound.into()),
    }
}

pub(crate) async fn ask_copy(item: &str) -> io::Result<u32> {
    match item {
        "ink" | "paper" => Ok(3), // at work: a request to another machine
        _ => Err(NotFound.into()),
    }
}

pub(crate) fn on_error(error: &SourceError<io::Error>) -> OnError {
    println!("  log: {error:?}");
    match error {
        SourceError::Failed { source: e, .. } if e.kind() == NotFound => OnError::Fail,
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

use future_composition::one_error_type::HttpError;
use policy::Transient;
use reqwest::StatusCode;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// At work: fetches the prices. Here, a busy server answers the third call.
async fn fetch(call: u32) -> Result<&'static str, HttpError> {
    sleep(Duration::from_millis(20)).await;
    let url = "http://shop.test/prices".parse().expect("this is a URL");
    let (code, retry_after) = match call {
        1 => (StatusCode::TOO_MANY_REQUESTS, Some(Duration::from_secs(2))),
        2 => (StatusCode::SERVICE_UNAVAILABLE, None),
        _ => return Ok("tea: 3"),
    };
    Err(HttpError::Status { url, code, retry_after })
}

async fn fetch_patiently() -> Result<&'static str, HttpError> {
    for call in 1..5 {
        match fetch(call).await {
            Err(error) if error.transient() => {
                let wait = error.retry_after().unwrap_or(Duration::from_millis(100));
                println!("{error}: again in {wait:?}");
                sleep(wait.min(Duration::from_secs(30))).await;
            }
            ended => return ended, // an answer, or an error that stays
        }
    }
    fetch(5).await // the last try
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    println!("{:?} after {:?}", fetch_patiently().await, start.elapsed());
}

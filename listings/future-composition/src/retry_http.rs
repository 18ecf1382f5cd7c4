//! Try again, with care: a GET that is repeated.

use std::future::Future;
use std::time::Duration;

use future_composition::one_error_type::{HttpError, fetch_json};
use policy::retry::{Retry, RetryError};
use rand::Rng;
use reqwest::Client;
use serde::de::DeserializeOwned;
use tokio::time::sleep;

// ANCHOR: get_json
/// GETs `url` as JSON; again, while that can help and `retry` allows it.
///
/// # Errors
/// The last [`HttpError`] or time-out, and why no attempt followed it.
///
/// # Cancel safety
/// As [`Retry::run`]. An attempt that is dropped, by you or at its limit, closes its
/// connection (over HTTP/2, resets its stream).
pub async fn get_json<T: DeserializeOwned>(
    client: &Client,
    url: &str,
    retry: &Retry,
    rng: &mut (impl Rng + ?Sized),
) -> Result<T, RetryError<HttpError>> {
    // ANCHOR: checked_answer
    retry.run(rng, |_| fetch_json(client, url)).await
    // ANCHOR_END: checked_answer
}
// ANCHOR_END: get_json

/// What most code starts with, kept to be measured against.
#[expect(clippy::missing_errors_doc, reason = "what goes wrong is on the page")]
pub mod naive {
    use super::*;

    /// Wrong: repeats what cannot succeed, waits for what never comes, and overflows.
    pub async fn with_retries<T, E, Fut>(
        mut call: impl FnMut() -> Fut,
        max_retries: u32,
    ) -> Result<T, E>
    where
        Fut: Future<Output = Result<T, E>>,
    {
        // ANCHOR: double_and_hope
        let mut tries = 0;
        loop {
            match call().await {
                Ok(answer) => return Ok(answer),
                Err(error) if tries + 1 >= max_retries => return Err(error),
                Err(_) => tries += 1,
            }
            sleep(Duration::from_secs(1) * 2_u32.pow(tries)).await;
        }
        // ANCHOR_END: double_and_hope
    }

    /// Wrong: for `send`, a 503 is an answer like any other.
    pub async fn fetch_text(
        client: &Client,
        url: &str,
        max_retries: u32,
    ) -> reqwest::Result<String> {
        // ANCHOR: any_answer
        let get = || async { client.get(url).send().await?.text().await };
        with_retries(get, max_retries).await
        // ANCHOR_END: any_answer
    }
}

#[cfg(test)]
mod tests;

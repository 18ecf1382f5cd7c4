//! Tells another server, over HTTP, how long its answer is waited for.

use std::future::Future; // only edition 2021 needs this line
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use select_and_timeout::deadline::Deadline;

// ANCHOR: header
/// The header with the time that is left, in whole milliseconds.
pub const TIME_LEFT: HeaderName = HeaderName::from_static("x-time-left-ms");

/// What the client sends: the time that is left now, rounded down.
pub fn to_header(deadline: Deadline) -> HeaderValue {
    let millis = deadline.left().as_millis();
    HeaderValue::from(u64::try_from(millis).unwrap_or(u64::MAX))
}
// ANCHOR_END: header

// ANCHOR: from_header
/// What the server reads. Without the header, or with a longer time, it is `longest`.
///
/// # Errors
/// The header is not a whole number from 0 up.
pub fn from_header(
    headers: &HeaderMap,
    longest: Duration,
) -> Result<Deadline, NoNumber> {
    let Some(value) = headers.get(TIME_LEFT) else {
        return Ok(Deadline::after(longest));
    };
    let millis = value.to_str().ok().and_then(|text| text.parse().ok());
    let left = Duration::from_millis(millis.ok_or(NoNumber)?);
    Ok(Deadline::after(left.min(longest)))
}
// ANCHOR_END: from_header

// ANCHOR: no_number
/// The header with the time that is left is not a whole number from 0 up.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("x-time-left-ms is no number of milliseconds")]
pub struct NoNumber;
// ANCHOR_END: no_number

// ANCHOR: limits
/// How long a server works on one request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// No request gets more time, whatever its header says.
    pub longest: Duration,
    /// Is taken off the time: the request and the answer need theirs on the way.
    pub margin: Duration,
}

impl Default for Limits {
    /// At most 10 s, and a margin of 50 ms.
    fn default() -> Self {
        Self { longest: Duration::from_secs(10), margin: Duration::from_millis(50) }
    }
}
// ANCHOR_END: limits

// ANCHOR: answer
/// Answers a request while its client waits. `work` gets the deadline, to pass it on.
///
/// # Errors
/// 400: the header is not a whole number from 0 up. 504: no time is left. If none was
/// left before, `work` has not begun.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, the work is dropped too.
pub async fn answer<F: Future>(
    headers: &HeaderMap,
    limits: Limits,
    work: impl FnOnce(Deadline) -> F,
) -> Result<F::Output, StatusCode> {
    let client = from_header(headers, limits.longest);
    let client = client.map_err(|_no_number| StatusCode::BAD_REQUEST)?;
    let deadline = client.keep(limits.margin);
    let answer = deadline.run("the answer", async { work(deadline).await });
    answer.await.map_err(|_too_late| StatusCode::GATEWAY_TIMEOUT)
}
// ANCHOR_END: answer

/// What most code starts with, kept to be measured against.
pub mod naive {
    use std::time::SystemTime;

    use super::*;

    /// Wrong: a time of day, which each of the two machines has its own opinion of.
    pub fn left(deadline: SystemTime, server: SystemTime) -> Duration {
        deadline.duration_since(server).unwrap_or_default()
    }

    /// Wrong: the header is made once, and each attempt says the time of the first one.
    pub fn headers(deadline: Deadline) -> impl Fn(u32) -> HeaderValue {
        // ANCHOR: made_once
        let header = to_header(deadline);
        move |_attempt| header.clone()
        // ANCHOR_END: made_once
    }
}

/// The header of each attempt.
pub fn headers(deadline: Deadline) -> impl Fn(u32) -> HeaderValue {
    // ANCHOR: made_each
    move |_attempt| to_header(deadline)
    // ANCHOR_END: made_each
}

#[cfg(test)]
mod tests;

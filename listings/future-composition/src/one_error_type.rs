//! One error type across layers.

use std::error::Error;
use std::future::Future;
use std::io;
use std::iter;
use std::time::Duration;

use futures::future::TryFutureExt;
use policy::Transient;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;
use tokio::task::{JoinError, JoinHandle};

// ANCHOR: http_error
/// Why there is no answer: one variant for each thing that a caller would do about it.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Request or answer did not come through: a bad URL, no connection, a broken one.
    #[error("the request did not come through")]
    Transport(#[source] reqwest::Error),
    /// A limit of the client was over before the whole answer was there.
    #[error("no answer in time")]
    Timeout(#[source] reqwest::Error),
    /// The server answered, and there is nothing at this address.
    #[error("{url}: not found")]
    NotFound {
        /// Where the request ended, after redirects.
        url: Url,
    },
    /// The server answered with another status than success.
    #[error("{url}: status {code}")]
    Status {
        /// Where the request ended, after redirects.
        url: Url,
        /// What the server said.
        code: StatusCode,
        /// How long it asks to be left alone, if it does.
        retry_after: Option<Duration>,
    },
    /// The body came whole, and is not what was expected.
    #[error("{url}: not the JSON that was expected")]
    Decode {
        /// Where the request ended, after redirects.
        url: Url,
        /// Where in the body, and why.
        source: serde_json::Error,
    },
}
// ANCHOR_END: http_error

// ANCHOR: fetch_json
/// GETs `url` and reads the answer as JSON.
///
/// # Errors
/// Any [`HttpError`]. A refusal is known from its head, so this does not wait for its
/// body.
///
/// # Cancel safety
/// If you drop this at an await, it gives up the request: HTTP/1.1 closes the
/// connection, HTTP/2 resets the stream. The server may have done its work by then.
pub async fn fetch_json<T>(client: &Client, url: &str) -> Result<T, HttpError>
where
    T: DeserializeOwned,
{
    let response = client.get(url).send().await.map_err(in_transit)?;
    let (url, code) = (response.url().clone(), response.status());
    if code == StatusCode::NOT_FOUND {
        return Err(HttpError::NotFound { url });
    }
    if !code.is_success() {
        let retry_after = retry_after(response.headers());
        return Err(HttpError::Status { url, code, retry_after });
    }
    // Not `json()`: its error calls a body that breaks off or hangs "decode", too.
    let body = response.bytes().await.map_err(in_transit)?;
    serde_json::from_slice(&body).map_err(|source| HttpError::Decode { url, source })
}

/// The error of a request or an answer that did not come through.
// No `From`: with one, `?` would also convert the errors of `error_for_status` and
// `json`, and these mean something else.
fn in_transit(source: reqwest::Error) -> HttpError {
    if source.is_timeout() {
        return HttpError::Timeout(source);
    }
    HttpError::Transport(source)
}
// ANCHOR_END: fetch_json

/// Reads the body of `response`, if it is no longer than `limit` bytes.
///
/// # Errors
/// The body broke off, or a limit of the client was over.
///
/// # Cancel safety
/// Dropping this gives up the request.
// ANCHOR: bytes_up_to
pub async fn bytes_up_to(
    mut response: Response,
    limit: usize,
) -> reqwest::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await? {
        if piece.len() > limit - body.len() {
            return Ok(None); // too long
        }
        body.extend_from_slice(&piece);
    }
    Ok(Some(body))
}
// ANCHOR_END: bytes_up_to

// ANCHOR: transient
impl Transient for HttpError {
    fn transient(&self) -> bool {
        match self {
            Self::Timeout(_) => true,
            Self::Transport(source) => !is_hopeless(source),
            Self::Status { code, .. } => match code.as_u16() {
                // Request Timeout, Too Early, Too Many Requests.
                408 | 425 | 429 => true,
                // Not Implemented, for example: the server can never do this.
                501 | 505 | 506 | 508 | 510 | 511 => false,
                code => (500..=599).contains(&code),
            },
            Self::NotFound { .. } | Self::Decode { .. } => false,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
// ANCHOR_END: transient

// ANCHOR: hopeless
/// Whether the next try must fail as this one did: a bad URL, a redirect in circles, a
/// client without TLS, a certificate that rustls refused.
fn is_hopeless(error: &reqwest::Error) -> bool {
    let refused = |cause: &(dyn Error + 'static)| {
        // No TLS. The type of this cause has no public name: only its text tells.
        cause.to_string() == "invalid URL, scheme is not http"
            // A refused certificate, or no TLS on the other side.
            || io_errors(cause).any(|io| io.kind() == io::ErrorKind::InvalidData)
    };
    let connect = error.is_connect() && causes(error).any(refused);
    error.is_builder() || error.is_redirect() || connect
}

/// An `io::Error`, and those wrapped in it, which `source` does not return.
fn io_errors<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a io::Error> {
    iter::successors(error.downcast_ref::<io::Error>(), |&outer| {
        outer.get_ref()?.downcast_ref()
    })
}
// ANCHOR_END: hopeless

// ANCHOR: retry_after
/// The longest wait that is asked for in seconds, or `None`. A fraction is rounded up.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(RETRY_AFTER).iter();
    values.filter_map(|value| seconds(value.to_str().ok()?)).max()
}

fn seconds(text: &str) -> Option<Duration> {
    let text = text.trim();
    let number = text.strip_prefix('+').unwrap_or(text);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_digit = |digit: u8| digit.is_ascii_digit();
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(is_digit) {
        return None;
    }
    // Digits only: what does not fit is too large.
    let seconds = whole.parse().map_or(Duration::MAX, Duration::from_secs);
    let is_whole = fraction.bytes().all(|digit| digit == b'0');
    let rest = if is_whole { Duration::ZERO } else { Duration::from_secs(1) };
    Some(seconds.saturating_add(rest))
}
// ANCHOR_END: retry_after

// ANCHOR: limits
/// How long a client waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For a new connection: name, TCP, TLS.
    pub connect: Duration,
    /// For the head of the answer, and then for each piece of its body. The connection
    /// is a part of the wait for the head.
    pub silence: Duration,
    /// For everything, from the start to the last byte of the body.
    pub total: Duration,
}

/// Sets the limits that a `reqwest` client does not have by itself.
///
/// Build one client and share it: it holds the connections. A clone is the same client.
pub fn with_limits(builder: ClientBuilder, limits: Limits) -> ClientBuilder {
    let builder = builder.connect_timeout(limits.connect).read_timeout(limits.silence);
    builder.timeout(limits.total)
}
// ANCHOR_END: limits

// ANCHOR: load_error
/// Why the shop cannot open: the layer above HTTP.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The settings cannot be read.
    #[error("the settings cannot be read")]
    Settings(#[from] io::Error),
    /// The prices cannot be fetched.
    #[error("the prices cannot be fetched")]
    Prices(#[from] HttpError),
    /// A task that was waited for panicked.
    #[error("a task panicked")]
    Panicked(#[source] JoinError),
    /// A task that was waited for was aborted, or its runtime went away.
    #[error("a task was cancelled")]
    Cancelled(#[source] JoinError),
}
// ANCHOR_END: load_error

// ANCHOR: settings_and_prices
/// Waits for both at once; the first error ends it.
///
/// # Errors
/// The first of the two errors, in its own variant.
///
/// # Cancel safety
/// Drops both where they wait, as the first error drops the other.
pub async fn settings_and_prices<S, P>(
    settings: impl Future<Output = io::Result<S>>,
    prices: impl Future<Output = Result<P, HttpError>>,
) -> Result<(S, P), LoadError> {
    // ANCHOR: converted_inside
    tokio::try_join!(settings.err_into(), prices.map_err(LoadError::Prices))
    // ANCHOR_END: converted_inside
}
// ANCHOR_END: settings_and_prices

// ANCHOR: joined
impl From<JoinError> for LoadError {
    fn from(source: JoinError) -> Self {
        if source.is_panic() { Self::Panicked(source) } else { Self::Cancelled(source) }
    }
}

/// Waits for a task, and makes its two results one.
///
/// # Errors
/// What the task returned, or that it panicked or was cancelled.
///
/// # Cancel safety
/// As the handle: dropped, a `JoinHandle` lets its task run on, an `AbortOnDropHandle`
/// aborts it.
pub async fn joined<T, E>(
    task: impl Future<Output = Result<Result<T, E>, JoinError>>,
) -> Result<T, LoadError>
where
    LoadError: From<E>,
{
    Ok(task.await??)
}
// ANCHOR_END: joined

// ANCHOR: causes
/// The error, what caused it, what caused that, to the root.
pub fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}
// ANCHOR_END: causes

// ANCHOR: cause_as_source
/// Keeps the cause, and says nothing that the cause says.
#[derive(Debug, thiserror::Error)]
#[error("the network failed")]
pub struct NetworkError(#[from] reqwest::Error);
// ANCHOR_END: cause_as_source

// ANCHOR: start_error
/// Why a program with two files cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings cannot be read.
    #[error("the settings cannot be read")]
    Settings(#[source] io::Error),
    /// The log cannot be opened.
    #[error("the log cannot be opened")]
    Log(#[source] io::Error),
}
// ANCHOR_END: start_error

/// Reads the settings, and then opens the log.
///
/// # Errors
/// The first of the two errors, in its own variant.
///
/// # Cancel safety
/// Drops the one that it waits for.
pub async fn settings_then_log<S>(
    settings: impl Future<Output = io::Result<S>>,
    open_log: impl Future<Output = io::Result<()>>,
) -> Result<S, StartError> {
    // ANCHOR: named_by_hand
    let settings = settings.await.map_err(StartError::Settings)?;
    open_log.await.map_err(StartError::Log)?;
    // ANCHOR_END: named_by_hand
    Ok(settings)
}

/// How many of the tasks have ended, and succeeded at their work.
///
/// # Cancel safety
/// As the handles: the tasks run on.
pub async fn successes<T, E>(tasks: Vec<JoinHandle<Result<T, E>>>) -> usize {
    let ended = futures::future::join_all(tasks).await;
    // ANCHOR: both_ok
    ended.iter().filter(|ended| matches!(ended, Ok(Ok(_)))).count()
    // ANCHOR_END: both_ok
}

/// What most code starts with, kept to be measured against.
#[expect(clippy::missing_errors_doc, reason = "what goes wrong is on the page")]
pub mod naive {
    use super::*;

    use futures::future::join_all;

    /// Wrong: takes a 500 for an answer, waits for ever, and connects anew each time.
    pub async fn get_json<T: DeserializeOwned>(url: &str) -> reqwest::Result<T> {
        // ANCHOR: get_each_time
        reqwest::get(url).await?.json().await
        // ANCHOR_END: get_each_time
    }

    /// Wrong: also true of a body that broke off, or never came.
    pub fn is_bad_json(error: &reqwest::Error) -> bool {
        error.is_decode()
    }

    // ANCHOR: cause_as_text
    /// Keeps the words, and loses the cause.
    #[derive(Debug, thiserror::Error)]
    #[error("network: {0}")]
    pub struct NetworkError(String);

    impl From<reqwest::Error> for NetworkError {
        fn from(error: reqwest::Error) -> Self {
            Self(error.to_string())
        }
    }
    // ANCHOR_END: cause_as_text

    /// Wrong: `?` files every `io::Error` under the one variant that takes it.
    pub async fn settings_then_log<S>(
        settings: impl Future<Output = io::Result<S>>,
        open_log: impl Future<Output = io::Result<()>>,
    ) -> Result<S, LoadError> {
        // ANCHOR: question_mark_misfiles
        let settings = settings.await?;
        open_log.await?;
        // ANCHOR_END: question_mark_misfiles
        Ok(settings)
    }

    /// Wrong: counts the tasks that ended, not the work that succeeded.
    pub async fn successes<T, E>(tasks: Vec<JoinHandle<Result<T, E>>>) -> usize {
        let ended = join_all(tasks).await;
        // ANCHOR: outer_ok
        ended.iter().filter(|ended| ended.is_ok()).count()
        // ANCHOR_END: outer_ok
    }
}

#[cfg(test)]
mod tests;

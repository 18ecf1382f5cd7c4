//! Race a list of servers, and keep all errors.

use std::error::Error;
use std::fmt::{Debug, Display};
use std::future::Future; // only edition 2021 needs this line
use std::iter;

use futures::future::{BoxFuture, select_ok};
use futures::stream::{FuturesUnordered, StreamExt};

// ANCHOR: first_to_succeed
/// The first answer, or all errors in the order in which they came.
///
/// # Errors
/// All requests failed. If there was no request, there is no error in the list.
///
/// # Cancel safety
/// The losers are dropped where they wait, before this returns. Dropping the race drops
/// all of them, and the errors so far.
pub async fn first_to_succeed<T, E>(
    requests: impl IntoIterator<Item = impl Future<Output = Result<T, E>>>,
) -> Result<T, Vec<E>> {
    let mut running: FuturesUnordered<_> = requests.into_iter().collect();
    let mut errors = Vec::new();
    while let Some(result) = running.next().await {
        match result {
            Ok(answer) => return Ok(answer),  // drops the others
            Err(error) => errors.push(error), // the others go on
        }
    }
    Err(errors)
}
// ANCHOR_END: first_to_succeed

// ANCHOR: first_by_name
/// The first answer, with the name of its request.
///
/// # Errors
/// There was no request, or all of them failed.
///
/// # Cancel safety
/// As `first_to_succeed`.
pub async fn first_by_name<N, T, E, F>(
    requests: impl IntoIterator<Item = (N, F)>,
) -> Result<(N, T), Lost<N, E>>
where
    N: Debug + Display,
    E: Error,
    F: Future<Output = Result<T, E>>,
{
    let named = |(name, request): (N, F)| async move {
        match request.await {
            Ok(answer) => Ok((name, answer)),
            Err(error) => Err((name, error)),
        }
    };
    let lost = |failures: Vec<_>| {
        if failures.is_empty() { Lost::NobodyToAsk } else { Lost::AllFailed(failures) }
    };
    first_to_succeed(requests.into_iter().map(named)).await.map_err(lost)
}
// ANCHOR_END: first_by_name

// ANCHOR: all_errors
/// Why nobody won. It prints each failure with all its causes.
#[derive(Debug, thiserror::Error)]
pub enum Lost<N: Debug + Display, E: Error> {
    /// The list of requests was empty.
    #[error("there was nobody to ask")]
    NobodyToAsk,
    /// What each request said, by its name, in the order in which they failed.
    #[error("all requests failed: {}", list(.0))]
    AllFailed(Vec<(N, E)>),
}

fn list<N: Display, E: Error>(failures: &[(N, E)]) -> String {
    let line = |(name, error): &(N, E)| format!("{name}: {}", with_causes(error));
    failures.iter().map(line).collect::<Vec<_>>().join("; ")
}

/// The error and all its causes, in one line. An error has one `source` at most, and
/// `Lost` has several failures: so their causes are part of the message.
pub fn with_causes<E: Error>(error: &E) -> String {
    let causes = iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
// ANCHOR_END: all_errors

/// Runs `then` with the first answer, when the losers are gone.
///
/// # Errors
/// What the last request to fail said; the other errors are lost.
///
/// # Panics
/// `requests` is empty.
///
/// # Cancel safety
/// Dropping this drops all requests, and `then` where it waits.
pub async fn use_first<T, E, Fut: Future>(
    requests: Vec<BoxFuture<'_, Result<T, E>>>,
    then: impl FnOnce(T) -> Fut,
) -> Result<Fut::Output, E> {
    // ANCHOR: losers_dropped
    let (answer, _) = select_ok(requests).await?;
    Ok(then(answer).await)
    // ANCHOR_END: losers_dropped
}

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: only the last error is left, nobody to ask is a panic, and the losers
    /// stay alive while `then` runs.
    ///
    /// # Errors
    /// What the last request to fail said.
    pub async fn use_first<T, E, Fut: Future>(
        requests: Vec<BoxFuture<'_, Result<T, E>>>,
        then: impl FnOnce(T) -> Fut,
    ) -> Result<Fut::Output, E> {
        // ANCHOR: losers_kept
        let (answer, _losers) = select_ok(requests).await?;
        Ok(then(answer).await)
        // ANCHOR_END: losers_kept
    }
}

#[cfg(test)]
mod tests;

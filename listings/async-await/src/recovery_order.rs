//! Retry, breaker, bulkhead and time limit around one call, in the order that works.

use std::future::Future; // only edition 2021 needs this line
use std::num::NonZeroUsize;
use std::time::Duration;

use policy::breaker::Verdict;
use policy::{
    Breaker, BreakerError, BreakerPolicy, Bulkhead, BulkheadError, InvalidBreaker,
    Limits, Retry, RetryError, Transient,
};
use rand::Rng;
use tokio::time::timeout;

// ANCHOR: settings
/// How each layer of a client is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How often to try. Its own `limit` is `None`: see [`Settings::limit`].
    pub retry: Retry,
    /// When to stop calling.
    pub breaker: BreakerPolicy,
    /// How many calls at once.
    pub bulkhead: Limits,
    /// The limit of one call, without the wait for its turn.
    pub limit: Duration,
}

impl Default for Settings {
    /// 3 attempts; 5 failures open the breaker; 10 calls at once, and 20 more wait, for
    /// 1 s at most; 1 s for a call.
    fn default() -> Self {
        let second = Duration::from_secs(1);
        Self {
            retry: Retry { limit: None, ..Retry::default() },
            breaker: BreakerPolicy::default(),
            bulkhead: Limits {
                calls: NonZeroUsize::MIN.saturating_add(9),
                queue: 20,
                longest_wait: second,
            },
            limit: second,
        }
    }
}
// ANCHOR_END: settings

// ANCHOR: invalid
/// These settings would break the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidClient {
    /// The limit of an attempt would include the wait for its turn.
    #[error("the retry has a limit of its own")]
    LimitOutside,
    /// The breaker would take the wait for a turn for a slow service.
    #[error("`slow` of the breaker is not longer than a wait and a call")]
    SlowTooShort,
    /// The breaker would be of no use.
    #[error("the policy of the breaker is invalid")]
    Breaker(#[from] InvalidBreaker),
}
// ANCHOR_END: invalid

// ANCHOR: client
/// Calls one service. Clones share the breaker and the bulkhead.
#[derive(Clone, Debug)]
pub struct Client {
    retry: Retry,
    breaker: Breaker,
    bulkhead: Bulkhead,
    limit: Duration,
}

impl Client {
    /// A client of one service. It has no task, and needs no runtime.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn new(
        settings: Settings,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, InvalidClient> {
        let Settings { retry, breaker, bulkhead, limit } = settings;
        if retry.limit.is_some() {
            return Err(InvalidClient::LimitOutside);
        }
        if breaker.slow <= bulkhead.longest_wait.saturating_add(limit) {
            return Err(InvalidClient::SlowTooShort);
        }
        let breaker = Breaker::new(breaker, rng)?;
        Ok(Self { retry, breaker, bulkhead: Bulkhead::new(bulkhead), limit })
    }

    /// The breaker, to look at its state.
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }
}
// ANCHOR_END: client

// ANCHOR: errors
/// How one call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError<E> {
    /// The service returned this.
    #[error(transparent)]
    Failed(E),
    /// The service gave no answer, and the call was dropped.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
}

impl<E: Transient> Transient for CallError<E> {
    fn transient(&self) -> bool {
        match self {
            Self::Failed(error) => error.transient(),
            Self::TimedOut(_) => true,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Failed(error) => error.retry_after(),
            Self::TimedOut(_) => None,
        }
    }
}

/// Why there is no answer: the name of a layer, and inside it that of the next.
pub type ClientError<E> = RetryError<BreakerError<BulkheadError<CallError<E>>>>;
// ANCHOR_END: errors

// ANCHOR: call
impl Client {
    /// Calls the service, as often as the retry says. Each attempt asks the breaker,
    /// waits for its turn, and only then calls `ask`, for `limit` at most.
    ///
    /// # Errors
    /// How the last attempt failed, and in which layer.
    ///
    /// # Panics
    /// Outside a Tokio runtime with a timer.
    ///
    /// # Cancel safety
    /// If this is dropped in a wait between two attempts, it holds nothing. If it is
    /// dropped in an attempt, the call is dropped, its place in the bulkhead is free,
    /// and the breaker counts a failure.
    pub async fn call<T, E: Transient, Fut: Future<Output = Result<T, E>>>(
        &self,
        rng: &mut (impl Rng + ?Sized),
        ask: impl Fn() -> Fut,
    ) -> Result<T, ClientError<E>> {
        let Self { retry, breaker, bulkhead, limit } = self;
        let (ask, limit) = (&ask, *limit);
        // ANCHOR: nest
        let attempt = |_number| {
            // The bulkhead, and in it the time limit, and in it the call.
            let turn = move || bulkhead.call(move || within(limit, ask()));
            // ANCHOR: judged
            breaker.call_with(verdict, turn)
            // ANCHOR_END: judged
        };
        retry.run(rng, attempt).await
        // ANCHOR_END: nest
    }
}

async fn within<T, E>(
    limit: Duration,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, CallError<E>> {
    match timeout(limit, call).await {
        Ok(result) => result.map_err(CallError::Failed),
        Err(_elapsed) => Err(CallError::TimedOut(limit)),
    }
}
// ANCHOR_END: call

// ANCHOR: verdict
/// What an attempt says about the service.
fn verdict<T, E: Transient>(
    result: &Result<T, BulkheadError<CallError<E>>>,
) -> Verdict {
    match result {
        // We have too many calls, and have not asked the service.
        Err(BulkheadError::Refused(_)) => Verdict::Unknown,
        Err(BulkheadError::Call(error)) if error.transient() => Verdict::Failure,
        // The service works. It may have said no: that is an answer.
        Ok(_) | Err(BulkheadError::Call(_)) => Verdict::Success,
    }
}
// ANCHOR_END: verdict

/// The same layers in other orders, kept to be measured against.
pub mod naive {
    use super::*;
    use tokio::time::error::Elapsed;

    /// Wrong: the breaker sees one failure for all attempts of a request, and does
    /// not stop the attempts that are left.
    ///
    /// # Errors
    /// How the request failed.
    pub async fn retry_inside<T, E: Transient, Fut: Future<Output = Result<T, E>>>(
        client: &Client,
        rng: &mut (impl Rng + ?Sized),
        ask: impl Fn() -> Fut,
    ) -> Result<T, BreakerError<RetryError<BulkheadError<CallError<E>>>>> {
        let Client { retry, breaker, bulkhead, limit } = client;
        let (ask, limit) = (&ask, *limit);
        // ANCHOR: retry_inside
        let attempt = |_number| bulkhead.call(move || within(limit, ask()));
        breaker.call(|| retry.run(rng, attempt)).await
        // ANCHOR_END: retry_inside
    }

    /// Wrong: a call that hangs uses up the time of all attempts.
    ///
    /// # Errors
    /// The time is over; or how the last attempt failed.
    pub async fn limit_outside<T, E: Transient, Fut: Future<Output = Result<T, E>>>(
        client: &Client,
        rng: &mut (impl Rng + ?Sized),
        ask: impl Fn() -> Fut,
    ) -> Result<Result<T, RetryError<E>>, Elapsed> {
        let Client { retry, limit, .. } = client;
        timeout(*limit, retry.run(rng, |_number| ask())).await
    }

    /// Wrong: the wait for a turn counts as time of the service.
    ///
    /// # Errors
    /// How the attempt failed.
    pub async fn limit_outside_breaker<
        T,
        E: Transient,
        Fut: Future<Output = Result<T, E>>,
    >(
        client: &Client,
        ask: impl FnOnce() -> Fut,
    ) -> Result<T, CallError<BreakerError<BulkheadError<E>>>> {
        let Client { breaker, bulkhead, limit, .. } = client;
        within(*limit, breaker.call(|| bulkhead.call(ask))).await
    }

    /// Wrong: a request keeps its place while it waits for its next attempt.
    ///
    /// # Errors
    /// How the request failed.
    pub async fn bulkhead_outside<
        T,
        E: Transient,
        Fut: Future<Output = Result<T, E>>,
    >(
        client: &Client,
        rng: &mut (impl Rng + ?Sized),
        ask: impl Fn() -> Fut,
    ) -> Result<T, BulkheadError<RetryError<BreakerError<CallError<E>>>>> {
        let Client { retry, breaker, bulkhead, limit } = client;
        let (ask, limit) = (&ask, *limit);
        let attempt = |_number| breaker.call(move || within(limit, ask()));
        bulkhead.call(|| retry.run(rng, attempt)).await
    }

    /// Wrong: a request waits for its turn, only to hear that the breaker is open.
    ///
    /// # Errors
    /// How the attempt failed.
    pub async fn bulkhead_outside_breaker<
        T,
        E: Transient,
        Fut: Future<Output = Result<T, E>>,
    >(
        client: &Client,
        ask: impl FnOnce() -> Fut,
    ) -> Result<T, BulkheadError<BreakerError<CallError<E>>>> {
        let Client { breaker, bulkhead, limit, .. } = client;
        bulkhead.call(|| breaker.call(|| within(*limit, ask()))).await
    }

    /// Wrong: the retry sees the answer of the fallback, and takes it for success.
    ///
    /// # Errors
    /// How the fallback failed.
    pub async fn fallback_inside<
        T,
        E: Transient,
        Fut: Future<Output = Result<T, E>>,
        Fallback: Future<Output = Result<T, E>>,
    >(
        client: &Client,
        rng: &mut (impl Rng + ?Sized),
        ask: impl Fn() -> Fut,
        fallback: impl Fn() -> Fallback,
    ) -> Result<T, RetryError<E>> {
        let (ask, fallback) = (&ask, &fallback);
        let attempt = |_number| async move {
            match ask().await {
                Ok(answer) => Ok(answer),
                Err(_) => fallback().await,
            }
        };
        client.retry.run(rng, attempt).await
    }

    /// Wrong: a client that is busy takes its service for broken.
    ///
    /// # Errors
    /// How the attempt failed.
    pub async fn all_are_failures<
        T,
        E: Transient,
        Fut: Future<Output = Result<T, E>>,
    >(
        client: &Client,
        ask: impl FnOnce() -> Fut,
    ) -> Result<T, BreakerError<BulkheadError<CallError<E>>>> {
        let Client { breaker, bulkhead, limit, .. } = client;
        let turn = || bulkhead.call(|| within(*limit, ask()));
        // ANCHOR: all_are_failures
        breaker.call(turn).await
        // ANCHOR_END: all_are_failures
    }
}

#[cfg(test)]
mod tests;

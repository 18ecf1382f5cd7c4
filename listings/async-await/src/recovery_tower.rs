//! Retry, breaker, bulkhead and time limit as layers of tower, in the order that works.

use std::future::Future; // only edition 2021 needs this line
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use policy::breaker::{Open, Verdict};
use policy::{Breaker, BreakerError};
use tokio::time::{Sleep, sleep};
use tower::load_shed::error::Overloaded;
use tower::retry::Policy;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};

// ANCHOR: order
/// A client of `service` with all layers. The first one in the list is the outermost.
pub fn client<R, S>(
    breaker: Breaker,
    attempts: Attempts,
    most: usize,
    limit: Duration,
    service: S,
) -> impl Service<
    R,
    Response = S::Response,
    Error = BoxError,
    Future: Future<Output = Result<S::Response, BoxError>> + Send,
> + Clone
+ Send
+ 'static
where
    R: Clone + Send + 'static,
    S: Service<R, Response: Send, Error: Into<BoxError>, Future: Send>,
    S: Clone + Send + 'static,
{
    // ANCHOR: builder
    ServiceBuilder::new()
        .retry(attempts)
        .layer_fn(move |inner| WithBreaker { breaker: breaker.clone(), inner })
        .load_shed() // refuses a call at once, if there is no place
        .concurrency_limit(most)
        .timeout(limit)
        .service(service)
    // ANCHOR_END: builder
}
// ANCHOR_END: order

// ANCHOR: breaker
/// Asks a breaker before each call of `inner`.
#[derive(Clone, Debug)]
struct WithBreaker<S> {
    breaker: Breaker,
    inner: S,
}

impl<R, S> Service<R> for WithBreaker<S>
where
    R: Send + 'static,
    S: Service<R, Response: Send, Error = BoxError, Future: Send>,
    S: Clone + Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    /// It is always ready: `inner` is made ready behind the breaker, in `call`.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (breaker, inner) = (self.breaker.clone(), self.inner.clone());
        Box::pin(async move {
            let answer = breaker.call_with(verdict, || inner.oneshot(request)).await;
            answer.map_err(|error| match error {
                BreakerError::Open(open) => open.into(),
                BreakerError::Inner(error) => error,
            })
        })
    }
}
// ANCHOR_END: breaker

// ANCHOR: verdict_of_tower
/// What an attempt says about the service. A real client asks the error more.
fn verdict<T>(result: &Result<T, BoxError>) -> Verdict {
    match result {
        Ok(_) => Verdict::Success,
        // No place was free, and the service was not asked.
        Err(error) if error.is::<Overloaded>() => Verdict::Unknown,
        Err(_) => Verdict::Failure,
    }
}
// ANCHOR_END: verdict_of_tower

// ANCHOR: attempts
/// How often tower's retry tries again, and after which wait.
#[derive(Clone, Copy, Debug)]
pub struct Attempts {
    /// How many attempts may follow the first one.
    pub again: u32,
    /// The wait before each of them.
    pub wait: Duration,
}

impl<R: Clone, T> Policy<R, T, BoxError> for Attempts {
    type Future = Sleep;

    fn retry(
        &mut self,
        _request: &mut R,
        result: &mut Result<T, BoxError>,
    ) -> Option<Sleep> {
        match result {
            Err(error) if !error.is::<Open>() && self.again > 0 => {
                self.again -= 1;
                Some(sleep(self.wait))
            }
            _ => None,
        }
    }

    fn clone_request(&mut self, request: &R) -> Option<R> {
        Some(request.clone())
    }
}
// ANCHOR_END: attempts

/// The same layers in another order, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: the wait for a place has no limit, because the clock of a `timeout` of
    /// tower begins to run with the call.
    pub fn client<R, S>(
        most: usize,
        limit: Duration,
        service: S,
    ) -> impl Service<R, Response = S::Response, Error = BoxError> + Clone
    where
        S: Service<R, Error: Into<BoxError>> + Clone,
    {
        ServiceBuilder::new().timeout(limit).concurrency_limit(most).service(service)
    }
}

#[cfg(test)]
mod tests;

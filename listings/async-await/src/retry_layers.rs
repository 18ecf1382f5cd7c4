//! Retries of several layers, callers and tasks: keep their product small.

use std::error::Error;
use std::fmt::{self, Display};
use std::future::Future; // only edition 2021 needs this line
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use policy::{Failure, Retry, RetryError, Transient};
use rand::Rng;
use tokio::sync::Mutex;
use tokio::task::JoinError;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

// ANCHOR: errors
/// What the bank says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BankError {
    /// It may answer later.
    #[error("the bank does not answer")]
    Down,
    /// It will say the same again.
    #[error("the card is refused")]
    Refused,
}

impl Transient for BankError {
    fn transient(&self) -> bool {
        matches!(self, Self::Down)
    }
}
// ANCHOR_END: errors

// ANCHOR: order_error_enum
/// Why an order is not paid.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The layer below has tried already.
    #[error("the payment failed")]
    Payment(#[from] RetryError<BankError>),
    /// Somebody else changes the order.
    #[error("the order is locked")]
    Locked,
}
// ANCHOR_END: order_error_enum

// ANCHOR: order_error
impl Transient for OrderError {
    fn transient(&self) -> bool {
        // ANCHOR: tried_below
        match self {
            Self::Payment(tried) => tried.transient(), // false: it was tried
            Self::Locked => true,
        }
        // ANCHOR_END: tried_below
    }
}
// ANCHOR_END: order_error

// ANCHOR: pay
/// Pays, and tries again: this layer knows the bank.
///
/// # Errors
/// The last error of the bank, and why no other attempt followed.
///
/// # Cancel safety
/// If this is dropped in a wait, nothing is in flight. In an attempt, the bank may
/// have booked the payment.
pub async fn pay<T, Fut: Future<Output = Result<T, BankError>>>(
    retry: &Retry,
    rng: &mut (impl Rng + ?Sized),
    mut ask_bank: impl FnMut() -> Fut,
) -> Result<T, RetryError<BankError>> {
    retry.run(rng, |_attempt| ask_bank()).await
}
// ANCHOR_END: pay

// ANCHOR: order
/// Makes an order, and tries again while it is locked.
///
/// # Errors
/// The order stayed locked, or the payment failed: it was tried again below.
///
/// # Cancel safety
/// If this is dropped, so is the attempt in flight, and no other follows.
pub async fn order<T, Fut: Future<Output = Result<T, OrderError>>>(
    retry: &Retry,
    rng: &mut (impl Rng + ?Sized),
    mut save: impl FnMut() -> Fut,
) -> Result<T, RetryError<OrderError>> {
    retry.run(rng, |_attempt| save()).await
}
// ANCHOR_END: order

// ANCHOR: budget
/// How many retries all callers of one service may make together.
#[derive(Debug)]
pub struct RetryBudget {
    /// What is left. A retry needs `successes` parts, a success gives one back.
    parts: AtomicU64,
    full: u64,
    successes: u64,
}

impl RetryBudget {
    /// Begins with `retries`, and never has more. After `successes` calls that
    /// succeeded, one retry comes back.
    pub fn new(retries: NonZeroU32, successes: NonZeroU32) -> Self {
        let successes = u64::from(successes.get());
        let full = u64::from(retries.get()) * successes;
        Self { parts: AtomicU64::new(full), full, successes }
    }

    /// Whether there was a retry left.
    fn take(&self) -> bool {
        let one_less = |parts: u64| parts.checked_sub(self.successes);
        self.parts.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok()
    }

    fn add_success(&self) {
        let one_more = |parts: u64| (parts < self.full).then_some(parts + 1);
        let _full =
            self.parts.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
    }
}
// ANCHOR_END: budget

// ANCHOR: attempt
/// How an attempt failed, and whether the budget allows another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt<E> {
    /// How it failed.
    pub failure: Failure<E>,
    /// The failure is transient, but the shared budget had no retry left.
    pub denied: bool,
}

impl<E: Transient> Transient for Attempt<E> {
    fn transient(&self) -> bool {
        !self.denied && self.failure.transient()
    }

    fn retry_after(&self) -> Option<Duration> {
        self.failure.retry_after()
    }
}
// ANCHOR_END: attempt

// ANCHOR: attempt_error
impl<E> Display for Attempt<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.failure {
            // The error itself is the source.
            Failure::Error(_) => f.write_str("the attempt failed")?,
            Failure::TimedOut(limit) => write!(f, "no answer within {limit:?}")?,
        }
        f.write_str(if self.denied {
            ", and no retry is left in the budget"
        } else {
            ""
        })
    }
}

impl<E: Error + 'static> Error for Attempt<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.failure {
            Failure::Error(error) => Some(error),
            Failure::TimedOut(_) => None,
        }
    }
}
// ANCHOR_END: attempt_error

// ANCHOR: run
impl RetryBudget {
    /// Like [`Retry::run`], but each retry is taken from this budget.
    ///
    /// # Errors
    /// The last failure; it says whether the budget was empty.
    ///
    /// # Panics
    /// Outside a Tokio runtime with a timer.
    ///
    /// # Cancel safety
    /// See [`Retry::run`]. If this is dropped in a wait, the retry is not made, but it
    /// was taken from the budget.
    pub async fn run<T, E: Transient, Fut: Future<Output = Result<T, E>>>(
        &self,
        retry: &Retry,
        rng: &mut (impl Rng + ?Sized),
        mut operation: impl FnMut(u32) -> Fut,
    ) -> Result<T, RetryError<Attempt<E>>> {
        // The limit is kept in here, because a retry after it needs the budget, too.
        let limit = retry.limit.unwrap_or(Duration::MAX);
        let without_limit = Retry { limit: None, ..retry.clone() };
        let attempt = |number| {
            let call = timeout(limit, operation(number));
            async move {
                let failure = match call.await {
                    Ok(Ok(answer)) => {
                        self.add_success();
                        return Ok(answer);
                    }
                    Ok(Err(error)) => Failure::Error(error),
                    Err(_elapsed) => Failure::TimedOut(limit),
                };
                // ANCHOR: take
                let wants_retry = failure.transient() && number < retry.attempts.get();
                let denied = wants_retry && !self.take();
                Err(Attempt { failure, denied })
                // ANCHOR_END: take
            }
        };
        without_limit.run(rng, attempt).await
    }
}
// ANCHOR_END: run

// ANCHOR: task_error
/// How an attempt failed that ran as a task.
#[derive(Debug, thiserror::Error)]
pub enum TaskError<E: Error + 'static> {
    /// It returned an error.
    #[error("the attempt failed")]
    Failed(#[source] E),
    /// Its task has panicked, or its runtime has ended.
    #[error("the task of the attempt has ended early")]
    Lost(#[source] JoinError),
}

impl<E: Error + Transient + 'static> Transient for TaskError<E> {
    fn transient(&self) -> bool {
        match self {
            Self::Failed(error) => error.transient(),
            Self::Lost(_) => false, // a bug panics again
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Failed(error) => error.retry_after(),
            Self::Lost(_) => None,
        }
    }
}
// ANCHOR_END: task_error

// ANCHOR: in_a_task
/// Runs an attempt as a task of its own.
///
/// # Errors
/// What the attempt returns, or how its task has ended.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If this is dropped, the task is aborted, and nobody waits until it is gone.
pub async fn in_a_task<T, E>(
    attempt: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, TaskError<E>>
where
    T: Send + 'static,
    E: Error + Send + 'static,
{
    // ANCHOR: owned
    let task = AbortOnDropHandle::new(tokio::spawn(attempt));
    // ANCHOR_END: owned
    match task.await {
        Ok(ended) => ended.map_err(TaskError::Failed),
        Err(error) => Err(TaskError::Lost(error)),
    }
}
// ANCHOR_END: in_a_task

// ANCHOR: run_mut
/// Like [`Retry::run`], for an operation that changes what it has captured.
///
/// # Errors
/// See [`Retry::run`].
///
/// # Panics
/// See [`Retry::run`].
///
/// # Cancel safety
/// See [`Retry::run`].
pub async fn run_mut<T, E: Transient>(
    retry: &Retry,
    rng: &mut (impl Rng + ?Sized),
    operation: impl AsyncFnMut(u32) -> Result<T, E>,
) -> Result<T, RetryError<E>> {
    let operation = &Mutex::new(operation);
    let attempt = |number| async move {
        // This never waits: `run` drops an attempt before it makes the next one.
        let mut operation = operation.lock().await;
        (*operation)(number).await
    };
    retry.run(rng, attempt).await
}
// ANCHOR_END: run_mut

/// How it goes wrong.
pub mod naive {
    use super::*;
    use tokio::time::sleep;

    // ANCHOR: retry
    /// Wrong: after each error, in each layer, and it does not know zero.
    ///
    /// # Errors
    /// The last one.
    ///
    /// # Panics
    /// With 0 tries, and with many.
    pub async fn retry<T, E, Fut: Future<Output = Result<T, E>>>(
        tries: u32,
        mut wait: Duration,
        mut operation: impl FnMut() -> Fut,
    ) -> Result<T, E> {
        // ANCHOR: any_error
        for attempt in 1..=tries {
            match operation().await {
                Ok(answer) => return Ok(answer),
                Err(error) if attempt == tries => return Err(error),
                Err(_any) => sleep(wait).await,
            }
            wait *= 2;
        }
        unreachable!()
        // ANCHOR_END: any_error
    }
    // ANCHOR_END: retry

    // ANCHOR: any_order_error
    /// Wrong: a payment that was tried three times is tried again.
    #[derive(Debug, thiserror::Error)]
    #[error(transparent)]
    pub struct AnyOrderError(#[from] OrderError);

    impl Transient for AnyOrderError {
        #[expect(clippy::match_same_arms, reason = "an arm for each kind of error")]
        fn transient(&self) -> bool {
            // ANCHOR: payment_again
            match &self.0 {
                OrderError::Payment(_) => true,
                OrderError::Locked => true,
            }
            // ANCHOR_END: payment_again
        }
    }
    // ANCHOR_END: any_order_error

    // ANCHOR: naive_in_a_task
    /// Wrong: a dropped handle lets its task run on.
    ///
    /// # Errors
    /// See [`super::in_a_task`].
    pub async fn in_a_task<T, E>(
        attempt: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, TaskError<E>>
    where
        T: Send + 'static,
        E: Error + Send + 'static,
    {
        // ANCHOR: not_owned
        let task = tokio::spawn(attempt);
        // ANCHOR_END: not_owned
        match task.await {
            Ok(ended) => ended.map_err(TaskError::Failed),
            Err(error) => Err(TaskError::Lost(error)),
        }
    }
    // ANCHOR_END: naive_in_a_task
}

#[cfg(test)]
mod tests;

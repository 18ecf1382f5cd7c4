//! Try again, but not for ever, not too soon, and not all at once.

use std::error::Error;
use std::fmt::{self, Display};
use std::future::Future;
use std::num::NonZeroU32;
use std::time::Duration;

use rand::{Rng, RngExt};
use tokio::time::{Instant, sleep, timeout};

// ANCHOR: transient
/// An error that knows whether trying again can help.
pub trait Transient {
    /// Whether the same call may succeed later.
    fn transient(&self) -> bool;

    /// How long the other side asks to be left alone, if it does.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}
// ANCHOR_END: transient

// ANCHOR: policy
/// How often to try, how long to wait in between, and when to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Retry {
    /// Calls in all, the first one included.
    pub attempts: NonZeroU32,
    /// The longest wait before the second attempt.
    pub base: Duration,
    /// Each further wait may be this many times longer. With 1, waits do not grow.
    pub factor: NonZeroU32,
    /// The longest random wait of all, in whole milliseconds, rounded up.
    pub cap: Duration,
    /// The longest time for one attempt. After it, the attempt is dropped, and has
    /// failed.
    pub limit: Option<Duration>,
    /// The longest time for all attempts and waits together, from the first call on.
    /// The first attempt is always made.
    pub budget: Option<Duration>,
    /// A further attempt begins only if more than this is left of the budget.
    pub least: Duration,
}

impl Default for Retry {
    /// 3 attempts of at most 5 s; waits of up to 100 ms, 200 ms; 20 s in all.
    fn default() -> Self {
        Self {
            attempts: NonZeroU32::MIN.saturating_add(2),
            base: Duration::from_millis(100),
            factor: NonZeroU32::MIN.saturating_add(1),
            cap: Duration::from_secs(5),
            limit: Some(Duration::from_secs(5)),
            budget: Some(Duration::from_secs(20)),
            least: Duration::ZERO,
        }
    }
}
// ANCHOR_END: policy

// ANCHOR: outcome
/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryError<E> {
    /// Why no further attempt was made.
    pub reason: GaveUp,
    /// Calls made.
    pub attempts: u32,
    /// How the last of them failed.
    pub last: Failure<E>,
}

/// Why no further attempt was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GaveUp {
    /// The error says that trying again cannot help.
    Permanent,
    /// All attempts were made.
    Exhausted,
    /// Attempts were left, but no time for another one.
    BudgetSpent,
}

/// How one attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure<E> {
    /// The operation said so.
    Error(E),
    /// It had not answered within this time, and was dropped.
    TimedOut(Duration),
}
// ANCHOR_END: outcome

impl<E> Display for RetryError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.reason {
            GaveUp::Permanent => "permanent failure",
            GaveUp::Exhausted => "out of attempts",
            GaveUp::BudgetSpent => "out of time",
        };
        write!(f, "{reason} at attempt {}", self.attempts)?;
        match &self.last {
            // The error itself is the source.
            Failure::Error(_) => Ok(()),
            Failure::TimedOut(limit) => write!(f, ": no answer within {limit:?}"),
        }
    }
}

impl<E: Error + 'static> Error for RetryError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.last {
            Failure::Error(error) => Some(error),
            Failure::TimedOut(_) => None,
        }
    }
}

// ANCHOR: run
impl Retry {
    /// Calls `operation` with the number of the attempt, from 1, until it succeeds or
    /// another attempt cannot help. Each wait is random, between zero and the longest
    /// ([`Retry::waits`]); what the error asks for in `retry_after` is added to it.
    ///
    /// # Errors
    /// The last failure, and why no other attempt followed.
    ///
    /// # Panics
    /// Outside a Tokio runtime with a timer, if it has a limit, a budget or to wait.
    ///
    /// # Cancel safety
    /// If you drop this, it drops the attempt that runs, and begins no other one. The
    /// other side may still do what an attempt has asked for.
    pub async fn run<T, E: Transient, Fut: Future<Output = Result<T, E>>>(
        &self,
        rng: &mut (impl Rng + ?Sized),
        mut operation: impl FnMut(u32) -> Fut,
    ) -> Result<T, RetryError<E>> {
        let budget = self.budget.map(|budget| (budget, Instant::now()));
        let left = || budget.map(|(all, start)| all.saturating_sub(start.elapsed()));
        let mut attempts = 1;
        loop {
            let limit = self.limit.into_iter().chain(left()).min(); // the shorter one
            let last = match within(limit, operation(attempts)).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            match self.wait_after(attempts, &last, left(), rng) {
                Ok(wait) => sleep(wait).await,
                Err(reason) => return Err(RetryError { reason, attempts, last }),
            }
            // A wait ends late if its thread was blocked or its process stopped.
            if left().is_some_and(|left| left <= self.least) {
                return Err(RetryError { reason: GaveUp::BudgetSpent, attempts, last });
            }
            attempts += 1;
        }
    }
}
// ANCHOR_END: run

// ANCHOR: waits
impl Retry {
    /// The longest wait before the second attempt, before the third, and so on.
    pub fn waits(&self) -> impl Iterator<Item = Duration> + '_ {
        (1..self.attempts.get()).map(|n| Duration::from_millis(self.longest_after(n)))
    }

    /// In milliseconds: Tokio's timer knows nothing finer, and rounds up.
    fn longest_after(&self, attempt: u32) -> u64 {
        let growth = u128::from(self.factor.get()).saturating_pow(attempt - 1);
        let grown = self.base.as_nanos().saturating_mul(growth);
        whole_millis(grown.min(self.cap.as_nanos()))
    }

    fn wait_after<E: Transient>(
        &self,
        attempt: u32,
        failure: &Failure<E>,
        left: Option<Duration>,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Duration, GaveUp> {
        if !failure.transient() {
            return Err(GaveUp::Permanent);
        }
        if attempt == self.attempts.get() {
            return Err(GaveUp::Exhausted);
        }
        let asked = failure.retry_after().unwrap_or_default().as_nanos();
        let drawn = rng.random_range(0..=self.longest_after(attempt));
        let wait = Duration::from_millis(whole_millis(asked).saturating_add(drawn));
        match left {
            Some(left) if wait.saturating_add(self.least) >= left => {
                Err(GaveUp::BudgetSpent)
            }
            _ => Ok(wait),
        }
    }
}
// ANCHOR_END: waits

// ANCHOR: classes
impl<E: Transient> Transient for Failure<E> {
    /// No answer in time says nothing about the next attempt.
    fn transient(&self) -> bool {
        match self {
            Self::Error(error) => error.transient(),
            Self::TimedOut(_) => true,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Error(error) => error.retry_after(),
            Self::TimedOut(_) => None,
        }
    }
}

impl<E> Transient for RetryError<E> {
    /// Never: whoever gave up has tried. A retry around one does not multiply calls.
    fn transient(&self) -> bool {
        false
    }
}
// ANCHOR_END: classes

async fn within<T, E>(
    limit: Option<Duration>,
    attempt: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure<E>> {
    let Some(limit) = limit else { return attempt.await.map_err(Failure::Error) };
    match timeout(limit, attempt).await {
        Ok(result) => result.map_err(Failure::Error),
        Err(_) => Err(Failure::TimedOut(limit)),
    }
}

fn whole_millis(nanos: u128) -> u64 {
    u64::try_from(nanos.div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;

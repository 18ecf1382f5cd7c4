//! One moment until which all steps of a request must end.

use std::future::Future; // only edition 2021 needs this line
use std::time::Duration;

use policy::Retry;
use tokio::time::{Instant, timeout_at};

// ANCHOR: deadline
/// The moment until which somebody waits for an answer. A copy is the same moment.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Deadline {
    at: Instant,
}

impl Deadline {
    /// In `time` from now. If this is too late for an [`Instant`]: in 30 years.
    pub fn after(time: Duration) -> Self {
        let now = Instant::now();
        let in_30_years = now + Duration::from_hours(30 * 365 * 24);
        Self { at: now.checked_add(time).unwrap_or(in_30_years) }
    }

    /// How long it is until then: zero, if it has passed.
    pub fn left(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// The same, or `limit` from this call on, if this is sooner.
    #[must_use]
    pub fn at_most(self, limit: Duration) -> Self {
        self.min(Self::after(limit))
    }

    /// Earlier by `time`, which is kept for a later step.
    #[must_use]
    pub fn keep(self, time: Duration) -> Self {
        let now = Instant::now();
        Self { at: self.at.checked_sub(time).unwrap_or(now) }
    }
}
// ANCHOR_END: deadline

// ANCHOR: too_late
/// A step has no answer, because its time was up.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TooLate {
    /// The deadline had passed before: the step was not polled.
    #[error("{0}: no time was left, so it has not begun")]
    NotBegun(&'static str),
    /// The step was dropped at the deadline.
    #[error("{0}: it was dropped at its deadline")]
    Dropped(&'static str),
}
// ANCHOR_END: too_late

impl Deadline {
    // ANCHOR: run
    /// Runs `step` until the deadline. `name` is for the error.
    ///
    /// # Errors
    /// The time is up, before the step begins or while it waits.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    ///
    /// # Cancel safety
    /// If you drop this, the step is dropped too.
    pub async fn run<F: Future>(
        self,
        name: &'static str,
        step: F,
    ) -> Result<F::Output, TooLate> {
        let at = self.at;
        // ANCHOR: clock_first
        if self.left().is_zero() {
            return Err(TooLate::NotBegun(name));
        }
        timeout_at(at, step).await.map_err(|_| TooLate::Dropped(name))
        // ANCHOR_END: clock_first
    }
    // ANCHOR_END: run

    // ANCHOR: retry
    /// The same policy, but it ends at the deadline.
    pub fn retry(self, policy: &Retry) -> Retry {
        let own = policy.budget.unwrap_or(Duration::MAX);
        Retry { budget: Some(own.min(self.left())), ..policy.clone() }
    }
    // ANCHOR_END: retry
}

/// What most code starts with, kept to be measured against.
#[expect(clippy::missing_errors_doc, reason = "what goes wrong is on the page")]
pub mod naive {
    use tokio::time::error::Elapsed;
    use tokio::time::timeout;

    use super::*;

    /// Wrong: three steps have three times the limit, and the caller leaves after one.
    pub async fn three_steps<A: Future, B: Future, C: Future>(
        limit: Duration,
        stock: impl FnOnce() -> A,
        price: impl FnOnce() -> B,
        courier: impl FnOnce() -> C,
    ) -> Result<(A::Output, B::Output, C::Output), Elapsed> {
        // ANCHOR: each
        let stock = timeout(limit, stock()).await?;
        let price = timeout(limit, price()).await?;
        let courier = timeout(limit, courier()).await?;
        // ANCHOR_END: each
        Ok((stock, price, courier))
    }

    /// Wrong: a step that is ready at its first poll is done, however late it is.
    pub async fn run<F: Future>(
        at: Instant,
        name: &'static str,
        step: F,
    ) -> Result<F::Output, TooLate> {
        // ANCHOR: timeout_at
        timeout_at(at, step).await.map_err(|_| TooLate::Dropped(name))
        // ANCHOR_END: timeout_at
    }
}

#[cfg(test)]
mod tests;

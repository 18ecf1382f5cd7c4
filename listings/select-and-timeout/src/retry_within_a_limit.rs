//! Tries again, and ends within a limit for all of it.

use std::future::Future; // only edition 2021 needs this line
use std::time::Duration;

use policy::{Retry, RetryError, Transient};
use rand::Rng;

// ANCHOR: run_within
/// Runs `retry` with its own limits, and all of it within `total`.
///
/// # Errors
/// How many attempts there were, why no other followed, and how the last one failed.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, the attempt that runs is dropped, and no other follows. The other
/// side may have done its work.
pub async fn run_within<T, E: Transient, Fut: Future<Output = Result<T, E>>>(
    total: Duration,
    retry: &Retry,
    rng: &mut impl Rng,
    call: impl FnMut(u32) -> Fut,
) -> Result<T, RetryError<E>> {
    // ANCHOR: budget
    let own = retry.budget.unwrap_or(total); // the shorter one counts
    let retry = Retry { budget: Some(total.min(own)), ..retry.clone() };
    retry.run(rng, call).await
    // ANCHOR_END: budget
}
// ANCHOR_END: run_within

// ANCHOR: longest
/// How long `retry` may take. `None`: for ever, because neither an attempt nor the
/// whole has a limit.
///
/// Without a budget, a wait that the service asks for is not counted.
pub fn longest(retry: &Retry) -> Option<Duration> {
    let attempts = |limit: Duration| limit.saturating_mul(retry.attempts.get());
    let waits = retry.waits().fold(Duration::ZERO, Duration::saturating_add);
    let all = retry.limit.map(|limit| attempts(limit).saturating_add(waits));
    all.into_iter().chain(retry.budget).min()
}
// ANCHOR_END: longest

/// What most code starts with, kept to be measured against.
#[expect(clippy::missing_errors_doc, reason = "what goes wrong is on the page")]
pub mod naive {
    use tokio::time::error::Elapsed;
    use tokio::time::{sleep, timeout};

    use super::*;

    /// Wrong: nothing limits all attempts together. It also waits after the last one.
    pub async fn four_times<T, E, Fut: Future<Output = Result<T, E>>>(
        mut ask: impl FnMut() -> Fut,
    ) -> Option<T> {
        // ANCHOR: four
        let limit = Duration::from_secs(1);
        let mut wait = Duration::from_millis(500);
        for _ in 0..4 {
            if let Ok(Ok(answer)) = timeout(limit, ask()).await {
                return Some(answer);
            }
            sleep(wait).await;
            wait *= 2;
        }
        None
        // ANCHOR_END: four
    }

    /// Wrong: the limit drops the retry with its last error, and may do so in a wait.
    pub async fn run_within<T, E: Transient, Fut: Future<Output = Result<T, E>>>(
        total: Duration,
        retry: &Retry,
        rng: &mut impl Rng,
        call: impl FnMut(u32) -> Fut,
    ) -> Result<Result<T, RetryError<E>>, Elapsed> {
        // ANCHOR: around
        let retry = Retry { budget: None, ..retry.clone() };
        timeout(total, retry.run(rng, call)).await
        // ANCHOR_END: around
    }
}

#[cfg(test)]
mod tests;

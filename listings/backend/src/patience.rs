//! Ends a proof that would wait for ever where its promise is broken.
//!
//! Support: no page shows this file.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

/// What takes a day of the paused clock would take for ever.
const DAY: Duration = Duration::from_hours(24);

/// What takes a minute of the real clock hangs, however busy the machine is.
const MINUTE: Duration = Duration::from_mins(1);

/// What `future` gives.
///
/// # Panics
/// When it has not ended after a day of its clock; or outside a Tokio runtime.
pub async fn ends<F: Future>(future: F) -> F::Output {
    timeout(DAY, future).await.expect("it ends within a day of its clock")
}

/// What `future` gives, for proofs on the real clock: nothing is measured, this only ends a proof that hangs.
///
/// # Panics
/// When it has not ended within a minute; or outside a Tokio runtime.
pub async fn soon<F: Future>(future: F) -> F::Output {
    timeout(MINUTE, future).await.expect("it ends within a minute")
}

#[cfg(test)]
mod tests;

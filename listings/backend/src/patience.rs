//! Ends a proof that would wait for ever where its promise is broken.
//!
//! Support: no page shows this file.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

/// What takes a day of the paused clock would take for ever.
const DAY: Duration = Duration::from_hours(24);

/// What `future` gives.
///
/// # Panics
/// When it has not ended after a day of its clock; or outside a Tokio runtime.
pub async fn ends<F: Future>(future: F) -> F::Output {
    timeout(DAY, future).await.expect("it ends within a day of its clock")
}

#[cfg(test)]
mod tests;

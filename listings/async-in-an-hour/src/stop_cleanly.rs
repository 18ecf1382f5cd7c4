//! Stop cleanly: ask a task to stop, and wait until it has.

use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;

/// Asks `task` to stop by its token, and waits until it has.
///
/// # Errors
/// The task has panicked, or somebody has aborted it.
///
/// # Cancel safety
/// Dropping this leaves a task that was asked, and that nobody waits for.
pub async fn stop_and_wait(
    stop: CancellationToken,
    task: JoinHandle<()>,
) -> Result<(), JoinError> {
    // ANCHOR: wait
    stop.cancel();
    task.await?;
    println!("stopped");
    // ANCHOR_END: wait
    Ok(())
}

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: asks `task` to stop, and does not wait until it has.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unused_async, reason = "that it never waits is what is wrong")]
    pub async fn stop_and_wait(
        stop: CancellationToken,
        _task: JoinHandle<()>,
    ) -> Result<(), JoinError> {
        // ANCHOR: ask_only
        stop.cancel();
        println!("stopped");
        // ANCHOR_END: ask_only
        Ok(())
    }
}

#[cfg(test)]
mod tests;

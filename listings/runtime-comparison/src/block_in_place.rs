//! Wait for a future in a function that is not async, which a task calls: `block_in_place`.

use std::future::Future; // only edition 2021 needs this line

use tokio::runtime::{Handle, RuntimeFlavor, TryCurrentError};
use tokio::sync::{AcquireError, Semaphore};
use tokio::task::block_in_place;

/// Waits for `future`, and blocks the thread meanwhile. The other tasks of this thread go to another one.
///
/// # Errors
/// The runtime has one thread, so nobody else could run its tasks; or there is no runtime.
///
/// # Panics
/// In a `LocalSet`.
///
/// # Cancel safety
/// Nothing can drop it: it has no await. An abort of the task takes effect at the next await of the task.
// ANCHOR: wait_for
pub fn wait_for<F: Future>(future: F) -> Result<F::Output, CannotWait> {
    let runtime = several_threads()?;
    Ok(block_in_place(|| runtime.block_on(future)))
}

fn several_threads() -> Result<Handle, CannotWait> {
    let runtime = Handle::try_current()?;
    if runtime.runtime_flavor() != RuntimeFlavor::MultiThread {
        return Err(CannotWait::OneThread); // block_in_place would panic
    }
    Ok(runtime)
}
// ANCHOR_END: wait_for

// ANCHOR: cannot_wait
/// This thread cannot wait.
#[derive(Debug, thiserror::Error)]
pub enum CannotWait {
    /// It is the only one, and must run the tasks.
    #[error("the runtime has only this thread")]
    OneThread,
    /// Nobody would wake it.
    #[error(transparent)]
    NoRuntime(#[from] TryCurrentError),
    /// There are no more permits.
    #[error("the semaphore is closed")]
    Closed(#[from] AcquireError),
}
// ANCHOR_END: cannot_wait

/// Blocks the thread with `work`, when it gets one of `permits`. `work` may borrow.
///
/// # Errors
/// As [`wait_for`]; or `permits` was closed before.
///
/// # Panics
/// In a `LocalSet`; if `work` panics.
///
/// # Cancel safety
/// If you drop this, `work` has not begun. Once begun, it runs to its end.
// ANCHOR: in_place_limited
pub async fn in_place_limited<T>(
    permits: &Semaphore,
    work: impl FnOnce() -> T,
) -> Result<T, CannotWait> {
    several_threads()?; // else block_in_place would panic
    let _permit = permits.acquire().await?; // the only place where a drop can stop it
    Ok(block_in_place(work))
}
// ANCHOR_END: in_place_limited

/// How it goes wrong.
pub mod naive {
    use super::*;

    /// Wrong: panics in async code.
    ///
    /// # Errors
    /// There is no runtime.
    pub fn block_on_in_a_task<F: Future>(future: F) -> Result<F::Output, CannotWait> {
        // ANCHOR: block_on
        let runtime = Handle::try_current()?;
        Ok(runtime.block_on(future))
        // ANCHOR_END: block_on
    }
}

#[cfg(test)]
mod tests;

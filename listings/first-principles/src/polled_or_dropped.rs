//! A future moves only when it is polled, a task moves by itself, and to cancel is to drop.

use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use tokio::runtime::Handle;
use tokio::sync::Mutex;

// ANCHOR: accounts
/// Two balances that belong together: what leaves one arrives in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accounts {
    /// Where the money comes from.
    pub from: u64,
    /// Where it goes to.
    pub to: u64,
}

impl Accounts {
    /// The balances after `amount` has moved; `None` if they do not allow it.
    #[must_use]
    pub fn after_moving(self, amount: u64) -> Option<Self> {
        let from = self.from.checked_sub(amount)?;
        let to = self.to.checked_add(amount)?;
        Some(Self { from, to })
    }
}
// ANCHOR_END: accounts

// ANCHOR: transfer_error
/// Why nothing has moved.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferError<E: Error + 'static> {
    /// The approval says so.
    #[error("the transfer was not approved")]
    Refused(#[source] E),
    /// One account has too little, or the other has no room.
    #[error("the balances do not allow a transfer of {amount}")]
    Balance {
        /// What was to be moved.
        amount: u64,
    },
}
// ANCHOR_END: transfer_error

// ANCHOR: one_step
/// Moves `amount` from one account to the other, once `approval` is there.
///
/// # Errors
/// The approval fails, or the balances do not allow it. Nothing has moved then.
///
/// # Cancel safety
/// If you drop it before it returns, it has moved nothing and holds nothing. It drops
/// the approval, and its place in the queue for the lock.
pub async fn transfer<E: Error + 'static>(
    accounts: &Mutex<Accounts>,
    amount: u64,
    approval: impl Future<Output = Result<(), E>>,
) -> Result<(), TransferError<E>> {
    // ANCHOR: await_first
    // May be dropped here: it has changed nothing and holds nothing.
    approval.await.map_err(TransferError::Refused)?;
    // May be dropped here: it has changed nothing, and loses its place in the queue.
    let mut accounts = accounts.lock().await;
    // No await below, so nobody can drop it between the two changes.
    let after = accounts.after_moving(amount);
    *accounts = after.ok_or(TransferError::Balance { amount })?;
    Ok(())
    // ANCHOR_END: await_first
}
// ANCHOR_END: one_step

// ANCHOR: clean_up
/// Clean-up that has to wait: `finish` runs it. If nobody calls that, a task does.
#[must_use = "if you drop it at once, the clean-up begins at once"]
#[derive(Debug)]
pub struct CleanUp<F: Future<Output = ()> + Send + 'static> {
    work: Option<Pin<Box<F>>>,
}

impl<F: Future<Output = ()> + Send + 'static> CleanUp<F> {
    /// Keeps `work` for the end.
    pub fn new(work: F) -> Self {
        Self { work: Some(Box::pin(work)) }
    }

    /// Runs the clean-up, on the path that ends well.
    ///
    /// # Panics
    /// When the clean-up does; it is not run again then.
    ///
    /// # Cancel safety
    /// If you drop this at any await, a task does the rest of the clean-up.
    pub async fn finish(mut self) {
        poll_fn(|cx| {
            let Some(mut work) = self.work.take() else { return Poll::Ready(()) };
            let end = work.as_mut().poll(cx); // a panic drops `work`
            if end.is_pending() {
                self.work = Some(work); // for the next poll, or for `drop`
            }
            end
        })
        .await;
    }
}
// ANCHOR_END: clean_up

// ANCHOR: clean_up_drop
impl<F: Future<Output = ()> + Send + 'static> Drop for CleanUp<F> {
    fn drop(&mut self) {
        let Some(work) = self.work.take() else { return };
        // Outside of a runtime, `tokio::spawn` would panic. If this drop is part of
        // another panic, that would abort the process.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(work);
        }
        // Outside of a runtime, nobody could run the clean-up, and it is dropped.
    }
}
// ANCHOR_END: clean_up_drop

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    // ANCHOR: await_in_between
    /// Wrong: dropped while it waits for the approval, it has taken and not given.
    ///
    /// # Errors
    /// The approval fails, or the balances do not allow it.
    pub async fn transfer<E: Error + 'static>(
        accounts: &Mutex<Accounts>,
        amount: u64,
        approval: impl Future<Output = Result<(), E>>,
    ) -> Result<(), TransferError<E>> {
        let mut accounts = accounts.lock().await;
        if accounts.after_moving(amount).is_none() {
            return Err(TransferError::Balance { amount });
        }
        // ANCHOR: between
        accounts.from -= amount;
        if let Err(error) = approval.await {
            accounts.from += amount; // refused: it gives the money back
            return Err(TransferError::Refused(error));
        }
        accounts.to += amount;
        // ANCHOR_END: between
        Ok(())
    }
    // ANCHOR_END: await_in_between
}

#[cfg(test)]
mod tests;

//! What a task may own: `'static`, `Send`, task-locals and spans.

use std::future::Future; // only edition 2021 needs this line
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::SendError;
use tokio::task::JoinHandle;
use tokio::task_local;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

/// A shop that hands its receipts to whoever sends mails.
#[derive(Debug)]
pub struct Shop {
    name: String,
    mails: mpsc::Sender<String>,
}

/// What sending a receipt gives: an error if nobody sends mails any more.
pub type Receipt = Result<(), SendError<String>>;

impl Shop {
    /// A shop of this name.
    pub fn new(name: impl Into<String>, mails: mpsc::Sender<String>) -> Self {
        Self { name: name.into(), mails }
    }

    /// Sends a receipt.
    ///
    /// # Errors
    /// Nobody receives mails.
    ///
    /// # Cancel safety
    /// If you drop this where it waits for a free place, the receipt is not sent.
    pub async fn send_receipt(&self, order: u32) -> Receipt {
        self.mails.send(format!("{}: receipt {order}", self.name)).await
    }

    /// Sends a receipt in a task, which shares the shop with its other owners.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    // ANCHOR: task_of_a_share
    pub fn accept(self: &Arc<Self>, order: u32) -> JoinHandle<Receipt> {
        let shop = Arc::clone(self);
        tokio::spawn(async move { shop.send_receipt(order).await })
    }
    // ANCHOR_END: task_of_a_share
}

/// Counts a receipt, and then sends it, in a task. Dropping the handle aborts the task.
///
/// # Panics
/// Outside a Tokio runtime.
pub fn count_in_a_block(
    receipts: Arc<Mutex<u32>>,
    send: impl Future<Output = ()> + Send + 'static,
) -> AbortOnDropHandle<()> {
    // ANCHOR: guard_in_a_block
    let task = tokio::spawn(async move {
        {
            let mut total = receipts.lock().expect("no panic");
            *total += 1;
        }
        send.await;
    });
    // ANCHOR_END: guard_in_a_block
    AbortOnDropHandle::new(task)
}

// ANCHOR: request_local
task_local! {
    /// The id of the request that this code works for.
    pub static REQUEST: u64;
}

/// Spawns `work` with the request id of the caller, if the caller has one. Dropping the
/// handle aborts the task.
///
/// # Panics
/// Outside a Tokio runtime.
pub fn spawn_for_request<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> AbortOnDropHandle<T> {
    AbortOnDropHandle::new(match REQUEST.try_get() {
        Ok(id) => tokio::spawn(REQUEST.scope(id, work)),
        Err(_) => tokio::spawn(work), // the caller has no request
    })
}
// ANCHOR_END: request_local

/// Spawns `work` in the span of the caller. Dropping the handle aborts the task.
///
/// # Panics
/// Outside a Tokio runtime.
pub fn spawn_in_span<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> AbortOnDropHandle<T> {
    // ANCHOR: in_the_span
    let task = tokio::spawn(work.in_current_span());
    // ANCHOR_END: in_the_span
    AbortOnDropHandle::new(task)
}

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: the task has no request id.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn spawn_for_request<T: Send + 'static>(
        work: impl Future<Output = T> + Send + 'static,
    ) -> AbortOnDropHandle<T> {
        AbortOnDropHandle::new(tokio::spawn(work))
    }

    /// Wrong: the task is in no span.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn spawn_in_span<T: Send + 'static>(
        work: impl Future<Output = T> + Send + 'static,
    ) -> AbortOnDropHandle<T> {
        // ANCHOR: in_no_span
        let task = tokio::spawn(work);
        // ANCHOR_END: in_no_span
        AbortOnDropHandle::new(task)
    }
}

#[cfg(test)]
mod tests;

//! An actor: one task owns the state, and works on one request at a time.

use std::fmt;
use std::future::Future; // only edition 2021 needs this line
use std::num::NonZeroUsize;

use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

// ANCHOR: actor
/// Owns a state, and works on one request at a time.
pub trait Actor: Send + 'static {
    /// An enum: one variant for each request, with an `oneshot::Sender` for the answer.
    type Request: Send + 'static;

    /// Works on one request. The next one begins when this has ended.
    fn handle(&mut self, request: Self::Request) -> impl Future<Output = ()> + Send;
}
// ANCHOR_END: actor

// ANCHOR: gone
/// The actor has ended, or is about to end.
#[derive(PartialEq, Eq, thiserror::Error)]
pub enum Gone<R> {
    /// The request was not carried out. Here it is again.
    #[error("the actor takes no more requests")]
    NotTaken(R),
    /// The request may have been carried out, in part or as a whole.
    #[error("the actor has ended without an answer")]
    NoAnswer,
}

// By hand, so that a request need not be `Debug`.
impl<R> fmt::Debug for Gone<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotTaken(_) => "NotTaken",
            Self::NoAnswer => "NoAnswer",
        })
    }
}
// ANCHOR_END: gone

// ANCHOR: handle
/// Sends requests to an actor. Each caller has a clone. When all of them are dropped,
/// the actor works off its queue, and ends.
pub struct Handle<R> {
    queue: mpsc::Sender<R>,
    ended: CancellationToken,
}

// By hand, so that a request need not be `Clone`.
impl<R> Clone for Handle<R> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), ended: self.ended.clone() }
    }
}
// ANCHOR_END: handle

// ANCHOR: ask
impl<R> Handle<R> {
    /// Sends the request that `request` makes, and waits for its answer. Waits for room
    /// first, if the queue is full.
    ///
    /// # Errors
    /// The actor has ended, or ends before it answers.
    ///
    /// # Cancel safety
    /// If this is dropped while it waits for room, the request is not sent. If it is
    /// dropped later, the request is carried out, and its answer is dropped.
    pub async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> R,
    ) -> Result<T, Gone<R>> {
        let (sender, mut answer) = oneshot::channel();
        match self.queue.reserve().await {
            Ok(place) => place.send(request(sender)),
            Err(_closed) => return Err(Gone::NotTaken(request(sender))),
        }
        // A request sent at the moment of the end stays in the queue: nobody drops it.
        match self.ended.run_until_cancelled(&mut answer).await {
            Some(Ok(answer)) => Ok(answer),
            _ => answer.try_recv().map_err(|_none| Gone::NoAnswer),
        }
    }
}
// ANCHOR_END: ask

// ANCHOR: tell
impl<R> Handle<R> {
    /// Sends a request, and does not wait for an answer. Waits while the queue is full.
    ///
    /// # Errors
    /// The actor takes no more requests.
    ///
    /// # Cancel safety
    /// If this is dropped while it waits, the request is dropped, and was not sent.
    pub async fn tell(&self, request: R) -> Result<(), Gone<R>> {
        let sent = self.queue.send(request).await;
        sent.map_err(|error| Gone::NotTaken(error.0))
    }
}
// ANCHOR_END: tell

// ANCHOR: weak
/// A handle that does not keep its actor alive: for the actor itself.
pub struct WeakHandle<R> {
    queue: mpsc::WeakSender<R>,
    ended: CancellationToken,
}

impl<R> WeakHandle<R> {
    /// A handle, unless all others are dropped already.
    #[must_use]
    pub fn upgrade(&self) -> Option<Handle<R>> {
        let queue = self.queue.upgrade()?;
        Some(Handle { queue, ended: self.ended.clone() })
    }
}
// ANCHOR_END: weak

// ANCHOR: owner
/// Owns the task of an actor, and aborts it when dropped. The call that is under way
/// and those in the queue then return [`Gone`].
#[must_use = "if this is dropped, the actor is aborted"]
pub struct Owner<A> {
    task: AbortOnDropHandle<A>,
    closing: CancellationToken,
}

impl<A> Owner<A> {
    /// Asks the actor to end. It works off its queue, takes no more, and its state is
    /// returned.
    ///
    /// # Errors
    /// The actor has panicked.
    ///
    /// # Cancel safety
    /// If this is dropped, the actor is aborted at the await where it waits.
    pub async fn shutdown(self) -> Result<A, JoinError> {
        self.closing.cancel();
        self.task.await
    }

    /// Waits until the actor has ended because all handles are dropped. Returns its
    /// state.
    ///
    /// # Errors
    /// The actor has panicked.
    ///
    /// # Cancel safety
    /// If this is dropped, the actor is aborted at the await where it waits.
    pub async fn join(self) -> Result<A, JoinError> {
        self.task.await
    }
}
// ANCHOR_END: owner

// ANCHOR: start
/// Starts the task of an actor. At most `places` requests wait in its queue.
///
/// # Panics
/// Outside a Tokio runtime.
pub fn start<A: Actor>(
    places: NonZeroUsize,
    actor: A,
) -> (Handle<A::Request>, Owner<A>) {
    start_with(places, |_itself| actor)
}

/// Does the same, and gives `make` a handle to the actor that it makes.
///
/// # Panics
/// Outside a Tokio runtime.
pub fn start_with<A: Actor>(
    places: NonZeroUsize,
    make: impl FnOnce(WeakHandle<A::Request>) -> A,
) -> (Handle<A::Request>, Owner<A>) {
    // A Tokio channel panics if it is asked for more places.
    let (queue, requests) = mpsc::channel(places.get().min(Semaphore::MAX_PERMITS));
    let (ended, closing) = (CancellationToken::new(), CancellationToken::new());
    let itself = WeakHandle { queue: queue.downgrade(), ended: ended.clone() };
    let task = run(make(itself), requests, closing.clone(), ended.clone());
    let task = AbortOnDropHandle::new(tokio::spawn(task));
    (Handle { queue, ended }, Owner { task, closing })
}
// ANCHOR_END: start

// ANCHOR: run
async fn run<A: Actor>(
    mut actor: A,
    mut requests: mpsc::Receiver<A::Request>,
    closing: CancellationToken,
    ended: CancellationToken,
) -> A {
    let _ended = ended.drop_guard(); // also after a panic, and after an abort
    while let Some(request) = next(&mut requests, &closing).await {
        actor.handle(request).await;
    }
    actor
}

/// The next request. `None` if no more can come: all handles are dropped, or the
/// owner asked for the end, and the queue is empty.
async fn next<R>(
    requests: &mut mpsc::Receiver<R>,
    closing: &CancellationToken,
) -> Option<R> {
    if let Some(next) = closing.run_until_cancelled(requests.recv()).await {
        return next;
    }
    requests.close(); // from now on, `recv` gives what is in the queue, then `None`
    requests.recv().await
}
// ANCHOR_END: run

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;
    use tokio::sync::Mutex;

    /// Wrong: if the caller is dropped while it writes, a number is taken for nothing.
    pub async fn next_invoice<Fut: Future<Output = ()>>(
        last: &Mutex<u32>,
        write: impl FnOnce(u32) -> Fut,
    ) -> u32 {
        // ANCHOR: cut_off
        let mut last = last.lock().await;
        *last += 1;
        write(*last).await; // a timeout drops this function here
        *last
        // ANCHOR_END: cut_off
    }
}

#[cfg(test)]
mod tests;

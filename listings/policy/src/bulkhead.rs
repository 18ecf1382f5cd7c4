//! So many calls at the same time, so many callers that wait, and none for too long.

use std::future::Future; // only edition 2021 needs this line
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use policy::retry::Transient;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::task::JoinHandle;
use tokio::time::timeout;

// ANCHOR: limits
/// How many calls run, how many callers wait, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most calls that run at the same time.
    pub calls: NonZeroUsize,
    /// The most callers that wait for their turn. With 0, nobody waits.
    pub queue: usize,
    /// The longest that one of them waits.
    pub longest_wait: Duration,
}
// ANCHOR_END: limits

// ANCHOR: refused
/// The call was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No permit is free, and nobody else may wait.
    #[error("too many calls at the same time")]
    Full,
    /// Its turn has not come in this time.
    #[error("no turn within {0:?}")]
    WaitedTooLong(Duration),
    /// Somebody has closed the bulkhead.
    #[error("no more calls are made: the bulkhead is closed")]
    Closed,
}

/// There is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BulkheadError<E> {
    /// The call was not made.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The call was made, and has failed.
    #[error(transparent)]
    Call(E),
}
// ANCHOR_END: refused

// ANCHOR: transient
impl Transient for Refused {
    /// A place may be free a moment later. A closed bulkhead stays closed.
    fn transient(&self) -> bool {
        *self != Self::Closed
    }
}

impl<E: Transient> Transient for BulkheadError<E> {
    fn transient(&self) -> bool {
        match self {
            Self::Refused(refused) => refused.transient(),
            Self::Call(error) => error.transient(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refused) => refused.retry_after(),
            Self::Call(error) => error.retry_after(),
        }
    }
}
// ANCHOR_END: transient

// ANCHOR: bulkhead
/// Lets so many calls run at the same time. Clones share one limit.
#[derive(Clone, Debug)]
pub struct Bulkhead {
    limits: Limits,
    /// One permit for each call that may run.
    running: Arc<Semaphore>,
    /// One permit for each caller that may wait.
    queue: Arc<Semaphore>,
}

/// The right to make one call. Drop it when the call has ended.
#[must_use = "a permit that is dropped at once limits nothing"]
#[derive(Debug)]
pub struct Permit {
    _permit: OwnedSemaphorePermit,
}

impl Bulkhead {
    /// All places are free. It needs no runtime.
    pub fn new(limits: Limits) -> Self {
        // A Tokio semaphore panics if it is asked for more permits.
        let semaphore = |permits: usize| {
            Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)))
        };
        let (running, queue) = (semaphore(limits.calls.get()), semaphore(limits.queue));
        Self { limits, running, queue }
    }
}
// ANCHOR_END: bulkhead

// ANCHOR: call
impl Bulkhead {
    /// Makes one call: waits for a turn, and then runs what `call` returns.
    ///
    /// # Errors
    /// The call was refused, and not made; or it was made, and has failed.
    ///
    /// # Panics
    /// If it has to wait outside a Tokio runtime, or in one without a timer.
    ///
    /// # Cancel safety
    /// If this is dropped while it waits, the call is not made, and the next caller
    /// moves up. If it is dropped while the call runs, the call is dropped first, and
    /// then its place is free.
    pub async fn call<T, E, Fut>(
        &self,
        call: impl FnOnce() -> Fut,
    ) -> Result<T, BulkheadError<E>>
    where
        Fut: Future<Output = Result<T, E>>,
    {
        // ANCHOR: counted_by_a_permit
        let _permit = self.acquire().await?;
        call().await.map_err(BulkheadError::Call)
        // ANCHOR_END: counted_by_a_permit
    }
}
// ANCHOR_END: call

// ANCHOR: acquire
impl Bulkhead {
    /// Waits for the right to make one call, no longer than `longest_wait`.
    ///
    /// # Errors
    /// No place is free in the queue either; the wait was too long; or it is closed.
    ///
    /// # Panics
    /// If it has to wait outside a Tokio runtime, or in one without a timer.
    ///
    /// # Cancel safety
    /// If this is dropped, it holds nothing, and the next caller moves up. Whoever
    /// calls again is the last in the queue.
    pub async fn acquire(&self) -> Result<Permit, Refused> {
        match self.try_acquire() {
            Err(Refused::Full) => {}
            at_once => return at_once,
        }
        // It has a name, so the place in the queue is ours until the function returns.
        let Ok(_place) = self.queue.try_acquire() else { return Err(Refused::Full) };
        let turn = Arc::clone(&self.running).acquire_owned();
        match timeout(self.limits.longest_wait, turn).await {
            Ok(Ok(permit)) => Ok(Permit { _permit: permit }),
            Ok(Err(_closed)) => Err(Refused::Closed),
            Err(_elapsed) => Err(Refused::WaitedTooLong(self.limits.longest_wait)),
        }
    }
}
// ANCHOR_END: acquire

// ANCHOR: try_acquire
impl Bulkhead {
    /// Takes the right to make one call if a place is free now, and nobody waits.
    ///
    /// # Errors
    /// No place is free, or the bulkhead is closed.
    pub fn try_acquire(&self) -> Result<Permit, Refused> {
        // ANCHOR: full_or_closed
        match Arc::clone(&self.running).try_acquire_owned() {
            Ok(permit) => Ok(Permit { _permit: permit }),
            Err(TryAcquireError::NoPermits) => Err(Refused::Full),
            Err(TryAcquireError::Closed) => Err(Refused::Closed),
        }
        // ANCHOR_END: full_or_closed
    }
}
// ANCHOR_END: try_acquire

// ANCHOR: close
impl Bulkhead {
    /// Refuses all callers from now on, also those that wait. Calls that run go on.
    pub fn close(&self) {
        self.running.close();
    }

    /// How many calls run now.
    pub fn running(&self) -> usize {
        let all = self.limits.calls.get().min(Semaphore::MAX_PERMITS);
        all - self.running.available_permits()
    }

    /// How many callers wait now.
    pub fn waiting(&self) -> usize {
        let all = self.limits.queue.min(Semaphore::MAX_PERMITS);
        all - self.queue.available_permits()
    }
}
// ANCHOR_END: close

/// Runs `work` in a task of its own, in one of the places of `bulkhead`.
///
/// # Errors
/// No place was free, and `work` was not begun.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If this is dropped, `work` was not begun. Dropping the handle does not stop it.
pub async fn spawn_within<Fut>(
    bulkhead: &Bulkhead,
    work: Fut,
) -> Result<JoinHandle<Fut::Output>, Refused>
where
    Fut: Future<Output: Send + 'static> + Send + 'static,
{
    // ANCHOR: permit_in_the_work
    let permit = bulkhead.acquire().await?;
    let work = async move {
        let _permit = permit; // dropped when the work has ended
        work.await
    };
    Ok(tokio::spawn(work))
    // ANCHOR_END: permit_in_the_work
}

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::AcquireError;

    /// Wrong: one limit for all services, and no limit to the wait.
    ///
    /// # Errors
    /// The semaphore is closed.
    pub async fn one_for_all<Fut: Future>(
        places: &Semaphore,
        call: Fut,
    ) -> Result<Fut::Output, AcquireError> {
        // ANCHOR: one_for_all
        let _permit = places.acquire().await?;
        Ok(call.await)
        // ANCHOR_END: one_for_all
    }

    /// Wrong: what is counted by hand is not counted down if the call is dropped.
    #[derive(Debug)]
    pub struct Counted {
        running: AtomicUsize,
        most: usize,
    }

    impl Counted {
        /// So many calls at the same time.
        pub fn new(most: usize) -> Self {
            Self { running: AtomicUsize::new(0), most }
        }

        /// Makes one call.
        ///
        /// # Errors
        /// The call was refused, or has failed.
        pub async fn call<T, E, Fut>(
            &self,
            call: impl FnOnce() -> Fut,
        ) -> Result<T, BulkheadError<E>>
        where
            Fut: Future<Output = Result<T, E>>,
        {
            // ANCHOR: counted_by_hand
            if self.running.fetch_add(1, Ordering::SeqCst) >= self.most {
                self.running.fetch_sub(1, Ordering::SeqCst);
                return Err(Refused::Full.into());
            }
            let answer = call().await;
            self.running.fetch_sub(1, Ordering::SeqCst);
            answer.map_err(BulkheadError::Call)
            // ANCHOR_END: counted_by_hand
        }
    }

    /// Wrong: the permit is dropped here, while the task runs on.
    ///
    /// # Errors
    /// No place was free, and `work` was not begun.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub async fn spawn_within<Fut>(
        bulkhead: &Bulkhead,
        work: Fut,
    ) -> Result<JoinHandle<Fut::Output>, Refused>
    where
        Fut: Future<Output: Send + 'static> + Send + 'static,
    {
        // ANCHOR: permit_at_the_caller
        let _permit = bulkhead.acquire().await?;
        Ok(tokio::spawn(work))
        // ANCHOR_END: permit_at_the_caller
    }

    /// Wrong: who asks again after this error may ask for ever.
    ///
    /// # Errors
    /// No place is free, or the semaphore is closed: nobody can tell.
    pub fn try_acquire(
        running: &Arc<Semaphore>,
    ) -> Result<OwnedSemaphorePermit, Refused> {
        // ANCHOR: all_is_full
        Arc::clone(running).try_acquire_owned().map_err(|_| Refused::Full)
        // ANCHOR_END: all_is_full
    }
}

#[cfg(test)]
mod tests;

//! A limit that moves: up while answers come in time, down when they come late.

use std::future::Future; // only edition 2021 needs this line
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use policy::bulkhead::{BulkheadError, Refused};
use tokio::time::Instant;

// ANCHOR: limit
/// Additive increase, multiplicative decrease: one call more while answers come in
/// time, a quarter fewer when one is late. Clones share one limit.
#[derive(Clone, Debug)]
pub struct AdaptiveLimit {
    most: usize,
    late: Duration,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    limit: usize,
    running: usize,
    /// Answers in time since the limit has changed.
    in_time: usize,
    /// Whether as many calls have run since then as may.
    used: bool,
    lowered: Option<Instant>,
}

/// The right to make one call. Drop it when the call has ended, however it ends.
#[must_use = "a permit that is dropped at once limits nothing"]
#[derive(Debug)]
pub struct AdaptivePermit {
    limit: AdaptiveLimit,
    began: Instant,
    answered: bool,
}
// ANCHOR_END: limit

// ANCHOR: new
impl AdaptiveLimit {
    /// A limit that begins at 1, and is never more than `most`. A call that takes
    /// longer than `late` says that the service has too much to do.
    pub fn new(most: NonZeroUsize, late: Duration) -> Self {
        let state =
            State { limit: 1, running: 0, in_time: 0, used: false, lowered: None };
        Self { most: most.get(), late, state: Arc::new(Mutex::new(state)) }
    }

    /// How many calls may run now.
    pub fn limit(&self) -> usize {
        self.state().limit
    }

    /// How many calls run now. They are more than the limit after it was lowered.
    pub fn running(&self) -> usize {
        self.state().running
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AdaptivePermit {
    /// The service has done what it was asked for. An error that comes in time, and a
    /// call that is dropped in time, say nothing about how much it has to do.
    pub fn answered(&mut self) {
        self.answered = true;
    }
}
// ANCHOR_END: new

// ANCHOR: call
impl AdaptiveLimit {
    /// Makes one call, if the limit allows it now. Nobody waits.
    ///
    /// # Errors
    /// As many calls run as may; or the call was made, and has failed.
    ///
    /// # Cancel safety
    /// If this is dropped, the call is dropped first, and then its place is free. If
    /// it was late already, the limit is lowered.
    pub async fn call<T, E, Fut>(
        &self,
        call: impl FnOnce() -> Fut,
    ) -> Result<T, BulkheadError<E>>
    where
        Fut: Future<Output = Result<T, E>>,
    {
        let mut permit = self.try_acquire()?;
        let answer = call().await.map_err(BulkheadError::Call)?;
        permit.answered();
        Ok(answer)
    }

    /// Takes the right to make one call, if the limit allows it now.
    ///
    /// # Errors
    /// As many calls run as may.
    pub fn try_acquire(&self) -> Result<AdaptivePermit, Refused> {
        let mut state = self.state();
        if state.running >= state.limit {
            return Err(Refused::Full);
        }
        state.running += 1;
        state.used |= state.running == state.limit;
        drop(state);
        let (limit, began) = (self.clone(), Instant::now());
        Ok(AdaptivePermit { limit, began, answered: false })
    }
}
// ANCHOR_END: call

// ANCHOR: moves
impl Drop for AdaptivePermit {
    fn drop(&mut self) {
        let mut state = self.limit.state();
        if self.began.elapsed() > self.limit.late {
            state.lower(self.began);
        } else if self.answered {
            state.raise(self.limit.most);
        }
        state.running -= 1;
    }
}

impl State {
    fn raise(&mut self, most: usize) {
        self.in_time += 1;
        // A limit that nobody has reached says nothing.
        if self.used && self.in_time >= self.limit {
            self.change(most.min(self.limit + 1));
        }
    }

    fn lower(&mut self, began: Instant) {
        // A late call that began before the last fall does not lower it again.
        if self.lowered.is_none_or(|lowered| began >= lowered) {
            self.change(1.max(self.limit - self.limit.div_ceil(4)));
            self.lowered = Some(Instant::now());
        }
    }

    fn change(&mut self, limit: usize) {
        (self.limit, self.in_time, self.used) = (limit, 0, false);
    }
}
// ANCHOR_END: moves

#[cfg(test)]
mod tests;

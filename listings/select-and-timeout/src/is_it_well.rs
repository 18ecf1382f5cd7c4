//! Is it well? Checks in the background, and a handler that only reads.

use std::future::Future; // only edition 2021 needs this line
use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::task::AbortOnDropHandle;

// ANCHOR: health
/// What one check has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health<E> {
    /// It has answered, and is well.
    Up,
    /// The question has failed: it is not well, or it refuses the connection.
    Down(E),
    /// It has not answered within the limit.
    TimedOut,
}
// ANCHOR_END: health

/// Asks once, and waits for `limit` at most.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, the question is dropped too.
// ANCHOR: check
pub async fn check<E>(
    limit: Duration,
    question: impl Future<Output = Result<(), E>>,
) -> Health<E> {
    match timeout(limit, question).await {
        Ok(Ok(())) => Health::Up,
        Ok(Err(reason)) => Health::Down(reason),
        Err(_elapsed) => Health::TimedOut,
    }
}
// ANCHOR_END: check

// ANCHOR: rule
/// When to ask, and what to make of the answers.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// From the start of a check to the next one, or more if it takes longer. Not zero.
    pub every: Duration,
    /// For one check.
    pub limit: Duration,
    /// How many checks in a row must fail until it is *not well*.
    pub fails: NonZeroU32,
    /// How many checks in a row must pass until it is *well*.
    pub passes: NonZeroU32,
    /// A result that is as old as this counts as *not well*.
    pub stale: Duration,
}
// ANCHOR_END: rule

// ANCHOR: steady
/// What the last checks say together. It begins with *not well*.
#[derive(Clone, Copy, Debug, Default)]
struct Steady {
    well: bool,
    /// How many checks in a row said the opposite.
    against: u32,
}

impl Steady {
    fn add(&mut self, up: bool, rule: &Rule) {
        if up == self.well {
            self.against = 0;
            return;
        }
        self.against += 1;
        let needed = if up { rule.passes } else { rule.fails };
        if self.against >= needed.get() {
            *self = Self { well: up, against: 0 };
        }
    }
}
// ANCHOR_END: steady

// ANCHOR: seen
/// What is known after the last check.
#[derive(Debug)]
pub struct Seen<E> {
    /// What the last checks say together.
    pub well: bool,
    /// What the last check has found.
    pub last: Health<E>,
    /// When the last check ended.
    pub at: Instant,
}
// ANCHOR_END: seen

// ANCHOR: monitor
/// Checks one thing in the background, until you drop this.
#[derive(Debug)]
pub struct Monitor<E> {
    seen: watch::Receiver<Option<Seen<E>>>,
    stale: Duration,
    _task: AbortOnDropHandle<()>,
}

impl<E: Send + Sync + 'static> Monitor<E> {
    /// Begins with a check, and makes another one in each `rule.every`.
    ///
    /// # Panics
    /// `rule.every` is zero; or outside a Tokio runtime.
    pub fn start<F>(rule: Rule, mut ask: impl FnMut() -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<(), E>> + Send,
    {
        let (sender, seen) = watch::channel(None);
        let mut ticks = interval(rule.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let task = tokio::spawn(async move {
            let mut steady = Steady::default();
            loop {
                ticks.tick().await;
                let last = check(rule.limit, ask()).await;
                steady.add(matches!(last, Health::Up), &rule);
                let (well, at) = (steady.well, Instant::now());
                sender.send_replace(Some(Seen { well, last, at }));
            }
        });
        Self { seen, stale: rule.stale, _task: AbortOnDropHandle::new(task) }
    }
}
// ANCHOR_END: monitor

impl<E> Monitor<E> {
    /// Whether it is well, by results that are not too old. Only reads.
    pub fn is_well(&self) -> bool {
        // ANCHOR: not_stale
        let seen = self.seen.borrow();
        seen.as_ref().is_some_and(|seen| seen.well && seen.at.elapsed() < self.stale)
        // ANCHOR_END: not_stale
    }

    /// Each result, for a log. The first value is `None`.
    pub fn results(&self) -> watch::Receiver<Option<Seen<E>>> {
        self.seen.clone()
    }
}

/// The answer of `/ready`: 200, or 503 with the names of what is not well.
// ANCHOR: ready
pub fn ready<E>(monitors: &[(&str, Monitor<E>)]) -> (StatusCode, String) {
    let unwell = monitors.iter().filter(|(_, monitor)| !monitor.is_well());
    let names: Vec<_> = unwell.map(|(name, _)| *name).collect();
    if names.is_empty() {
        (StatusCode::OK, "ready".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("not well: {}", names.join(", ")))
    }
}
// ANCHOR_END: ready

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: each request to this handler asks, and waits as long as all answers need.
    pub async fn ready<E, F>(questions: impl IntoIterator<Item = F>) -> StatusCode
    where
        F: Future<Output = Result<(), E>>,
    {
        // ANCHOR: ask_in_the_handler
        for question in questions {
            if question.await.is_err() {
                return StatusCode::SERVICE_UNAVAILABLE;
            }
        }
        StatusCode::OK
        // ANCHOR_END: ask_in_the_handler
    }

    impl<E> Monitor<E> {
        /// Wrong: the last check alone decides.
        pub fn last_check(&self) -> bool {
            // ANCHOR: last_check
            let seen = self.seen.borrow();
            seen.as_ref().is_some_and(|seen| matches!(seen.last, Health::Up))
            // ANCHOR_END: last_check
        }

        /// Wrong: if the task of the monitor has ended, this says *well* for ever.
        pub fn last_known(&self) -> bool {
            // ANCHOR: any_age
            let seen = self.seen.borrow();
            seen.as_ref().is_some_and(|seen| seen.well)
            // ANCHOR_END: any_age
        }
    }
}

#[cfg(test)]
mod tests;

//! When what has failed is started again, and when no longer.

use std::collections::VecDeque;
use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

use rand::{Rng, RngExt};
use tokio::time::Instant;

// ANCHOR: restart
/// How long to wait before a restart, and how many restarts are too many.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Restart {
    /// The longest wait before the first restart; at least 1 ms.
    pub base: Duration,
    /// Each wait may be this many times as long as the one before; 1: as long.
    pub factor: NonZeroU32,
    /// No wait is longer; at least `base`.
    pub cap: Duration,
    /// A child that ran for this long was healthy: the next wait is `base` again.
    pub stable: Duration,
    /// At most this many restarts …
    pub restarts: NonZeroU16,
    /// … in any time of this length. One failure more, and the supervisor gives up.
    pub window: Duration,
    /// How long a child may still run after it was asked to stop.
    pub grace: Duration,
}
// ANCHOR_END: restart

// ANCHOR: default
impl Default for Restart {
    /// Waits of at most 100 ms, 200 ms, 400 ms, … 10 s; anew after a healthy run of
    /// 30 s. At most 5 restarts in a minute; 5 s to stop.
    fn default() -> Self {
        Self {
            base: Duration::from_millis(100),
            factor: NonZeroU32::MIN.saturating_add(1),
            cap: Duration::from_secs(10),
            stable: Duration::from_secs(30),
            restarts: NonZeroU16::MIN.saturating_add(4),
            window: Duration::from_mins(1),
            grace: Duration::from_secs(5),
        }
    }
}
// ANCHOR_END: default

// ANCHOR: invalid
/// This policy would restart without a pause or without an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRestart {
    /// Tokio's timer knows nothing shorter than 1 ms.
    #[error("the base is shorter than 1 ms: a child could restart without a pause")]
    NoPause,
    /// The waits would get shorter.
    #[error("the cap is shorter than the base")]
    CapBelowBase,
    /// Each run would count as healthy, so that the waits would never grow.
    #[error("a run of no time would count as healthy")]
    AlwaysStable,
    /// The first restart would be out of the window before the last one comes.
    #[error("the window is too short for all waits: it would never give up")]
    NeverGivesUp,
}
// ANCHOR_END: invalid

// ANCHOR: check
impl Restart {
    /// Whether the waits are real, and a child that fails at once is given up.
    ///
    /// # Errors
    /// What is wrong with the policy.
    pub fn check(&self) -> Result<(), InvalidRestart> {
        if self.base < Duration::from_millis(1) {
            return Err(InvalidRestart::NoPause);
        }
        if self.cap < self.base {
            return Err(InvalidRestart::CapBelowBase);
        }
        if self.stable.is_zero() {
            return Err(InvalidRestart::AlwaysStable);
        }
        let waits = (1..=self.restarts.get()).map(|n| self.longest_wait(n.into()));
        if waits.fold(Duration::ZERO, Duration::saturating_add) >= self.window {
            return Err(InvalidRestart::NeverGivesUp);
        }
        Ok(())
    }

    /// The longest wait before the `nth` restart in a row, from 1.
    pub fn longest_wait(&self, nth: u32) -> Duration {
        let growth = self.factor.checked_pow(nth.saturating_sub(1));
        let grown = growth.and_then(|growth| self.base.checked_mul(growth.get()));
        grown.map_or(self.cap, |grown| grown.min(self.cap))
    }
}
// ANCHOR_END: check

// ANCHOR: history
/// The restarts so far: it says whether another one follows, and when.
#[derive(Clone, Debug)]
pub struct Restarts {
    policy: Restart,
    recent: VecDeque<Instant>, // at most as many as the policy allows
    in_a_row: u32,
}

impl Restarts {
    /// No restart yet.
    ///
    /// # Errors
    /// What is wrong with the policy.
    pub fn new(policy: Restart) -> Result<Self, InvalidRestart> {
        policy.check()?;
        Ok(Self { policy, recent: VecDeque::new(), in_a_row: 0 })
    }

    /// The policy.
    pub fn policy(&self) -> &Restart {
        &self.policy
    }
}
// ANCHOR_END: history

// ANCHOR: next
impl Restarts {
    /// How long to wait before the restart of a child that failed now, after it `ran`.
    /// The wait is drawn evenly: at least half of the longest wait, in milliseconds.
    /// `None`: this failure is one too many.
    pub fn next(
        &mut self,
        ran: Duration,
        rng: &mut (impl Rng + ?Sized),
    ) -> Option<Duration> {
        let (now, window) = (Instant::now(), self.policy.window);
        while self.recent.front().is_some_and(|&first| now - first >= window) {
            self.recent.pop_front();
        }
        if self.recent.len() == usize::from(self.policy.restarts.get()) {
            return None;
        }
        self.recent.push_back(now);
        let healthy = ran >= self.policy.stable;
        self.in_a_row = if healthy { 1 } else { self.in_a_row.saturating_add(1) };
        let longest = self.policy.longest_wait(self.in_a_row).as_millis();
        let longest = u64::try_from(longest).unwrap_or(u64::MAX);
        Some(Duration::from_millis(rng.random_range(longest.div_ceil(2)..=longest)))
    }
}
// ANCHOR_END: next

#[cfg(test)]
mod tests;

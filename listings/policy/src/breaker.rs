//! Stop calling what fails, and try again later with a single call.

use std::future::Future; // only edition 2021 needs this line
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use policy::retry::Transient;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, RngExt, SeedableRng};
use thiserror::Error;
use tokio::time::Instant;

// ANCHOR: policy
/// When a breaker opens, for how long, and when it closes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct BreakerPolicy {
    /// So many failures in a row open it.
    pub failures: NonZeroU32,
    /// A call that needs longer has failed, even if it succeeds. Longer than zero.
    pub slow: Duration,
    /// So long no call passes; longer than zero …
    pub open: Duration,
    /// … and a time between zero and this is added, drawn anew each time.
    pub jitter: Duration,
    /// Then so many calls at once may pass, as probes.
    pub probes: NonZeroU32,
    /// So many probes must succeed to close it. One that fails opens it again.
    pub successes: NonZeroU32,
}

impl Default for BreakerPolicy {
    /// 5 failures; 5 s are slow; open for 10 s to 12 s; 1 probe at once; 2 successes.
    fn default() -> Self {
        Self {
            failures: NonZeroU32::MIN.saturating_add(4), // 5
            slow: Duration::from_secs(5),
            open: Duration::from_secs(10),
            jitter: Duration::from_secs(2),
            probes: NonZeroU32::MIN,
            successes: NonZeroU32::MIN.saturating_add(1), // 2
        }
    }
}
// ANCHOR_END: policy

// ANCHOR: invalid
/// A breaker with this policy would be of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidBreaker {
    /// It would never reject a call.
    #[error("the breaker would be open for no time")]
    NeverOpen,
    /// It would never close again.
    #[error("each call would be too slow")]
    AlwaysSlow,
}
// ANCHOR_END: invalid

// ANCHOR: errors
/// The call was not made: the breaker is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not called: the breaker is open for another {retry_after:?}")]
pub struct Open {
    /// From now on. While a probe is out: for how long it will be open if that fails.
    pub retry_after: Duration,
}

/// Why a call behind a breaker gave no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BreakerError<E> {
    /// It was not made.
    #[error(transparent)]
    Open(#[from] Open),
    /// It was made, and this is its error.
    #[error("the call failed")]
    Inner(#[source] E),
}

impl<E: Transient> Transient for BreakerError<E> {
    /// An open breaker is not asked again: the caller wants its answer now.
    fn transient(&self) -> bool {
        match self {
            Self::Open(_) => false,
            Self::Inner(error) => error.transient(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Open(open) => Some(open.retry_after),
            Self::Inner(error) => error.retry_after(),
        }
    }
}
// ANCHOR_END: errors

// ANCHOR: verdict
/// What a call says about the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The service works. It may have said no: a 404 is an answer.
    Success,
    /// The service does not work.
    Failure,
    /// Nothing: the call did not reach the service, or nobody wants its answer now.
    Unknown,
}

impl Verdict {
    /// `Ok` is a success, and each `Err` is a failure.
    pub fn of<T, E>(result: &Result<T, E>) -> Self {
        if result.is_ok() { Self::Success } else { Self::Failure }
    }
}
// ANCHOR_END: verdict

// ANCHOR: state
/// What a breaker does with the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It lets all calls pass.
    Closed,
    /// It rejects all calls.
    Open {
        /// From now on.
        retry_after: Duration,
    },
    /// It lets a few calls pass, to see whether the service works again.
    HalfOpen,
}
// ANCHOR_END: state

// ANCHOR: new
/// Lets calls pass to a service that works. Clones are one breaker: take one for each
/// service, or for each host if it has several.
#[derive(Clone, Debug)]
pub struct Breaker {
    circuit: Arc<Mutex<Circuit>>,
}

impl Breaker {
    /// A closed breaker. It has no task, and needs no runtime. `rng` is not kept: it
    /// seeds the generator of the jitter.
    ///
    /// # Errors
    /// What is wrong with the policy.
    pub fn new(
        policy: BreakerPolicy,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, InvalidBreaker> {
        if policy.open.is_zero() {
            return Err(InvalidBreaker::NeverOpen);
        }
        if policy.slow.is_zero() {
            return Err(InvalidBreaker::AlwaysSlow);
        }
        let rng = Xoshiro256PlusPlus::from_rng(rng);
        let phase = Phase::Closed { failures: 0 };
        let circuit = Circuit { policy, rng, generation: 0, phase };
        Ok(Self { circuit: Arc::new(Mutex::new(circuit)) })
    }
}
// ANCHOR_END: new

// ANCHOR: call
impl Breaker {
    /// Makes the call if the breaker lets it pass. `Ok` is a success, and each `Err` is
    /// a failure.
    ///
    /// # Errors
    /// The breaker is open, and `operation` was not called; or the error of the call.
    ///
    /// # Cancel safety
    /// If this is dropped, or panics, the call counts as a failure.
    pub async fn call<T, E, Fut: Future<Output = Result<T, E>>>(
        &self,
        operation: impl FnOnce() -> Fut,
    ) -> Result<T, BreakerError<E>> {
        self.call_with(Verdict::of, operation).await
    }

    /// Like [`call`](Self::call), but `judge` says what the result counts as.
    ///
    /// # Errors
    /// See [`call`](Self::call).
    ///
    /// # Cancel safety
    /// See [`call`](Self::call).
    pub async fn call_with<T, E, Fut: Future<Output = Result<T, E>>>(
        &self,
        judge: impl FnOnce(&Result<T, E>) -> Verdict,
        operation: impl FnOnce() -> Fut,
    ) -> Result<T, BreakerError<E>> {
        let permit = self.try_acquire()?;
        let result = operation().await; // no lock is held here
        permit.ends_as(judge(&result));
        result.map_err(BreakerError::Inner)
    }
}
// ANCHOR_END: call

// ANCHOR: permit
/// The right to make one call. If it is dropped, the call has failed.
#[derive(Debug)]
#[must_use = "a permit that is dropped counts as a failure"]
pub struct Permit {
    circuit: Arc<Mutex<Circuit>>,
    generation: u64,
    began: Instant,
    verdict: Verdict,
}

impl Permit {
    /// The call has ended, and this is what it says.
    pub fn ends_as(mut self, verdict: Verdict) {
        self.verdict = verdict; // and `drop` reports it
    }

    /// What a drop counts as, instead of a failure: `Unknown` for the losers of a race.
    pub fn dropped_as(mut self, verdict: Verdict) -> Self {
        self.verdict = verdict;
        self
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut circuit = lock(&self.circuit);
        circuit.end(self.generation, self.began, self.verdict, Instant::now());
    }
}
// ANCHOR_END: permit

// ANCHOR: acquire
impl Breaker {
    /// The right to make one call now.
    ///
    /// # Errors
    /// The breaker is open.
    pub fn try_acquire(&self) -> Result<Permit, Open> {
        let mut circuit = lock(&self.circuit);
        let began = Instant::now();
        let generation = circuit.admit(began)?;
        let circuit = Arc::clone(&self.circuit);
        Ok(Permit { circuit, generation, began, verdict: Verdict::Failure })
    }

    /// What it does with the next call. To look changes nothing.
    pub fn state(&self) -> State {
        lock(&self.circuit).state(Instant::now())
    }
}

/// Nothing panics under this lock, and no await is there.
fn lock(circuit: &Mutex<Circuit>) -> MutexGuard<'_, Circuit> {
    circuit.lock().unwrap_or_else(PoisonError::into_inner)
}
// ANCHOR_END: acquire

// ANCHOR: phase
#[derive(Debug)]
enum Phase {
    /// How many calls in a row have failed.
    Closed { failures: u32 },
    /// Since when, and for how long.
    Open { since: Instant, lasts: Duration },
    /// How many probes have succeeded, and when those began that are still out.
    HalfOpen { successes: u32, out: Vec<Instant> },
}

#[derive(Debug)]
struct Circuit {
    policy: BreakerPolicy,
    rng: Xoshiro256PlusPlus,
    /// One more with each change of the phase.
    generation: u64,
    phase: Phase,
}
// ANCHOR_END: phase

// ANCHOR: advance
impl Circuit {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.generation += 1;
    }

    fn open(&mut self, since: Instant) {
        let jitter = self.rng.random_range(Duration::ZERO..=self.policy.jitter);
        let lasts = self.policy.open.saturating_add(jitter);
        self.enter(Phase::Open { since, lasts });
    }

    /// Makes the changes that were due by now. No timer makes them: whoever looks does.
    fn advance(&mut self, now: Instant) {
        if let Phase::HalfOpen { out, .. } = &self.phase {
            let slow = self.policy.slow;
            let oldest = out.iter().min().copied();
            // A probe that is out for too long has failed, whether or not it ever ends.
            if let Some(began) = oldest.filter(|began| took(*began, now) > slow) {
                self.open(began + slow);
            }
        }
        match self.phase {
            Phase::Open { since, lasts } if took(since, now) >= lasts => {
                self.enter(Phase::HalfOpen { successes: 0, out: Vec::new() });
            }
            _ => {}
        }
    }
}

fn took(began: Instant, now: Instant) -> Duration {
    now.saturating_duration_since(began)
}
// ANCHOR_END: advance

// ANCHOR: admit
impl Circuit {
    /// Lets a call pass, and says in which generation.
    fn admit(&mut self, now: Instant) -> Result<u64, Open> {
        self.advance(now);
        match &mut self.phase {
            Phase::Closed { .. } => Ok(self.generation),
            Phase::Open { since, lasts } => {
                let retry_after = lasts.saturating_sub(took(*since, now));
                Err(Open { retry_after })
            }
            Phase::HalfOpen { out, .. } => {
                if out.len() >= self.policy.probes.get() as usize {
                    return Err(Open { retry_after: self.policy.open });
                }
                out.push(now);
                Ok(self.generation)
            }
        }
    }

    fn state(&mut self, now: Instant) -> State {
        self.advance(now);
        match self.phase {
            Phase::Closed { .. } => State::Closed,
            Phase::Open { since, lasts } => {
                State::Open { retry_after: lasts.saturating_sub(took(since, now)) }
            }
            Phase::HalfOpen { .. } => State::HalfOpen,
        }
    }
}
// ANCHOR_END: admit

// ANCHOR: end
impl Circuit {
    /// A call has ended, or was dropped.
    fn end(&mut self, generation: u64, began: Instant, verdict: Verdict, now: Instant) {
        self.advance(now);
        if generation != self.generation {
            return; // it says how the service was, not how it is
        }
        let is_slow = took(began, now) > self.policy.slow;
        match (&mut self.phase, verdict) {
            (Phase::Closed { failures }, Verdict::Success) if !is_slow => *failures = 0,
            (Phase::Closed { failures }, Verdict::Success | Verdict::Failure) => {
                *failures += 1;
                if *failures == self.policy.failures.get() {
                    self.open(now);
                }
            }
            (Phase::HalfOpen { successes, out }, Verdict::Success) => {
                remove(out, began);
                *successes += 1;
                if *successes == self.policy.successes.get() {
                    self.enter(Phase::Closed { failures: 0 });
                }
            }
            (Phase::HalfOpen { .. }, Verdict::Failure) => self.open(now),
            (Phase::HalfOpen { out, .. }, Verdict::Unknown) => remove(out, began),
            // No call has the generation of an open breaker.
            (Phase::Closed { .. }, Verdict::Unknown) | (Phase::Open { .. }, _) => {}
        }
    }
}

/// Gives back the place of a probe. Those that began at the same time are alike.
fn remove(out: &mut Vec<Instant>, began: Instant) {
    if let Some(place) = out.iter().position(|other| *other == began) {
        out.swap_remove(place);
    }
}
// ANCHOR_END: end

// ANCHOR: first_answer
/// Asks one host after another, until one answers. Each has a breaker of its own.
///
/// # Errors
/// What each host said, in their order.
///
/// # Cancel safety
/// If this is dropped, the call that it waits for counts as a failure of its host.
pub async fn first_answer<H: Copy, T, E, Fut: Future<Output = Result<T, E>>>(
    hosts: &[(H, Breaker)],
    mut ask: impl FnMut(H) -> Fut,
) -> Result<T, Vec<BreakerError<E>>> {
    let mut errors = Vec::new();
    // ANCHOR: one_for_each
    for (host, breaker) in hosts {
        match breaker.call(|| ask(*host)).await {
            Ok(answer) => return Ok(answer),
            Err(error) => errors.push(error),
        }
    }
    // ANCHOR_END: one_for_each
    Err(errors)
}
// ANCHOR_END: first_answer

/// How it goes wrong.
pub mod naive {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::time::sleep;

    use super::*;

    /// The state of a [`TimerBreaker`].
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Phase {
        /// All calls pass.
        Closed,
        /// No call passes.
        Open,
        /// All calls pass again: wrong.
        HalfOpen,
    }

    // ANCHOR: timer_breaker
    /// Wrong: a timer for each failure, and whoever comes when it fires is a probe.
    #[derive(Debug)]
    pub struct TimerBreaker {
        policy: BreakerPolicy,
        failures: AtomicU32,
        phase: Mutex<Phase>,
    }

    impl TimerBreaker {
        /// Calls if it is not open.
        ///
        /// # Errors
        /// It is open, in words; or the call failed.
        pub async fn call<T, E: From<String>, Fut: Future<Output = Result<T, E>>>(
            self: &Arc<Self>,
            operation: impl FnOnce() -> Fut,
        ) -> Result<T, E> {
            let phase = self.phase();
            if phase == Phase::Open {
                return Err("the circuit is open".to_owned().into());
            }
            let result = operation().await; // the phase may be another one now
            if result.is_ok() {
                self.failures.store(0, Ordering::SeqCst);
                if phase == Phase::HalfOpen {
                    *self.lock() = Phase::Closed;
                }
            } else if self.failed() >= self.policy.failures.get() {
                *self.lock() = Phase::Open;
                let this = Arc::clone(self);
                tokio::spawn(async move {
                    sleep(this.policy.open).await;
                    *this.lock() = Phase::HalfOpen;
                });
            }
            result
        }
    }
    // ANCHOR_END: timer_breaker

    impl TimerBreaker {
        /// A closed breaker.
        pub fn new(policy: BreakerPolicy) -> Arc<Self> {
            let phase = Mutex::new(Phase::Closed);
            Arc::new(Self { policy, failures: AtomicU32::new(0), phase })
        }

        /// Where it is now.
        pub fn phase(&self) -> Phase {
            *self.lock()
        }

        /// Failures since the last success.
        pub fn failures(&self) -> u32 {
            self.failures.load(Ordering::SeqCst)
        }

        fn failed(&self) -> u32 {
            self.failures.fetch_add(1, Ordering::SeqCst) + 1
        }

        fn lock(&self) -> MutexGuard<'_, Phase> {
            self.phase.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    /// Wrong: one breaker for all hosts.
    ///
    /// # Errors
    /// What each host said, in their order.
    pub async fn first_answer<H: Copy, T, E, Fut: Future<Output = Result<T, E>>>(
        hosts: &[H],
        breaker: &Breaker,
        mut ask: impl FnMut(H) -> Fut,
    ) -> Result<T, Vec<BreakerError<E>>> {
        let mut errors = Vec::new();
        // ANCHOR: one_for_all
        for host in hosts {
            match breaker.call(|| ask(*host)).await {
                Ok(answer) => return Ok(answer),
                Err(error) => errors.push(error),
            }
        }
        // ANCHOR_END: one_for_all
        Err(errors)
    }
}

#[cfg(test)]
mod tests;

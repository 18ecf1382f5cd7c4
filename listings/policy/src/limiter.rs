//! How many per second: a token bucket without a task.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use policy::retry::Transient;
use thiserror::Error;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::{Instant, timeout};

// ANCHOR: rate
/// How much may pass in how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Tokens that come in each `per`, spread evenly over it.
    pub tokens: NonZeroU32,
    /// Longer than zero.
    pub per: Duration,
    /// The most tokens that are kept for later, and so the most that pass at once.
    pub burst: NonZeroU32,
}

/// A period of zero, which would be no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a rate needs a period longer than zero")]
pub struct ZeroPeriod;
// ANCHOR_END: rate

// ANCHOR: refused
/// Not now, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// It would have had to wait for longer than the caller wants to.
    #[error("over the limit for another {wait:?}")]
    TooSoon {
        /// From now on; less if somebody before it gives up.
        wait: Duration,
    },
    /// No wait would help.
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
}

/// It costs more than the bucket ever holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a cost of {cost} is more than a burst of {burst}")]
pub struct TooMuch {
    /// What was asked for.
    pub cost: NonZeroU32,
    /// What the bucket holds.
    pub burst: NonZeroU32,
}
// ANCHOR_END: refused

impl Transient for Refused {
    fn transient(&self) -> bool {
        matches!(self, Self::TooSoon { .. })
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooSoon { wait } => Some(*wait),
            Self::TooMuch(_) => None,
        }
    }
}

// ANCHOR: new
/// Lets pass what a [`Rate`] allows, first come, first served: nobody who comes within
/// 20 ms of its turn is overtaken. Clones share one bucket and one line.
#[derive(Clone, Debug)]
pub struct Limiter {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    rate: Rate,
    made: Instant,
    line: Mutex<Line>,
    /// Tells all who wait that somebody gave up.
    gave_up: Notify,
}

impl Limiter {
    /// A limiter with a full bucket. It has no task, and needs no runtime.
    ///
    /// # Errors
    /// The period is zero.
    pub fn new(rate: Rate) -> Result<Self, ZeroPeriod> {
        if rate.per.is_zero() {
            return Err(ZeroPeriod);
        }
        Ok(Self::full(rate))
    }

    fn full(rate: Rate) -> Self {
        let line = Line { bucket: rate.full(), waiters: VecDeque::new(), next: 0 };
        let (made, line) = (Instant::now(), Mutex::new(line));
        let shared = Shared { rate, made, line, gave_up: Notify::new() };
        Self { shared: Arc::new(shared) }
    }
}
// ANCHOR_END: new

impl Limiter {
    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.shared.line().waiters.len()
    }
}

// ANCHOR: is_full
impl Limiter {
    /// Another limiter with the same rate, and a full bucket of its own.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self::full(self.shared.rate)
    }

    /// Whether the bucket is full, and nobody waits: then a [`fresh`](Self::fresh)
    /// limiter does the same as this one.
    pub fn is_full(&self) -> bool {
        let mut line = self.shared.line();
        line.bucket.fill(&self.shared.rate, self.shared.now());
        line.waiters.is_empty() && line.bucket.level == self.shared.rate.most()
    }
}
// ANCHOR_END: is_full

// ANCHOR: acquire
impl Limiter {
    /// Waits for `cost` tokens, and takes them.
    ///
    /// # Errors
    /// The bucket never holds as many.
    ///
    /// # Panics
    /// If it has to wait outside a Tokio runtime, or in one without a timer.
    ///
    /// # Cancel safety
    /// Dropped while it waits, it has taken nothing and gives up its place: those
    /// behind it move up. Whoever calls again stands at the end.
    pub async fn acquire(&self, cost: NonZeroU32) -> Result<(), TooMuch> {
        self.can_ever(cost)?;
        let _never_refused = self.turn(cost, None).await;
        Ok(())
    }

    /// Like [`acquire`](Self::acquire), but refuses, without a wait, if the tokens will
    /// not be there within `patience` (`Duration::MAX`: never). The first poll after it
    /// takes them: a timer's millisecond later, or as late as it comes.
    ///
    /// # Errors
    /// The wait that it would have taken; or the bucket never holds as many. After a
    /// wait only if somebody before it came late.
    pub async fn acquire_within(
        &self,
        cost: NonZeroU32,
        patience: Duration,
    ) -> Result<(), Refused> {
        self.can_ever(cost)?;
        let refused = |wait| Refused::TooSoon { wait };
        self.turn(cost, Some(patience)).await.map_err(refused)
    }
}
// ANCHOR_END: acquire

impl Limiter {
    /// Like [`acquire`](Self::acquire), of one token: every bucket holds that.
    pub async fn acquire_one(&self) {
        let _never_refused = self.turn(NonZeroU32::MIN, None).await;
    }

    /// Takes `cost` tokens if they are there, beside those that others wait for.
    ///
    /// # Errors
    /// The wait that it would have taken; or the bucket never holds as many.
    pub fn try_acquire(&self, cost: NonZeroU32) -> Result<(), Refused> {
        self.can_ever(cost)?;
        match self.place(cost).look(0) {
            Look::Taken => Ok(()),
            Look::Wait(wait, _) | Look::Refused(wait) => Err(Refused::TooSoon { wait }),
        }
    }

    fn can_ever(&self, cost: NonZeroU32) -> Result<(), TooMuch> {
        let burst = self.shared.rate.burst;
        if cost > burst { Err(TooMuch { cost, burst }) } else { Ok(()) }
    }

    fn place(&self, cost: NonZeroU32) -> Place<'_> {
        Place { shared: &self.shared, cost: u128::from(cost.get()), id: None }
    }
}

// ANCHOR: turn
impl Limiter {
    async fn turn(
        &self,
        cost: NonZeroU32,
        patience: Option<Duration>,
    ) -> Result<(), Duration> {
        let until = match patience {
            None | Some(Duration::MAX) => u128::MAX, // for as long as it takes
            Some(patience) => self.shared.now().saturating_add(patience.as_nanos()),
        };
        let mut place = self.place(cost); // in line after the first look
        loop {
            match place.look(until) {
                Look::Taken => return Ok(()),
                Look::Refused(wait) => return Err(wait),
                // Made under the lock of the look: nobody gives up unnoticed after it.
                Look::Wait(wait, gave_up) => drop(timeout(wait, gave_up).await),
            }
        }
    }
}
// ANCHOR_END: turn

impl Rate {
    /// What one nanosecond brings, in the unit of [`Bucket::level`].
    fn tokens(&self) -> u128 {
        self.tokens.get().into()
    }

    /// A token, in the unit of [`Bucket::level`].
    fn token(&self) -> u128 {
        self.per.as_nanos()
    }

    /// What the bucket holds.
    fn most(&self) -> u128 {
        self.token() * u128::from(self.burst.get())
    }

    fn full(&self) -> Bucket {
        Bucket { level: self.most(), at: 0 }
    }
}

impl Shared {
    fn now(&self) -> u128 {
        self.made.elapsed().as_nanos()
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// ANCHOR: bucket
/// What is in the bucket, and when, in nanoseconds since the limiter was made.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// A token is as many of these as `per` has nanoseconds: then one nanosecond brings
    /// `tokens`, and nothing is rounded.
    level: u128,
    at: u128,
}

impl Bucket {
    /// Adds what comes until `now`.
    fn fill(&mut self, rate: &Rate, now: u128) {
        let gained = now.saturating_sub(self.at).saturating_mul(rate.tokens());
        self.level = self.level.saturating_add(gained).min(rate.most());
        self.at = self.at.max(now);
    }

    /// Takes `cost` tokens as soon as they are there, and it is `due`.
    fn take(&mut self, rate: &Rate, cost: u128, due: u128) {
        let needed = (cost * rate.token()).saturating_sub(self.level);
        let there = self.at.saturating_add(needed.div_ceil(rate.tokens()));
        self.fill(rate, there.max(due));
        self.level = self.level.saturating_sub(cost * rate.token());
    }
}
// ANCHOR_END: bucket

// ANCHOR: line
/// The bucket, and those who wait, in the order of their ids.
#[derive(Debug)]
struct Line {
    bucket: Bucket,
    waiters: VecDeque<Waiter>,
    next: u64,
}

/// Who is later than this for a turn, 20 ms, has missed it. No timer should be: one of
/// Windows ticks every 15.6 ms.
const LATE: u128 = 20_000_000;

impl Line {
    /// Takes `cost` tokens if they are there, beside those for all before `place`; or
    /// says when they will be, if all of these come when they are due.
    fn take(
        &mut self,
        rate: &Rate,
        place: usize,
        cost: u128,
        now: u128,
    ) -> Result<(), u128> {
        self.bucket.fill(rate, now);
        let (mut then, mut tokens) = (self.bucket, cost);
        for it in self.waiters.range(..place).filter(|it| !it.missed_its_turn(now)) {
            then.take(rate, it.cost, it.due);
            tokens += it.cost;
        }
        if tokens.saturating_mul(rate.token()) <= self.bucket.level {
            self.bucket.take(rate, cost, now);
            return Ok(());
        }
        then.take(rate, cost, now);
        Err(then.at)
    }
}
// ANCHOR_END: line

#[derive(Debug)]
struct Waiter {
    id: u64,
    cost: u128,
    /// When its tokens will be there, if nobody before it gives up or is late: its turn.
    due: u128,
}

impl Waiter {
    fn missed_its_turn(&self, now: u128) -> bool {
        now > self.due.saturating_add(LATE)
    }
}

impl Line {
    fn place_of(&self, id: u64) -> usize {
        self.waiters.partition_point(|it| it.id < id)
    }
}

/// Somebody who wants tokens, and stands in line as soon as it has an id.
struct Place<'a> {
    shared: &'a Shared,
    cost: u128,
    id: Option<u64>,
}

enum Look<'a> {
    Taken,
    /// For so long, or until somebody gives up.
    Wait(Duration, Notified<'a>),
    Refused(Duration),
}

impl<'a> Place<'a> {
    /// Takes the tokens if it may; if not, stands in line, unless it would have to do so
    /// beyond `until`.
    fn look(&mut self, until: u128) -> Look<'a> {
        let mut line = self.shared.line();
        let (now, gave_up) = (self.shared.now(), self.shared.gave_up.notified());
        let place = self.id.map_or(line.waiters.len(), |id| line.place_of(id));
        // Whoever is woken before its turn has no walk to make: see `move_up`.
        let early = line.waiters.get(place).map(|it| it.due.saturating_sub(now));
        if let Some(early @ 1..) = early {
            return Look::Wait(from_nanos(early), gave_up);
        }
        let Err(due) = line.take(&self.shared.rate, place, self.cost, now) else {
            if self.id.take().is_some() {
                line.waiters.remove(place);
            }
            return Look::Taken;
        };
        let wait = from_nanos(due - now);
        if due > until {
            return Look::Refused(wait);
        }
        if let Some(waiter) = line.waiters.get_mut(place) {
            waiter.due = due;
        } else {
            let id = line.next;
            line.next += 1;
            line.waiters.push_back(Waiter { id, cost: self.cost, due });
            self.id = Some(id);
        }
        Look::Wait(wait, gave_up)
    }
}

// ANCHOR: give_up
impl Drop for Place<'_> {
    /// Those behind it move up, whether or not anybody polls them.
    fn drop(&mut self) {
        let Some(id) = self.id else { return };
        let mut line = self.shared.line();
        let place = line.place_of(id);
        line.waiters.remove(place);
        if place == line.waiters.len() {
            return;
        }
        line.move_up(&self.shared.rate, place, self.shared.now());
        drop(line);
        self.shared.gave_up.notify_waiters();
    }
}

impl Line {
    /// Finds out when those from `place` on are due, now that another is gone.
    fn move_up(&mut self, rate: &Rate, place: usize, now: u128) {
        self.bucket.fill(rate, now);
        let mut then = self.bucket;
        for (at, waiter) in self.waiters.iter_mut().enumerate() {
            if waiter.missed_its_turn(now) {
                continue;
            }
            let moves = at >= place;
            then.take(rate, waiter.cost, if moves { now } else { waiter.due });
            if moves {
                waiter.due = waiter.due.min(then.at);
            }
        }
    }
}
// ANCHOR_END: give_up

fn from_nanos(nanos: u128) -> Duration {
    const SECOND: u128 = 1_000_000_000;
    u64::try_from(nanos / SECOND)
        .map_or(Duration::MAX, |secs| Duration::new(secs, (nanos % SECOND) as u32))
}

#[cfg(test)]
mod tests;

//! Timers for the runtime by hand: deadlines in order, on a clock that they are given.

use std::collections::BTreeMap;
use std::future::Future;
use std::mem::take;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use runtime_comparison::runtime_by_hand::{Spawner, lock, run_with, thread_waker};

// ANCHOR: clock
/// Tells the time, and waits. `now` never goes back.
pub trait Clock: Send + Sync {
    /// What time it is.
    fn now(&self) -> Instant;
    /// Waits until `waker` is called, or for `longest`. May return earlier.
    /// Returns at once if `waker` was called since the last `wait`.
    /// A clock for tests may jump instead, and then it needs no waker.
    fn wait(&self, longest: Option<Duration>);
    /// Ends a `wait`. Call `waker` on the thread that will call `wait`.
    fn waker(&self) -> Waker;
}
// ANCHOR_END: clock

// ANCHOR: system_clock
/// The clock of the system.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wait(&self, longest: Option<Duration>) {
        match longest {
            Some(longest) => thread::park_timeout(longest),
            None => thread::park(), // no timer waits
        }
    }

    fn waker(&self) -> Waker {
        thread_waker()
    }
}
// ANCHOR_END: system_clock

// ANCHOR: timers
/// Makes timers. They fire while the runtime runs, after a round of polls.
#[derive(Clone)]
pub struct Timers {
    clock: Arc<dyn Clock>,
    unpark: Waker, // ends the wait of the clock
    waiting: Arc<Mutex<Waiting>>,
}

/// Who waits: for each deadline, the waker of the task. The earliest is the first.
#[derive(Default)]
struct Waiting {
    wakers: BTreeMap<(Instant, u64), Waker>,
    next_id: u64, // tells timers with the same deadline apart
}

// ANCHOR_END: timers

// ANCHOR: new_timers
impl Timers {
    fn new(clock: Arc<dyn Clock>) -> Self {
        let unpark = clock.waker();
        Self { clock, unpark, waiting: Arc::default() }
    }

    /// What time it is, on the clock of the runtime.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }
}
// ANCHOR_END: new_timers

// ANCHOR: new_sleep
impl Timers {
    /// Is ready after `duration`, which begins now.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        let mut waiting = lock(&self.waiting);
        let id = waiting.next_id;
        waiting.next_id += 1;
        drop(waiting); // unlocks
        let deadline = self.now().checked_add(duration); // `None`: beyond all time
        Sleep { timers: self.clone(), key: deadline.map(|deadline| (deadline, id)) }
    }
}
// ANCHOR_END: new_sleep

// ANCHOR: sleep
/// Waits until a deadline; made by [`Timers::sleep`].
///
/// # Cancel safety
/// A drop leaves nothing behind.
#[must_use = "it wakes nobody before it is polled"]
pub struct Sleep {
    timers: Timers,
    key: Option<(Instant, u64)>, // `None`: it never fires
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(key) = self.key else {
            return Poll::Pending;
        };
        if self.timers.now() >= key.0 {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        let mut waiting = lock(&self.timers.waiting);
        // ANCHOR: newest_waker
        let old = waiting.wakers.insert(key, waker);
        // ANCHOR_END: newest_waker
        let is_first = waiting.wakers.keys().next() == Some(&key);
        drop(waiting); // unlocks
        if old.is_none() && is_first {
            self.timers.unpark.wake_by_ref(); // it may wait for a later one
        }
        Poll::Pending
    }
}
// ANCHOR_END: sleep

// ANCHOR: drop_sleep
impl Drop for Sleep {
    fn drop(&mut self) {
        let Some(key) = self.key else {
            return;
        };
        let waker = lock(&self.timers.waiting).wakers.remove(&key); // and unlocks
        drop(waker);
    }
}
// ANCHOR_END: drop_sleep

// ANCHOR: turn
impl Timers {
    /// The driver, which the runtime calls after each round.
    fn turn(&self, idle: bool) {
        // ANCHOR: fire_always
        let longest = if idle { self.until_the_first() } else { Some(Duration::ZERO) };
        self.clock.wait(longest);
        self.fire();
        // ANCHOR_END: fire_always
    }

    /// `None`: nobody waits.
    fn until_the_first(&self) -> Option<Duration> {
        let first = lock(&self.waiting).wakers.keys().next().copied();
        first.map(|(deadline, _)| deadline.saturating_duration_since(self.now()))
    }

    fn fire(&self) {
        let now = self.now();
        let mut due = Vec::new();
        // ANCHOR: wake_unlocked
        let mut waiting = lock(&self.waiting);
        while let Some(first) = waiting.wakers.first_entry() {
            if first.key().0 > now {
                break;
            }
            due.push(first.remove());
        }
        drop(waiting); // unlocks
        for waker in due {
            waker.wake();
        }
        // ANCHOR_END: wake_unlocked
    }
}
// ANCHOR_END: turn

// ANCHOR: run
/// Polls the future of `main`, its tasks and their timers, until that future is ready.
/// Tasks that wait for a timer are then dropped.
///
/// # Panics
/// If the future of `main` panics.
pub fn run<F: Future>(main: impl FnOnce(Spawner, Timers) -> F) -> F::Output {
    run_on(Arc::new(SystemClock), main)
}

/// As [`run`], on a clock that you give.
///
/// # Panics
/// If the future of `main` panics.
pub fn run_on<F: Future>(
    clock: Arc<dyn Clock>,
    main: impl FnOnce(Spawner, Timers) -> F,
) -> F::Output {
    let timers = Timers::new(clock);
    let driver = |idle| timers.turn(idle);
    let main = |spawner| main(spawner, timers.clone());
    let _end = End(&timers);
    run_with(timers.unpark.clone(), driver, main)
}
// ANCHOR_END: run

// ANCHOR: end
/// Drops the tasks that wait for a timer when the runtime ends.
struct End<'a>(&'a Timers);

impl Drop for End<'_> {
    fn drop(&mut self) {
        let wakers = take(&mut lock(&self.0.waiting).wakers); // and unlocks
        drop(wakers);
    }
}
// ANCHOR_END: end

// ANCHOR: jumping_clock
/// A clock that jumps: instead of waiting, it is later. For tests, and for no others.
pub struct JumpingClock(Mutex<Instant>);

impl JumpingClock {
    /// A clock that stands still until the runtime waits.
    pub fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Clock for JumpingClock {
    fn now(&self) -> Instant {
        *lock(&self.0)
    }

    // ANCHOR: jump
    fn wait(&self, longest: Option<Duration>) {
        *lock(&self.0) += longest.expect("no task is ready, and no timer waits");
    }
    // ANCHOR_END: jump

    fn waker(&self) -> Waker {
        Waker::noop().clone() // it never waits, so nobody need wake it
    }
}
// ANCHOR_END: jumping_clock

impl Default for JumpingClock {
    fn default() -> Self {
        Self::new()
    }
}

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: it keeps the thread, so no other task runs.
    #[expect(clippy::unused_async, reason = "no `await` is what is wrong with it")]
    pub async fn sleep(duration: Duration, block: impl FnOnce(Duration)) {
        block(duration); // at work: `std::thread::sleep`
    }

    /// Wrong: while some task is ready, no timer fires.
    ///
    /// # Panics
    /// If the future of `main` panics.
    pub fn run_that_fires_when_idle<F: Future>(
        clock: Arc<dyn Clock>,
        main: impl FnOnce(Spawner, Timers) -> F,
    ) -> F::Output {
        let timers = Timers::new(clock);
        let driver = |idle| {
            // ANCHOR: fire_if_idle
            if idle {
                timers.clock.wait(timers.until_the_first());
                timers.fire();
            }
            // ANCHOR_END: fire_if_idle
        };
        let main = |spawner| main(spawner, timers.clone());
        run_with(timers.unpark.clone(), driver, main)
    }

    /// Wrong: it fires `timers` while it holds their lock.
    pub fn fire_locked(timers: &Timers) {
        let now = timers.now();
        // ANCHOR: wake_locked
        let mut waiting = lock(&timers.waiting);
        while let Some(first) = waiting.wakers.first_entry() {
            if first.key().0 > now {
                break;
            }
            first.remove().wake(); // `waiting` is still locked
        }
        // ANCHOR_END: wake_locked
    }

    /// Wrong: it keeps the waker of its first poll.
    pub struct FirstWaker(pub Sleep);

    impl Future for FirstWaker {
        type Output = ();

        fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            let Some(key) = self.0.key else {
                return Poll::Pending;
            };
            if self.0.timers.now() >= key.0 {
                return Poll::Ready(());
            }
            let waker = cx.waker().clone();
            let mut waiting = lock(&self.0.timers.waiting);
            // ANCHOR: first_waker
            waiting.wakers.entry(key).or_insert(waker);
            // ANCHOR_END: first_waker
            Poll::Pending
        }
    }
}

#[cfg(test)]
mod tests;

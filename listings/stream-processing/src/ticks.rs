//! Ticks at a period, and what becomes of those that nobody took.

use std::future::Future;
use std::time::{Duration, SystemTime};

use futures::stream::{Stream, StreamExt};
use thiserror::Error;
use tokio::task::coop;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_stream::wrappers::IntervalStream;

// ANCHOR: ticks
/// A period of zero has no next tick.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the period of a tick is zero")]
pub struct ZeroPeriod;

/// Ticks at `first`, and then once in each `period`. `missed` says what happens to
/// ticks that nobody takes in time. Never ends. Each item says when its tick was due.
///
/// # Errors
/// When `period` is zero, where Tokio would panic.
///
/// # Panics
/// Outside a Tokio runtime, or in one without timers.
///
/// # Cancel safety
/// A dropped `next()` loses no tick. Dropping the stream ends it; no task is behind it.
pub fn ticks(
    first: Instant,
    period: Duration,
    missed: MissedTickBehavior,
) -> Result<IntervalStream, ZeroPeriod> {
    if period.is_zero() {
        return Err(ZeroPeriod);
    }
    let mut interval = interval_at(first, period);
    interval.set_missed_tick_behavior(missed);
    Ok(IntervalStream::new(interval))
}
// ANCHOR_END: ticks

// ANCHOR: at_each
/// Calls `work` at each tick, with the time at which the tick was due. Never makes two
/// calls at once. Ends when `ticks` has ended and the last call is done.
///
/// # Cancel safety
/// Dropping the future drops the call where it waits, and `ticks`.
pub async fn at_each<S, F, Fut>(ticks: S, work: F)
where
    S: Stream<Item = Instant>,
    F: FnMut(Instant) -> Fut,
    Fut: Future<Output = ()>,
{
    ticks.for_each(work).await;
}
// ANCHOR_END: at_each

// ANCHOR: beside_traffic
/// Counts messages, and reports the count at each tick, even if messages never pause.
/// Ends when the messages have ended, and returns their number.
///
/// # Cancel safety
/// Dropping the future drops both streams, and the count.
pub async fn count_and_report<S, T, R>(mut messages: S, ticks: T, mut report: R) -> u64
where
    S: Stream + Unpin,
    T: Stream<Item = Instant> + Unpin,
    R: FnMut(u64),
{
    let mut timer = ticks.fuse(); // for ticks that end
    let mut count = 0;
    loop {
        // ANCHOR: made_before
        tokio::select! {
            // Ends the poll of the task now and then, because timers fire only then.
            message = coop::cooperative(messages.next()) => match message {
                Some(_) => count += 1,
                None => return count,
            },
            Some(_) = timer.next() => report(count),
        }
        // ANCHOR_END: made_before
    }
}
// ANCHOR_END: beside_traffic

// ANCHOR: aligned
/// How long from `now` to the next full `period` of the wall clock (UTC): with a
/// minute, to the next full minute. Never zero.
///
/// # Errors
/// When `period` is zero.
pub fn until_full(now: SystemTime, period: Duration) -> Result<Duration, ZeroPeriod> {
    if period.is_zero() {
        return Err(ZeroPeriod);
    }
    // Before 1970 it is zero, and the first tick comes after a whole period.
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let over = since.as_nanos() % period.as_nanos();
    // It is less than the period, so it is a duration.
    let over =
        Duration::new((over / 1_000_000_000) as u64, (over % 1_000_000_000) as u32);
    Ok(period.saturating_sub(over))
}
// ANCHOR_END: aligned

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;
    use tokio::sync::mpsc;
    use tokio::time::{interval, sleep};
    use tokio_stream::wrappers::ReceiverStream;

    // ANCHOR: sleep_in_a_loop
    /// Wrong for a period: from call to call it takes `period` and the call itself.
    pub async fn call_and_sleep<F, Fut>(period: Duration, mut work: F)
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = ()>,
    {
        // ANCHOR: check_and_sleep
        loop {
            work().await;
            sleep(period).await;
        }
        // ANCHOR_END: check_and_sleep
    }
    // ANCHOR_END: sleep_in_a_loop

    // ANCHOR: sleep_made_again
    /// Wrong: each message makes a new `sleep`, which begins again.
    pub async fn count_and_report<S, R>(
        mut messages: S,
        period: Duration,
        mut report: R,
    ) -> u64
    where
        S: Stream + Unpin,
        R: FnMut(u64),
    {
        let mut count = 0;
        loop {
            // ANCHOR: made_in_each_round
            tokio::select! {
                message = messages.next() => match message {
                    Some(_) => count += 1,
                    None => return count,
                },
                () = sleep(period) => report(count),
            }
            // ANCHOR_END: made_in_each_round
        }
    }
    // ANCHOR_END: sleep_made_again

    // ANCHOR: ticker_task
    /// Wrong: a task and a channel for what `take` does, and the default for what was
    /// missed. A period of zero panics in the task, where nobody sees it.
    pub fn ticker(period: Duration, count: usize) -> ReceiverStream<Instant> {
        // ANCHOR: in_a_task
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            let mut interval = interval(period);
            for _ in 0..count {
                let tick = interval.tick().await;
                if sender.send(tick).await.is_err() {
                    return;
                }
            }
        });
        ReceiverStream::new(receiver)
        // ANCHOR_END: in_a_task
    }
    // ANCHOR_END: ticker_task
}

#[cfg(test)]
mod tests;

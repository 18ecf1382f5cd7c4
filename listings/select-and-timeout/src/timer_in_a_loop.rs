//! A loop with three timers: for silence, for the whole, and for each period.

use std::collections::HashMap;
use std::future::Future; // only edition 2021 needs this line
use std::hash::Hash;
use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use tokio::select;
use tokio::sync::mpsc;
use tokio::time::error::Elapsed;
use tokio::time::{
    Instant, MissedTickBehavior, interval, interval_at, sleep, sleep_until, timeout_at,
};
use tokio_util::time::DelayQueue;

// ANCHOR: limits
/// When a connection ends, and how often it is pinged.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Ends it after so long without a message.
    pub silence: Duration,
    /// Ends it so long after its start.
    pub whole: Duration,
    /// From one ping to the next. More than zero.
    pub ping: Duration,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The other side has closed it.
    Closed,
    /// No message came for too long.
    Silent,
    /// The time for the whole connection is over.
    Over,
}
// ANCHOR_END: limits

/// Handles each message, and pings, until the connection ends.
///
/// No timer stops a handler that runs. The time of a handler is not silence.
///
/// # Panics
/// `limits.ping` is zero; `limits.ping` or `limits.silence` is so long that no `Instant`
/// can hold its end; or outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, the handler that runs is dropped with its message. Other messages
/// are still in the channel.
// ANCHOR: serve
pub async fn serve<T, Fut: Future<Output = ()>>(
    messages: &mut mpsc::Receiver<T>,
    limits: Limits,
    mut handle: impl FnMut(T) -> Fut,
    mut ping: impl FnMut(),
) -> End {
    let start = Instant::now();
    let mut whole = pin!(sleep(limits.whole)); // once
    let mut silence = pin!(sleep(limits.silence)); // set again by each message
    let mut pings = interval_at(start + limits.ping, limits.ping); // for ever
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        select! {
            biased; // from top to bottom: a message that is there is not silence
            () = &mut whole => return End::Over,
            _ = pings.tick() => ping(),
            message = messages.recv() => match message {
                Some(message) => {
                    handle(message).await;
                    silence.as_mut().reset(Instant::now() + limits.silence);
                }
                None => return End::Closed,
            },
            () = &mut silence => return End::Silent,
        }
    }
}
// ANCHOR_END: serve

/// Handles messages until the channel has ended. At `deadline`, it drops the handler
/// that runs.
///
/// # Errors
/// The deadline came first.
///
/// # Cancel safety
/// If you drop this, the handler that runs is dropped with its message. Other messages
/// are still in the channel.
pub async fn until_deadline<T, Fut: Future<Output = ()>>(
    messages: &mut mpsc::Receiver<T>,
    deadline: Instant,
    mut handle: impl FnMut(T) -> Fut,
) -> Result<(), Elapsed> {
    // ANCHOR: around_the_loop
    timeout_at(deadline, async {
        while let Some(message) = messages.recv().await {
            handle(message).await;
        }
    })
    .await
    // ANCHOR_END: around_the_loop
}

/// Passes messages on, and calls `report` once in each period, until the channel ends.
///
/// # Panics
/// `period` is zero; or outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, no message is lost: what was not passed on is in the channel.
pub async fn with_reports<T>(
    messages: &mut mpsc::Receiver<T>,
    period: Duration,
    mut write: impl FnMut(T),
    mut report: impl FnMut(),
) {
    let mut ticks = interval(period);
    ticks.tick().await; // the first one comes at once
    loop {
        select! {
            // ANCHOR: each_period
            _ = ticks.tick() => report(),
            // ANCHOR_END: each_period
            message = messages.recv() => match message {
                Some(message) => write(message),
                None => return,
            },
        }
    }
}

/// Passes messages on, and calls `remind` once in each silence of `limit`, until the
/// channel ends.
///
/// # Panics
/// `limit` is so long that no `Instant` can hold its end; or outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, no message is lost: what was not passed on is in the channel.
pub async fn reminding<T>(
    messages: &mut mpsc::Receiver<T>,
    limit: Duration,
    mut write: impl FnMut(T),
    mut remind: impl FnMut(),
) {
    let mut silence = pin!(sleep(limit));
    let mut reminded = false;
    loop {
        select! {
            // ANCHOR: fired_once
            () = &mut silence, if !reminded => {
                reminded = true;
                remind();
            }
            // ANCHOR_END: fired_once
            message = messages.recv() => match message {
                Some(message) => {
                    write(message);
                    silence.as_mut().reset(Instant::now() + limit);
                    reminded = false;
                }
                None => return,
            },
        }
    }
}

/// Calls `left` for each customer who was not seen for `limit`. Ends when the channel has
/// ended and all customers have left.
///
/// # Panics
/// `limit` is more than about two years; or outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, nobody hears of the customers who are in the shop.
// ANCHOR: sessions
pub async fn sessions<C: Clone + Eq + Hash>(
    seen: &mut mpsc::Receiver<C>,
    limit: Duration,
    mut left: impl FnMut(C),
) {
    let mut timers = DelayQueue::new();
    let mut keys = HashMap::new();
    loop {
        select! {
            Some(customer) = seen.recv() => {
                if let Some(key) = keys.get(&customer) {
                    timers.reset(key, limit); // panics if this timer has fired
                } else {
                    let key = timers.insert(customer.clone(), limit);
                    keys.insert(customer, key);
                }
            }
            Some(timer) = timers.next() => {
                let customer = timer.into_inner();
                keys.remove(&customer); // so nobody resets the timer that has fired
                left(customer);
            }
            else => return, // the channel has ended, and no timer is left
        }
    }
}
// ANCHOR_END: sessions

/// Handles messages until the channel has ended, or until `deadline`. Then it calls
/// `late`. The deadline stops no handler that runs.
///
/// # Cancel safety
/// If you drop this, the handler that runs is dropped with its message. Other messages
/// are still in the channel.
pub async fn or_late<T, Fut: Future<Output = ()>>(
    messages: &mut mpsc::Receiver<T>,
    deadline: Instant,
    mut handle: impl FnMut(T) -> Fut,
    late: impl FnOnce(),
) {
    // ANCHOR: polled_timer
    let mut limit = pin!(sleep_until(deadline));
    loop {
        select! {
            biased; // looks at the limit first
            () = &mut limit => return late(),
            message = messages.recv() => match message {
                Some(message) => handle(message).await,
                None => return,
            },
        }
    }
    // ANCHOR_END: polled_timer
}

/// How it goes wrong.
pub mod naive {
    use super::*;

    /// Wrong: each ping starts the silence again.
    pub async fn serve<T, Fut: Future<Output = ()>>(
        messages: &mut mpsc::Receiver<T>,
        limits: Limits,
        mut handle: impl FnMut(T) -> Fut,
        mut ping: impl FnMut(),
    ) -> End {
        let mut pings = interval_at(Instant::now() + limits.ping, limits.ping);
        // ANCHOR: silence_each_round
        loop {
            select! {
                _ = pings.tick() => ping(),
                message = messages.recv() => match message {
                    Some(message) => handle(message).await,
                    None => return End::Closed,
                },
                () = sleep(limits.silence) => return End::Silent,
            }
        }
        // ANCHOR_END: silence_each_round
    }

    /// Wrong: each message starts the period again.
    pub async fn with_reports<T>(
        messages: &mut mpsc::Receiver<T>,
        period: Duration,
        mut write: impl FnMut(T),
        mut report: impl FnMut(),
    ) {
        loop {
            select! {
                // ANCHOR: period_each_round
                () = sleep(period) => report(),
                // ANCHOR_END: period_each_round
                message = messages.recv() => match message {
                    Some(message) => write(message),
                    None => return,
                },
            }
        }
    }

    /// Wrong: a sleep that has ended is ready at once, in each round.
    pub async fn reminding<T>(
        messages: &mut mpsc::Receiver<T>,
        limit: Duration,
        mut write: impl FnMut(T),
        mut remind: impl FnMut(),
    ) {
        let mut silence = pin!(sleep(limit));
        loop {
            select! {
                // ANCHOR: fires_for_ever
                () = &mut silence => remind(),
                // ANCHOR_END: fires_for_ever
                message = messages.recv() => match message {
                    Some(message) => {
                        write(message);
                        silence.as_mut().reset(Instant::now() + limit);
                    }
                    None => return,
                },
            }
        }
    }

    /// Wrong: the time may be over before the branch is polled, so nobody calls `late`.
    pub async fn or_late<T, Fut: Future<Output = ()>>(
        messages: &mut mpsc::Receiver<T>,
        deadline: Instant,
        mut handle: impl FnMut(T) -> Fut,
        mut late: impl FnMut(),
    ) {
        // ANCHOR: asked_timer
        let mut limit = pin!(sleep_until(deadline));
        while !limit.is_elapsed() {
            select! {
                () = &mut limit, if !limit.is_elapsed() => late(),
                message = messages.recv() => match message {
                    Some(message) => handle(message).await,
                    None => return,
                },
            }
        }
        // ANCHOR_END: asked_timer
    }
}

#[cfg(test)]
mod tests;

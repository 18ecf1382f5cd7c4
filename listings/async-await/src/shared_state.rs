//! State that many tasks share: a lock for a moment, and a lock that is held while its holder waits.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Mutex as AsyncMutex;

// ANCHOR: stock
/// How many pens a shop has left. Share it by reference, or in an `Arc`.
#[derive(Debug)]
pub struct Stock {
    left: Mutex<u32>,
}

/// The shop has no pen left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sold out")]
pub struct SoldOut;

impl Stock {
    /// Takes one pen. It goes back if you drop what this returns before
    /// [`sold`](Reserved::sold).
    ///
    /// # Errors
    /// [`SoldOut`] if no pen is left.
    pub fn reserve(&self) -> Result<Reserved<'_>, SoldOut> {
        let mut left = self.lock();
        // It looks and changes under one lock.
        *left = left.checked_sub(1).ok_or(SoldOut)?;
        Ok(Reserved { stock: self, sold: false })
    } // here the lock is free again

    /// How many are left now. They may be gone when you look again.
    pub fn left(&self) -> u32 {
        *self.lock()
    }

    // Each change is a single step, so a panic cannot leave it half done.
    fn lock(&self) -> MutexGuard<'_, u32> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
// ANCHOR_END: stock

// ANCHOR: reserved
impl Stock {
    /// A shop with this many pens.
    pub const fn new(left: u32) -> Self {
        Self { left: Mutex::new(left) }
    }
}

/// A pen that nobody else can take. Dropping it gives it back.
#[must_use = "a pen that is dropped at once goes back at once"]
#[derive(Debug)]
pub struct Reserved<'stock> {
    stock: &'stock Stock,
    sold: bool,
}

impl Reserved<'_> {
    /// It is sold, and does not go back.
    pub fn sold(mut self) {
        self.sold = true;
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if !self.sold {
            *self.stock.lock() += 1;
        }
    }
}
// ANCHOR_END: reserved

/// Asks one question at a time on one connection, which it makes when there is none.
///
/// # Errors
/// What `connect` or `ask` returned. After an error, the connection is dropped.
///
/// # Cancel safety
/// Dropped while it waits for the lock, it loses its place in the queue. Dropped later,
/// it drops the connection, and the next question gets a new one.
// ANCHOR: on_a_connection
pub async fn on_a_connection<C, T, E>(
    line: &AsyncMutex<Option<C>>,
    connect: impl AsyncFnOnce() -> Result<C, E>,
    ask: impl AsyncFnOnce(&mut C) -> Result<T, E>,
) -> Result<T, E> {
    let mut slot = line.lock().await;
    // ANCHOR: put_back
    let mut connection = match slot.take() {
        Some(connection) => connection,
        None => connect().await?,
    };
    let answer = ask(&mut connection).await?;
    *slot = Some(connection); // only a connection that has no answer left unread
    Ok(answer)
    // ANCHOR_END: put_back
}
// ANCHOR_END: on_a_connection

// ANCHOR: one_after_the_other
/// Moves one pen. It never holds two locks.
///
/// # Errors
/// [`SoldOut`] if `from` has no pen left.
pub fn move_one(from: &Stock, to: &Stock) -> Result<(), SoldOut> {
    from.reserve()?.sold();
    *to.lock() += 1;
    Ok(())
}
// ANCHOR_END: one_after_the_other

// ANCHOR: one_read
/// The price with its tax, from one look at the prices.
///
/// # Cancel safety
/// It only reads. Dropped while it waits, it loses its place in the queue.
pub async fn price_with_tax(prices: &tokio::sync::RwLock<Prices>) -> u64 {
    let prices = prices.read().await;
    prices.net + tax(&prices)
}
// ANCHOR_END: one_read

// ANCHOR: prices
/// What a pen costs, in cents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prices {
    /// Without tax.
    pub net: u64,
    /// Of the net price.
    pub tax_percent: u64,
}

/// The tax on the net price, in cents, rounded down.
pub fn tax(prices: &Prices) -> u64 {
    prices.net * prices.tax_percent / 100
}
// ANCHOR_END: prices

/// What loses changes, mixes answers, or waits for ever.
pub mod naive {
    use std::future::Future; // only edition 2021 needs this line

    use tokio::sync::{Mutex, RwLock};

    use super::*;

    /// Wrong: others change `left` while this waits.
    ///
    /// # Cancel safety
    /// Dropped where it waits, it leaves `left` as it is.
    // ANCHOR: lost_update
    pub async fn buy(left: &Mutex<u32>, charge: impl Future) {
        let seen = *left.lock().await; // the lock is free again
        charge.await; // all other orders see the same number
        *left.lock().await = seen - 1;
    }
    // ANCHOR_END: lost_update

    /// Wrong: a question that is dropped leaves its answer to the next one.
    ///
    /// # Errors
    /// What `ask` returned.
    ///
    /// # Cancel safety
    /// Dropped while `ask` waits, it leaves the connection as `ask` left it.
    pub async fn on_a_connection<C, T, E>(
        line: &Mutex<C>,
        ask: impl AsyncFnOnce(&mut C) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = line.lock().await;
        // ANCHOR: connection_stays
        let answer = ask(&mut connection).await?;
        Ok(answer)
        // ANCHOR_END: connection_stays
    }

    /// Wrong: the other way round at the same time, both wait for ever.
    ///
    /// # Cancel safety
    /// Dropped where it waits, it moves nothing.
    // ANCHOR: two_orders
    pub async fn move_one(from: &Mutex<u32>, to: &Mutex<u32>, book: impl Future) {
        let mut from = from.lock().await;
        book.await;
        let mut to = to.lock().await; // held by the one that waits for `from`
        *from -= 1;
        *to += 1;
    }
    // ANCHOR_END: two_orders

    // ANCHOR: two_reads
    /// Wrong: a writer that comes between the two reads waits for the first, and the
    /// second waits for the writer.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn price_with_tax(prices: &RwLock<Prices>, log: impl Future) -> u64 {
        let first = prices.read().await;
        log.await;
        let second = prices.read().await;
        first.net + tax(&second)
    }
    // ANCHOR_END: two_reads
}

#[cfg(test)]
mod tests;

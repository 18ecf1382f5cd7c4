//! Closures that return a future, and what this future may borrow.

use std::future::Future; // only edition 2021 needs this line
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::stream::{Stream, StreamExt};
use tokio::task::{JoinError, JoinSet};

// ANCHOR: save_all
/// Saves all orders, two at a time, and adds up those for which `save` says `true`.
///
/// # Cancel safety
/// If you drop this, the total is lost, and up to two orders may be saved or not.
pub async fn save_all<Fut>(
    orders: impl Stream<Item = u64>,
    save: &impl Fn(u64) -> Fut,
) -> u64
where
    Fut: Future<Output = bool>,
{
    // ANCHOR: shared
    let total = &AtomicU64::new(0); // each future gets a copy of this reference
    let saving = orders.for_each_concurrent(2, |cents| async move {
        // ANCHOR: add_late
        if save(cents).await {
            total.fetch_add(cents, Ordering::Relaxed);
        }
        // ANCHOR_END: add_late
    });
    saving.await;
    total.load(Ordering::Relaxed)
    // ANCHOR_END: shared
}
// ANCHOR_END: save_all

/// Saves one order after another, and adds up those for which `save` says `true`.
///
/// # Cancel safety
/// If you drop this, the total is lost, and one order may be saved or not.
pub async fn save_in_a_loop<Fut>(
    orders: impl Stream<Item = u64>,
    save: &impl Fn(u64) -> Fut,
) -> u64
where
    Fut: Future<Output = bool>,
{
    // ANCHOR: in_a_loop
    let mut orders = pin!(orders);
    let mut total = 0;
    while let Some(cents) = orders.next().await {
        if save(cents).await {
            total += cents;
        }
    }
    total
    // ANCHOR_END: in_a_loop
}

/// The same as `save_all`, and nothing is shared.
pub async fn save_with_results<Fut>(
    orders: impl Stream<Item = u64>,
    save: &impl Fn(u64) -> Fut,
) -> u64
where
    Fut: Future<Output = bool>,
{
    // ANCHOR: results
    let saving = orders.map(|cents| async move {
        if save(cents).await { cents } else { 0 } // what is saved
    });
    let mut results = pin!(saving.buffer_unordered(2)); // two at a time
    let mut total = 0;
    while let Some(saved) = results.next().await {
        total += saved;
    }
    total
    // ANCHOR_END: results
}

/// The same as `save_in_a_loop`, with `fold`.
pub async fn save_with_fold<Fut>(
    orders: impl Stream<Item = u64>,
    save: &impl Fn(u64) -> Fut,
) -> u64
where
    Fut: Future<Output = bool>,
{
    // ANCHOR: fold
    let saving = orders.fold(0, |total, cents| async move {
        if save(cents).await { total + cents } else { total }
    });
    saving.await
    // ANCHOR_END: fold
}

/// Saves all orders, two at a time, and says how many it began to save.
///
/// # Cancel safety
/// As `save_all`.
pub async fn save_and_count<Fut>(
    orders: impl Stream<Item = u64>,
    save: &impl Fn(u64) -> Fut,
) -> u32
where
    Fut: Future<Output = bool>,
{
    // ANCHOR: counted
    let mut begun = 0;
    let saving = orders.for_each_concurrent(2, |cents| {
        begun += 1; // this runs in the closure, so it may change `begun`
        async move {
            save(cents).await; // this runs later, in the future
        }
    });
    saving.await;
    begun
    // ANCHOR_END: counted
}

/// The same as `save_all`, with an async closure.
pub async fn save_with_async_closure<Fut>(
    orders: impl Stream<Item = u64>,
    save: &impl Fn(u64) -> Fut,
) -> u64
where
    Fut: Future<Output = bool>,
{
    // ANCHOR: async_closure
    let total = AtomicU64::new(0);
    let saving = orders.for_each_concurrent(2, async |cents| {
        if save(cents).await {
            total.fetch_add(cents, Ordering::Relaxed);
        }
    });
    saving.await;
    total.into_inner()
    // ANCHOR_END: async_closure
}

// ANCHOR: for_each_order
/// Calls `act` for one order after another, and waits for it.
///
/// # Cancel safety
/// If you drop this, the `act` that runs is dropped.
pub async fn for_each_order(orders: &[u64], mut act: impl AsyncFnMut(&u64)) {
    for cents in orders {
        act(cents).await; // the next call comes when this future has ended
    }
}
// ANCHOR_END: for_each_order

/// Saves each order in a task of its own.
///
/// # Errors
/// A task has panicked. The others are aborted then.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, all its tasks are aborted.
pub async fn save_in_tasks<F, Fut>(orders: Vec<u64>, save: F) -> Result<u64, JoinError>
where
    F: Fn(u64) -> Fut,
    Fut: Future<Output = bool> + Send + 'static,
{
    // ANCHOR: in_tasks
    let total = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for cents in orders {
        let saving = save(cents);
        let total = Arc::clone(&total); // a share of its own for each task
        tasks.spawn(async move {
            if saving.await {
                total.fetch_add(cents, Ordering::Relaxed);
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    Ok(total.load(Ordering::Relaxed))
    // ANCHOR_END: in_tasks
}

// ANCHOR: named
/// Calls `act` for one order after another. Its future may borrow the order.
///
/// # Cancel safety
/// If you drop this, the `act` that runs is dropped.
pub async fn for_each_named<'a, Fut>(
    orders: &'a [u64],
    mut act: impl FnMut(&'a u64) -> Fut,
) where
    Fut: Future<Output = ()>,
{
    for cents in orders {
        act(cents).await;
    }
}
// ANCHOR_END: named

/// How it goes wrong.
pub mod naive {
    use super::*;

    /// Wrong: each future changes a copy of `total`.
    #[expect(
        unused_assignments,
        reason = "the compiler sees that nobody reads the copy"
    )]
    pub async fn save_all<Fut>(
        orders: impl Stream<Item = u64>,
        save: &impl Fn(u64) -> Fut,
    ) -> u64
    where
        Fut: Future<Output = bool>,
    {
        // ANCHOR: copied
        let mut total = 0;
        let saving = orders.for_each_concurrent(2, |cents| async move {
            if save(cents).await {
                total += cents;
            }
        });
        saving.await;
        total
        // ANCHOR_END: copied
    }

    /// Wrong: while one future waits, the other changes the total that it has read.
    pub async fn save_and_set<Fut>(
        orders: impl Stream<Item = u64>,
        save: &impl Fn(u64) -> Fut,
    ) -> u64
    where
        Fut: Future<Output = bool>,
    {
        let total = &AtomicU64::new(0);
        let saving = orders.for_each_concurrent(2, |cents| async move {
            // ANCHOR: read_too_early
            let before = total.load(Ordering::Relaxed);
            if save(cents).await {
                total.store(before + cents, Ordering::Relaxed);
            }
            // ANCHOR_END: read_too_early
        });
        saving.await;
        total.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;

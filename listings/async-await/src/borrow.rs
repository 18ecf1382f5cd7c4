//! Borrow across tasks: three ways to change a list from several places at once.

use std::future::Future; // only edition 2021 needs this line
use std::num::NonZeroUsize;
use std::thread;

use futures::future::join_all;
use tokio::task::{JoinError, JoinSet, spawn_blocking};

// ANCHOR: change_all
/// Replaces each item by what `change` makes of it. All of them wait at the same time,
/// on the task of the caller.
///
/// # Cancel safety
/// Dropping this drops the changes that still run: their items are as they were.
pub async fn change_all<T: Clone, Fut>(items: &mut [T], change: impl Fn(T) -> Fut)
where
    Fut: Future<Output = T>,
{
    let changes = items.iter_mut().map(|item| {
        let new = change(item.clone()); // it gets a copy: the block below needs `item`
        async move { *item = new.await }
    });
    join_all(changes).await;
}
// ANCHOR_END: change_all

// ANCHOR: change_in_tasks
/// Gives each item to a task of its own, and returns what the tasks make of them, in
/// the order of `items`.
///
/// # Errors
/// A task has panicked. The other tasks are aborted, and all items are lost.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// Dropping this aborts all tasks, and loses all items.
pub async fn change_in_tasks<T, Fut>(
    items: Vec<T>,
    change: impl Fn(T) -> Fut,
) -> Result<Vec<T>, JoinError>
where
    T: Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for (place, item) in items.into_iter().enumerate() {
        let new = change(item);
        tasks.spawn(async move { (place, new.await) });
    }
    let mut changed = Vec::new();
    while let Some(result) = tasks.join_next().await {
        changed.push(result?); // an error drops `tasks` and `changed`
    }
    changed.sort_by_key(|(place, _)| *place);
    Ok(changed.into_iter().map(|(_, item)| item).collect())
}
// ANCHOR_END: change_in_tasks

// ANCHOR: compute_all
/// Runs `compute` for each item, on up to `threads` threads at once. The threads borrow
/// the items.
///
/// # Errors
/// `compute` has panicked. All items are lost.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// Dropping this does not stop the threads. They compute to their end, and all items
/// are lost.
pub async fn compute_all<T: Send + 'static>(
    mut items: Vec<T>,
    threads: NonZeroUsize,
    compute: impl Fn(&mut T) + Send + Sync + 'static,
) -> Result<Vec<T>, JoinError> {
    // ANCHOR: scope_in_blocking
    let work = move || {
        let each = items.len().div_ceil(threads.get()).max(1);
        thread::scope(|scope| {
            for part in items.chunks_mut(each) {
                scope.spawn(|| part.iter_mut().for_each(&compute));
            }
        }); // waits for all threads of the scope
        items
    };
    spawn_blocking(work).await
    // ANCHOR_END: scope_in_blocking
}
// ANCHOR_END: compute_all

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: the scope of threads blocks the thread of the runtime.
    #[expect(clippy::unused_async, reason = "that it never waits is what is wrong")]
    pub async fn compute_all<T: Send>(
        mut items: Vec<T>,
        threads: NonZeroUsize,
        compute: impl Fn(&mut T) + Sync,
    ) -> Vec<T> {
        // ANCHOR: scope_in_async
        let each = items.len().div_ceil(threads.get()).max(1);
        thread::scope(|scope| {
            for part in items.chunks_mut(each) {
                scope.spawn(|| part.iter_mut().for_each(&compute));
            }
        });
        items
        // ANCHOR_END: scope_in_async
    }
}

#[cfg(test)]
mod tests;

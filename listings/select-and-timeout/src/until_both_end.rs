//! Several sources in one loop, until all of them have ended.

use std::future::Future; // only edition 2021 needs this line
use std::pin::pin;

use futures::FutureExt;
use futures::future::OptionFuture;
use tokio::select;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::{JoinError, JoinSet};

/// Passes the sales of two shops to `write` as they come, until both have closed.
///
/// # Cancel safety
/// If you drop this, no sale is lost: what `write` has not got is in the channels.
pub async fn until_both_end<T>(
    town: &mut mpsc::Receiver<T>,
    web: &mut mpsc::Receiver<T>,
    mut write: impl FnMut(T),
) {
    loop {
        select! {
            Some(sale) = town.recv() => write(sale),
            Some(sale) = web.recv() => write(sale),
            else => break, // both have closed
        }
    }
}

/// The same, and tells `closed` the name of each shop when it has closed.
///
/// # Cancel safety
/// If you drop this, no sale is lost: what `write` has not got is in the channels.
#[expect(clippy::single_match_else, reason = "a value and an end: an arm for each")]
pub async fn telling_each_end<T>(
    town: &mut mpsc::Receiver<T>,
    web: &mut mpsc::Receiver<T>,
    mut write: impl FnMut(T),
    mut closed: impl FnMut(&'static str),
) {
    let (mut town_open, mut web_open) = (true, true);
    while town_open || web_open {
        select! {
            // ANCHOR: flag_is_set
            sale = town.recv(), if town_open => match sale {
                Some(sale) => write(sale),
                None => {
                    town_open = false;
                    closed("town");
                }
            },
            // ANCHOR_END: flag_is_set
            sale = web.recv(), if web_open => match sale {
                Some(sale) => write(sale),
                None => {
                    web_open = false;
                    closed("web");
                }
            },
        }
    }
}

/// Starts a task for each sale, until both shops have closed and all tasks have ended.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, its tasks are aborted. Other sales are still in the channels.
pub async fn with_tasks<T, Fut>(
    town: &mut mpsc::Receiver<T>,
    web: &mut mpsc::Receiver<T>,
    print: impl Fn(T) -> Fut,
    mut printed: impl FnMut(Result<Fut::Output, JoinError>),
) where
    Fut: Future + Send + 'static,
    Fut::Output: Send + 'static,
{
    let mut tasks = JoinSet::new();
    loop {
        select! {
            Some(sale) = town.recv() => { tasks.spawn(print(sale)); }
            Some(sale) = web.recv() => { tasks.spawn(print(sale)); }
            Some(result) = tasks.join_next() => printed(result),
            else => break, // both have closed, and no task is left
        }
    }
}

/// Passes payments and refusals of two shops on, until both have closed.
///
/// # Cancel safety
/// If you drop this, no message is lost: what was not passed on is in the channels.
pub async fn with_refusals<T, E>(
    town: &mut mpsc::Receiver<Result<T, E>>,
    web: &mut mpsc::Receiver<Result<T, E>>,
    mut write: impl FnMut(Result<T, E>),
) {
    loop {
        select! {
            // ANCHOR: each_message
            Some(payment) = town.recv() => write(payment), // `Ok` or `Err`
            Some(payment) = web.recv() => write(payment),
            // ANCHOR_END: each_message
            else => break,
        }
    }
}

/// Waits for `count`, and passes sales on before and after, until the shop has closed.
///
/// # Cancel safety
/// If you drop this, `count` is dropped where it waits. No sale is lost.
pub async fn with_a_count<N, T>(
    count: impl Future<Output = N>,
    sales: &mut mpsc::Receiver<T>,
    mut counted: impl FnMut(N),
    mut write: impl FnMut(T),
) {
    // ANCHOR: guarded
    let mut count = pin!(count);
    let mut counting = true;
    loop {
        select! {
            number = &mut count, if counting => {
                counting = false; // never poll it again
                counted(number);
            }
            Some(sale) = sales.recv() => write(sale),
            else => break,
        }
    }
    // ANCHOR_END: guarded
}

/// The same, without a flag: the count is taken out of its place when it has finished.
///
/// # Cancel safety
/// If you drop this, `count` is dropped where it waits. No sale is lost.
pub async fn with_an_optional_count<N, T>(
    count: impl Future<Output = N>,
    sales: &mut mpsc::Receiver<T>,
    mut counted: impl FnMut(N),
    mut write: impl FnMut(T),
) {
    // ANCHOR: optional
    let mut count = pin!(OptionFuture::from(Some(count)));
    loop {
        select! {
            Some(number) = &mut count => {
                count.set(OptionFuture::from(None)); // `None` at once from now on
                counted(number);
            }
            Some(sale) = sales.recv() => write(sale),
            else => break,
        }
    }
    // ANCHOR_END: optional
}

/// The same with `fuse`, which waits for ever after the end: so no `else`.
///
/// # Cancel safety
/// If you drop this, `count` is dropped where it waits. No sale is lost.
pub async fn with_a_fused_count<N, T>(
    count: impl Future<Output = N>,
    sales: &mut mpsc::Receiver<T>,
    mut counted: impl FnMut(N),
    mut write: impl FnMut(T),
) {
    // ANCHOR: fused
    let mut count = pin!(count.fuse());
    let mut open = true;
    let mut counting = true;
    while open || counting {
        select! {
            number = &mut count => {
                counting = false;
                counted(number);
            }
            sale = sales.recv(), if open => match sale {
                Some(sale) => write(sale),
                None => open = false,
            },
        }
    }
    // ANCHOR_END: fused
}

/// Passes news on, and tells `missed` how many were lost, until the sender is gone.
///
/// # Cancel safety
/// If you drop this, no news is lost by the drop.
pub async fn follow<T: Clone>(
    news: &mut broadcast::Receiver<T>,
    sales: &mut mpsc::Receiver<T>,
    mut write: impl FnMut(T),
    mut missed: impl FnMut(u64),
) {
    let mut more_news = true;
    loop {
        select! {
            // ANCHOR: lag_is_told
            item = news.recv(), if more_news => match item {
                Ok(item) => write(item),
                Err(RecvError::Lagged(number)) => missed(number),
                Err(RecvError::Closed) => more_news = false,
            },
            // ANCHOR_END: lag_is_told
            Some(sale) = sales.recv() => write(sale),
            else => break,
        }
    }
}

/// Passes each price that it sees to `write`, and all sales, until both senders are gone.
///
/// # Cancel safety
/// If you drop this, no sale is lost.
pub async fn watch_a_price<T: Clone>(
    price: &mut watch::Receiver<T>,
    sales: &mut mpsc::Receiver<T>,
    mut write: impl FnMut(T),
) {
    loop {
        select! {
            // ANCHOR: ok_changed
            Ok(()) = price.changed() => write(price.borrow_and_update().clone()),
            // ANCHOR_END: ok_changed
            Some(sale) = sales.recv() => write(sale),
            else => break,
        }
    }
}

/// How it goes wrong.
pub mod naive {
    use super::*;

    /// Wrong: the first shop that closes ends the loop.
    pub async fn until_the_first_ends<T>(
        town: &mut mpsc::Receiver<T>,
        web: &mut mpsc::Receiver<T>,
        mut write: impl FnMut(T),
    ) {
        loop {
            select! {
                // ANCHOR: first_end
                sale = town.recv() => match sale {
                    Some(sale) => write(sale),
                    None => break,
                },
                Some(sale) = web.recv() => write(sale),
                // ANCHOR_END: first_end
            }
        }
    }

    /// Wrong: the flags are never set. Calls `round` at the start of each round.
    pub async fn with_dead_flags<T>(
        town: &mut mpsc::Receiver<T>,
        web: &mut mpsc::Receiver<T>,
        mut write: impl FnMut(T),
        mut round: impl FnMut(),
    ) {
        let (town_open, web_open) = (true, true);
        loop {
            round();
            select! {
                // ANCHOR: flag_is_not_set
                sale = town.recv(), if town_open => {
                    if let Some(sale) = sale {
                        write(sale);
                    }
                }
                // ANCHOR_END: flag_is_not_set
                sale = web.recv(), if web_open => {
                    if let Some(sale) = sale {
                        write(sale);
                    }
                }
            }
        }
    }

    /// Wrong: when both have closed, no branch is left.
    ///
    /// # Panics
    /// Both shops have closed.
    pub async fn without_else<T>(
        town: &mut mpsc::Receiver<T>,
        web: &mut mpsc::Receiver<T>,
        mut write: impl FnMut(T),
    ) {
        loop {
            select! {
                Some(sale) = town.recv() => write(sale),
                Some(sale) = web.recv() => write(sale),
            }
        }
    }

    /// Wrong: a refusal is dropped, and its shop is not polled again in this round.
    pub async fn without_refusals<T, E>(
        town: &mut mpsc::Receiver<Result<T, E>>,
        web: &mut mpsc::Receiver<Result<T, E>>,
        mut write: impl FnMut(T),
    ) {
        loop {
            select! {
                // ANCHOR: only_ok
                Some(Ok(payment)) = town.recv() => write(payment),
                Some(Ok(payment)) = web.recv() => write(payment),
                // ANCHOR_END: only_ok
                else => break,
            }
        }
    }

    /// Wrong: polls the count again after it has finished.
    ///
    /// # Panics
    /// The count finishes before the shop closes.
    pub async fn with_a_count<N, T>(
        count: impl Future<Output = N>,
        sales: &mut mpsc::Receiver<T>,
        mut counted: impl FnMut(N),
        mut write: impl FnMut(T),
    ) {
        // ANCHOR: polled_again
        let mut count = pin!(count);
        loop {
            select! {
                number = &mut count => counted(number),
                Some(sale) = sales.recv() => write(sale),
                else => break,
            }
        }
        // ANCHOR_END: polled_again
    }

    /// Wrong: a fused future that has finished waits for ever, so `else` never runs.
    pub async fn with_a_fused_count<N, T>(
        count: impl Future<Output = N>,
        sales: &mut mpsc::Receiver<T>,
        mut counted: impl FnMut(N),
        mut write: impl FnMut(T),
    ) {
        // ANCHOR: fused_and_else
        let mut count = pin!(count.fuse());
        loop {
            select! {
                number = &mut count => counted(number),
                Some(sale) = sales.recv() => write(sale),
                else => break,
            }
        }
        // ANCHOR_END: fused_and_else
    }

    /// Wrong: nobody hears that news were lost.
    pub async fn follow<T: Clone>(
        news: &mut broadcast::Receiver<T>,
        sales: &mut mpsc::Receiver<T>,
        mut write: impl FnMut(T),
    ) {
        loop {
            select! {
                // ANCHOR: lag_is_dropped
                Ok(item) = news.recv() => write(item),
                // ANCHOR_END: lag_is_dropped
                Some(sale) = sales.recv() => write(sale),
                else => break,
            }
        }
    }

    /// Wrong: after the sender is gone, `changed` is ready in each round.
    pub async fn watch_a_price<T: Clone>(
        price: &mut watch::Receiver<T>,
        sales: &mut mpsc::Receiver<T>,
        mut write: impl FnMut(T),
    ) {
        loop {
            select! {
                // ANCHOR: any_changed
                _ = price.changed() => write(price.borrow_and_update().clone()),
                // ANCHOR_END: any_changed
                Some(sale) = sales.recv() => write(sale),
                else => break,
            }
        }
    }
}

#[cfg(test)]
mod tests;

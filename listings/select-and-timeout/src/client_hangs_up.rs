//! What a handler of a web server leaves behind when its client hangs up.

use std::future::Future; // only edition 2021 needs this line
use std::io;

use axum::Router;
use axum::http::StatusCode;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

// ANCHOR: take_order
/// Writes an order, and then confirms it, in a task of `tasks`.
///
/// # Errors
/// 500: one of the two has panicked.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, the task runs on. If this was never polled, nothing begins.
pub async fn take_order<W, C>(
    tasks: &TaskTracker,
    write: W,
    confirm: C,
) -> Result<(), StatusCode>
where
    W: Future<Output = ()> + Send + 'static,
    C: Future<Output = ()> + Send + 'static,
{
    // ANCHOR: tracked
    let work = async {
        write.await;
        confirm.await;
    };
    let end = tasks.spawn(work).await;
    // ANCHOR_END: tracked
    end.map_err(|_panicked| StatusCode::INTERNAL_SERVER_ERROR)
}
// ANCHOR_END: take_order

// ANCHOR: serve
/// Serves until `stop` is cancelled. Then waits for all connections, and for `tasks`.
///
/// # Errors
/// axum says that it never returns one.
///
/// # Cancel safety
/// If you drop this, no new connection is accepted. Connections and tasks go on.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    tasks: TaskTracker,
    stop: CancellationToken,
) -> io::Result<()> {
    // ANCHOR: wait
    axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await?;
    tasks.close(); // so that `wait` ends with the last task
    tasks.wait().await;
    // ANCHOR_END: wait
    Ok(())
}
// ANCHOR_END: serve

// ANCHOR: report
/// Computes on a blocking thread, and `tasks` counts it. The token of the work is
/// cancelled when the client hangs up.
///
/// # Errors
/// 500: the work has panicked.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, the token is cancelled, and the work ends where it looks at it.
pub async fn report<T, W>(tasks: &TaskTracker, work: W) -> Result<T, StatusCode>
where
    T: Send + 'static,
    W: FnOnce(CancellationToken) -> T + Send + 'static,
{
    // ANCHOR: guard
    let gone = CancellationToken::new();
    let _guard = gone.clone().drop_guard(); // dropped with the handler
    let end = tasks.spawn_blocking(|| work(gone)).await;
    // ANCHOR_END: guard
    end.map_err(|_panicked| StatusCode::INTERNAL_SERVER_ERROR)
}
// ANCHOR_END: report

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: if the client hangs up in between, the order is written and not confirmed.
    pub async fn take_order<W, C>(write: W, confirm: C)
    where
        W: Future<Output = ()>,
        C: Future<Output = ()>,
    {
        // ANCHOR: in_the_handler
        write.await; // the order is in the database
        confirm.await; // the client hangs up here
        // ANCHOR_END: in_the_handler
    }

    /// Wrong: the task runs on, and nobody waits for it.
    ///
    /// # Errors
    /// 500: one of the two has panicked.
    pub async fn take_order_untracked<W, C>(
        write: W,
        confirm: C,
    ) -> Result<(), StatusCode>
    where
        W: Future<Output = ()> + Send + 'static,
        C: Future<Output = ()> + Send + 'static,
    {
        // ANCHOR: untracked
        let work = async {
            write.await;
            confirm.await;
        };
        let end = tokio::spawn(work).await;
        // ANCHOR_END: untracked
        end.map_err(|_panicked| StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Wrong: the guard is dropped in the line that makes it.
    ///
    /// # Errors
    /// 500: the work has panicked.
    pub async fn report<T, W>(tasks: &TaskTracker, work: W) -> Result<T, StatusCode>
    where
        T: Send + 'static,
        W: FnOnce(CancellationToken) -> T + Send + 'static,
    {
        // ANCHOR: no_guard
        let gone = CancellationToken::new();
        let _ = gone.clone().drop_guard(); // dropped here
        let end = tasks.spawn_blocking(|| work(gone)).await;
        // ANCHOR_END: no_guard
        end.map_err(|_panicked| StatusCode::INTERNAL_SERVER_ERROR)
    }
}

#[cfg(test)]
mod tests;

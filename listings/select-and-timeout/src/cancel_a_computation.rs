//! A long computation that can be cancelled: in pieces, on a thread, with a look at a token between two pieces.

use std::ops::ControlFlow;

use tokio::select;
use tokio::task::{JoinError, spawn_blocking, yield_now};
use tokio_util::sync::CancellationToken;

// ANCHOR: end
/// How a computation has ended, and its state.
#[derive(Debug, PartialEq, Eq)]
pub enum End<S> {
    /// Its last piece is done.
    Done(S),
    /// It was cancelled. All pieces that have begun are done.
    Stopped(S),
}
// ANCHOR_END: end

/// Computes piece after piece on a thread for blocking work, until a piece breaks or `stop` is
/// cancelled.
///
/// # Errors
/// A piece has panicked. The state is lost.
///
/// # Panics
/// Outside a Tokio runtime.
///
/// # Cancel safety
/// If you drop this, the piece that runs is finished, no other one begins, and the state is
/// dropped. Nobody waits for that.
// ANCHOR: in_pieces
pub async fn in_pieces<S, P>(
    stop: &CancellationToken,
    mut state: S,
    mut piece: P,
) -> Result<End<S>, JoinError>
where
    S: Send + 'static,
    P: FnMut(&mut S) -> ControlFlow<()> + Send + 'static,
{
    let token = stop.child_token(); // cancelled with `stop`
    let _guard = token.clone().drop_guard(); // and if this future is dropped
    // ANCHOR: looks
    let work = spawn_blocking(move || {
        while !token.is_cancelled() {
            if piece(&mut state).is_break() {
                return End::Done(state);
            }
        }
        End::Stopped(state)
    });
    work.await // waits for the thread, also after a cancel
    // ANCHOR_END: looks
}
// ANCHOR_END: in_pieces

/// Computes piece after piece in the task that calls this, until a piece breaks or `stop`
/// is cancelled.
///
/// # Cancel safety
/// If you drop this, no piece is cut in half, and the state stays with the caller.
// ANCHOR: in_the_task
pub async fn in_the_task<S>(
    stop: &CancellationToken,
    state: &mut S,
    mut piece: impl FnMut(&mut S) -> ControlFlow<()>,
) -> bool {
    let work = async {
        while piece(state).is_continue() {
            yield_now().await; // if the future is dropped, it stops here
        }
    };
    stop.run_until_cancelled(work).await.is_some()
}
// ANCHOR_END: in_the_task

/// How it goes wrong.
pub mod naive {
    use super::*;

    /// Wrong: no other branch is polled before the work has ended.
    pub async fn in_a_select<S>(
        stop: &CancellationToken,
        mut state: S,
        mut piece: impl FnMut(&mut S) -> ControlFlow<()>,
    ) -> Option<S> {
        let work = async {
            while piece(&mut state).is_continue() {} // no await in it
        };
        select! {
            () = work => Some(state),
            () = stop.cancelled() => None,
        }
    }

    /// Wrong: the answer to the user comes at once, and the thread computes to its end.
    ///
    /// # Errors
    /// A piece has panicked.
    pub async fn nobody_looks<S, P>(
        stop: &CancellationToken,
        mut state: S,
        mut piece: P,
    ) -> Result<Option<S>, JoinError>
    where
        S: Send + 'static,
        P: FnMut(&mut S) -> ControlFlow<()> + Send + 'static,
    {
        // ANCHOR: nobody_looks
        let work = spawn_blocking(move || {
            while piece(&mut state).is_continue() {}
            state
        });
        select! {
            end = work => end.map(Some),
            () = stop.cancelled() => Ok(None),
        }
        // ANCHOR_END: nobody_looks
    }
}

#[cfg(test)]
mod tests;

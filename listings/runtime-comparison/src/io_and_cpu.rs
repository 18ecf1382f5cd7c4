//! I/O and a computation at the same time: each has its threads, and an error of one ends the other.

use std::future::Future; // only edition 2021 needs this line
use std::io;

use rayon::ThreadPool;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use runtime_comparison::cpu_work::{ComputeError, compute_while_wanted};

/// Runs `io` in this task and `work` on a thread of `pool`, until both have ended or one has failed.
///
/// # Errors
/// The first error. If `io` fails, `work` is told by its token, and nobody waits for it. If `work` panics, `io` is
/// dropped.
///
/// # Panics
/// If `io` panics. `work` is told by its token.
///
/// # Cancel safety
/// If you drop this, `io` is dropped, and `work` is told by its token.
// ANCHOR: both
pub async fn both<A, E, B, W>(
    io: impl Future<Output = Result<A, E>>,
    pool: &ThreadPool,
    work: W,
) -> Result<(A, B), HalfError<E>>
where
    W: FnOnce(&CancellationToken) -> B + Send + 'static,
    B: Send + 'static,
{
    let io = async { io.await.map_err(HalfError::Io) };
    let work = compute_while_wanted(pool, work);
    let work = async { work.await.map_err(HalfError::Cpu) };
    tokio::try_join!(io, work)
}
// ANCHOR_END: both

// ANCHOR: half_error
/// Which half has failed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum HalfError<E> {
    /// The I/O has failed.
    #[error("the I/O has failed")]
    Io(#[source] E),
    /// The computation has failed.
    #[error("the computation has failed")]
    Cpu(#[source] ComputeError),
}
// ANCHOR_END: half_error

/// A runtime for tasks that compute, with threads called `cpu`.
///
/// # Errors
/// The system has no threads to give.
///
/// # Panics
/// `threads` is zero.
// ANCHOR: runtime
pub fn cpu_runtime(threads: usize) -> io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(threads).thread_name("cpu").enable_time().build()
}

/// Runs `task` on the threads of another runtime.
///
/// # Errors
/// The task has panicked, or its runtime has ended.
///
/// # Cancel safety
/// If you drop this, the task is aborted: it ends at its next await that has to wait.
pub async fn on_runtime<T, F>(cpu: &Handle, task: F) -> Result<T, JoinError>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    tokio_util::task::AbortOnDropHandle::new(cpu.spawn(task)).await
}
// ANCHOR_END: runtime

/// The checksum of `data`, `rounds` times over. Each step needs the one before, so none can be left out.
// ANCHOR: checksum
pub fn checksum(data: &[u8], rounds: u32) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64; // FNV-1a
    for _ in 0..rounds {
        for byte in data {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
    hash
}
// ANCHOR_END: checksum

/// How it goes wrong.
pub mod naive {
    use super::*;

    /// Wrong: a panic of `work` vanishes, and an error of `io` too.
    pub async fn errors_dropped<A, E, B, W>(
        io: impl Future<Output = Result<A, E>>,
        pool: &ThreadPool,
        work: W,
    ) where
        W: FnOnce(&CancellationToken) -> B + Send + 'static,
        B: Send + 'static,
    {
        // ANCHOR: errors_dropped
        let _ = tokio::join!(io, compute_while_wanted(pool, work));
        // ANCHOR_END: errors_dropped
    }

    /// Wrong: a release build leaves all of this out.
    // ANCHOR: nothing_left
    pub fn busy_work() {
        let mut sum = 0_u64;
        for number in 0..1_000_000_u64 {
            sum = sum.wrapping_add(number * number);
        }
        let _ = sum; // nobody needs it
    }
    // ANCHOR_END: nothing_left

    /// Wrong: the sum is right, and a release build has a formula for it.
    // ANCHOR: formula
    pub fn sum_of_squares(up_to: u64) -> u64 {
        let mut sum = 0_u64;
        for number in 0..up_to {
            sum = sum.wrapping_add(number.wrapping_mul(number));
        }
        sum
    }
    // ANCHOR_END: formula
}

#[cfg(test)]
mod tests;

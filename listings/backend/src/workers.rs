//! A service with a number of workers, which does all that it was asked for.
//!
//! Support: no page shows this file.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Workers that take jobs from one queue, first come, first served. A job whose caller went away is done all the
/// same, as by a server that nobody tells.
///
/// Worker `n` begins its jobs `2 * n` ms after each multiple of [`PERIOD`](Self::PERIOD): no two jobs end in one
/// millisecond, nor in an odd one.
#[derive(Debug)]
pub struct Workers {
    made: Instant,
    job: Duration,
    /// When each has done what it was asked for.
    free_at: Mutex<Vec<Instant>>,
}

impl Workers {
    /// The most that there can be.
    pub const MOST: usize = 10;
    /// The time of a job is a multiple of it.
    pub const PERIOD: Duration = Duration::from_millis(2 * Self::MOST as u64);

    /// So many workers, which need this long for a job.
    pub fn new(count: usize, job: Duration) -> Self {
        let made = Instant::now();
        Self { made, job, free_at: Mutex::new(vec![made; count]) }
    }

    /// From now on, only the first `count` workers begin jobs.
    pub fn keep(&self, count: usize) {
        self.free_at.lock().unwrap_or_else(PoisonError::into_inner).truncate(count);
    }

    /// Puts one job into the queue, at the call. The future is ready when the job is done.
    ///
    /// # Panics
    /// There is no worker.
    pub fn job(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut workers = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let starts =
            workers.iter().enumerate().map(|(n, free)| (self.start(n, *free), n));
        let (start, n) = starts.min().expect("a worker");
        workers[n] = start + self.job;
        sleep_until(workers[n])
    }

    /// When this worker can begin another job.
    fn start(&self, n: usize, free_at: Instant) -> Instant {
        let first = self.made + Duration::from_millis(2 * n as u64);
        let since = free_at.max(Instant::now()).saturating_duration_since(first);
        first + Self::PERIOD * since.as_nanos().div_ceil(Self::PERIOD.as_nanos()) as u32
    }
}

#[cfg(test)]
mod tests;

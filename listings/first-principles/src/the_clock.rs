//! The clock that tests stop, and code whose times can be tested on it.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};

// ANCHOR: wait_until
/// Asks `check` until it says yes, with `pause` between two checks, and gives up at
/// `limit`.
///
/// # Errors
/// `check` has not said yes within `limit`.
///
/// # Cancel safety
/// If you drop this, or at the limit, the check that is running is dropped.
pub async fn wait_until<F, Fut>(
    limit: Duration,
    pause: Duration,
    mut check: F,
) -> Result<(), Elapsed>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    // Tokio's timers count whole milliseconds. A pause of zero would ask without rest.
    let pause = pause.max(Duration::from_millis(1));
    // ANCHOR: limit_by_tokio
    let asking = async {
        while !check().await {
            sleep(pause).await;
        }
    };
    timeout(limit, asking).await
    // ANCHOR_END: limit_by_tokio
}
// ANCHOR_END: wait_until

// ANCHOR: is_ready
/// Asks the service at the other end of `connection` whether it is ready.
///
/// # Errors
/// `TimedOut` after `limit`. Else what the connection says: it broke, or it ended.
///
/// # Cancel safety
/// None: if you drop this, or at the limit, a part of the question or of the answer is
/// left in the connection. Close it then.
pub async fn is_ready<Io>(connection: &mut Io, limit: Duration) -> io::Result<bool>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    let asking = async {
        connection.write_all(b"ready?\n").await?;
        connection.flush().await?;
        let mut answer = [0; 4];
        connection.read_exact(&mut answer).await?;
        Ok(answer == *b"yes\n")
    };
    timeout(limit, asking).await?
}
// ANCHOR_END: is_ready

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;
    use std::time::Instant;

    /// Wrong: `std`'s clock is not the one that `sleep` waits for, and a check that hangs
    /// is never limited.
    pub async fn wait_until<F, Fut>(
        limit: Duration,
        pause: Duration,
        mut check: F,
    ) -> bool
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = bool>,
    {
        // ANCHOR: limit_by_std
        let start = Instant::now();
        while start.elapsed() < limit {
            if check().await {
                return true;
            }
            sleep(pause).await;
        }
        false
        // ANCHOR_END: limit_by_std
    }
}

#[cfg(test)]
mod tests;

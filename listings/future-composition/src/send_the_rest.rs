//! Send only what is left, when a send has stopped at a limit.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

// ANCHOR: send_within
/// Gives the connection as much of `rest` as it takes within `limit`, and shortens
/// `rest` to what it has not taken. When it has taken everything, this flushes.
///
/// # Errors
/// `TimedOut`: call again with the same `rest`, even if it is empty, because it is not
/// flushed yet. Any other error is that of the connection, which is then broken.
///
/// # Cancel safety
/// If you drop this at any await, `rest` is what has not been taken.
pub async fn send_within<Io>(
    connection: &mut Io,
    rest: &mut &[u8],
    limit: Duration,
) -> io::Result<()>
where
    Io: AsyncWrite + Unpin,
{
    // ANCHOR: only_the_rest
    let send = async {
        connection.write_all_buf(rest).await?;
        connection.flush().await
    };
    timeout(limit, send).await?
    // ANCHOR_END: only_the_rest
}
// ANCHOR_END: send_within

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;

    /// Wrong: at the limit some bytes are sent, and nobody knows how many.
    ///
    /// # Errors
    /// `TimedOut`, or what the connection says.
    pub async fn send_all<Io>(
        connection: &mut Io,
        message: &[u8],
        limit: Duration,
    ) -> io::Result<()>
    where
        Io: AsyncWrite + Unpin,
    {
        // ANCHOR: send_all
        timeout(limit, connection.write_all(message)).await?
        // ANCHOR_END: send_all
    }
}

#[cfg(test)]
mod tests;

//! Reads that the kernel does: who drops such a read, may drop bytes with it.

use std::future::Future;
use std::io;
use std::pin::pin;

use compio::BufResult;
use compio::io::AsyncRead;
use compio::runtime::{CancelToken, FutureExt, Runtime};
use futures::future::{Either, select};
use futures::stream::{Stream, StreamExt};

/// Whether the kernel does the reads of a new runtime: `false` where it refuses `io_uring`.
///
/// # Errors
/// The system gives nothing to wait for sockets with.
// ANCHOR: by_the_kernel
pub fn by_the_kernel() -> io::Result<bool> {
    Ok(Runtime::new()?.driver_type().is_iouring())
}
// ANCHOR_END: by_the_kernel

// ANCHOR: read_or_stop
/// `ECANCELED`: what the kernel says of a read that it has cancelled.
const CANCELED: i32 = 125;

/// Reads into `buffer` until `stop` is ready, and gives the buffer back with what came.
/// Returns `None` if the read was stopped before bytes came.
///
/// # Errors
/// The read has failed.
///
/// # Cancel safety
/// If you drop this while it waits, bytes may be lost: let `stop` end it.
pub async fn read_or_stop(
    stream: &mut impl AsyncRead,
    mut buffer: Vec<u8>,
    stop: impl Future,
) -> BufResult<Option<usize>, Vec<u8>> {
    buffer.clear(); // compio would leave an old end behind a shorter read
    let token = CancelToken::new();
    let mut read = pin!(stream.read(buffer).with_cancel(token.clone()));
    let BufResult(read, buffer) = match select(read.as_mut(), pin!(stop)).await {
        Either::Left((done, _)) => done,
        Either::Right(_) => {
            token.cancel(); // asks the kernel, and does not wait
            read.await // the answer: bytes, or that there are none
        }
    };
    match read {
        Err(error) if error.raw_os_error() == Some(CANCELED) => {
            BufResult(Ok(None), buffer)
        }
        read => BufResult(read.map(Some), buffer),
    }
}
// ANCHOR_END: read_or_stop

/// Reads into `buffer`, and calls `on_event` for each event that comes meanwhile. One read
/// waits for all of this time.
///
/// # Errors
/// The read has failed.
///
/// # Cancel safety
/// If you drop this while it waits, bytes may be lost, and no event is.
// ANCHOR: read_beside
pub async fn read_beside<E>(
    stream: &mut impl AsyncRead,
    mut buffer: Vec<u8>,
    events: &mut (impl Stream<Item = E> + Unpin),
    mut on_event: impl FnMut(E),
) -> BufResult<usize, Vec<u8>> {
    buffer.clear();
    let mut read = pin!(stream.read(buffer));
    loop {
        match select(read.as_mut(), events.next()).await {
            Either::Left((done, _)) => return done,
            Either::Right((Some(event), _)) => on_event(event),
            Either::Right((None, _)) => return read.await, // no more events
        }
    }
}
// ANCHOR_END: read_beside

/// How it goes wrong.
pub mod naive {
    use super::*;

    /// Wrong: drops the read, although the kernel may have put bytes into its buffer.
    ///
    /// # Cancel safety
    /// None: bytes are lost.
    // ANCHOR: dropped
    pub async fn read_or_stop(
        stream: &mut impl AsyncRead,
        buffer: Vec<u8>,
        stop: impl Future,
    ) -> Option<BufResult<usize, Vec<u8>>> {
        match select(pin!(stream.read(buffer)), pin!(stop)).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(_) => None,
        }
    }
    // ANCHOR_END: dropped

    /// Wrong: each event drops a read.
    ///
    /// # Errors
    /// The read has failed.
    ///
    /// # Cancel safety
    /// None: bytes are lost.
    // ANCHOR: new_read
    pub async fn read_beside<E>(
        stream: &mut impl AsyncRead,
        buffer: Vec<u8>,
        events: &mut (impl Stream<Item = E> + Unpin),
        mut on_event: impl FnMut(E),
    ) -> BufResult<usize, Vec<u8>> {
        loop {
            let buffer = Vec::with_capacity(buffer.capacity());
            let mut read = pin!(stream.read(buffer));
            match select(read.as_mut(), events.next()).await {
                Either::Left((done, _)) => return done,
                Either::Right((Some(event), _)) => on_event(event),
                Either::Right((None, _)) => return read.await, // no more events
            }
        }
    }
    // ANCHOR_END: new_read
}

#[cfg(test)]
mod tests;

//! What makes a future large, and how to keep it small.

use std::fmt::Display;
use std::future::Future; // only edition 2021 needs this line
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::Instant;

// ANCHOR: checksum
/// Adds up the bytes of an upload.
///
/// # Errors
/// The upload cannot be read.
///
/// # Cancel safety
/// If you drop this, the sum is lost, and a part of the upload is read.
pub async fn checksum(mut upload: impl AsyncRead + Unpin) -> io::Result<u64> {
    // ANCHOR: vec
    let mut buffer = vec![0; 256 * 1024]; // its bytes are on the heap
    // ANCHOR_END: vec
    let mut sum = 0;
    loop {
        let count = upload.read(&mut buffer).await?;
        if count == 0 {
            return Ok(sum); // the end of the upload
        }
        sum += buffer[..count].iter().map(|&byte| u64::from(byte)).sum::<u64>();
    }
}
// ANCHOR_END: checksum

// ANCHOR: wrappers
/// Awaits `work`, and logs its error.
///
/// # Errors
/// The error of `work`.
pub async fn logged<T, E: Display>(
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let result = work.await;
    if let Err(error) = &result {
        tracing::warn!(%error); // `%`: by its `Display`
    }
    result
}

/// Awaits `work`, and says how long that took.
pub async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    let result = work.await;
    (result, start.elapsed())
}
// ANCHOR_END: wrappers

// ANCHOR: timed_call
/// Calls `begin`, awaits its future, and says how long that took.
pub async fn timed_call<Fut: Future>(
    begin: impl FnOnce() -> Fut,
) -> (Fut::Output, Duration) {
    let start = Instant::now();
    let result = begin().await;
    (result, start.elapsed())
}
// ANCHOR_END: timed_call

// ANCHOR: count
/// Counts a comment, its answers, the answers to these, and so on.
/// `load` gives the numbers of the answers to one comment.
pub async fn count<Fut>(first: u32, mut load: impl FnMut(u32) -> Fut) -> usize
where
    Fut: Future<Output = Vec<u32>>,
{
    let mut to_do = vec![first];
    let mut count = 0;
    while let Some(comment) = to_do.pop() {
        count += 1;
        to_do.extend(load(comment).await);
    }
    count
}
// ANCHOR_END: count

/// How it goes wrong.
pub mod naive {
    use super::*;

    /// Wrong: the array lies in the future.
    ///
    /// # Errors
    /// The upload cannot be read.
    #[expect(clippy::large_stack_arrays, reason = "that is what is wrong with it")]
    pub async fn array_checksum(mut upload: impl AsyncRead + Unpin) -> io::Result<u64> {
        // ANCHOR: array
        let mut buffer = [0; 256 * 1024];
        // ANCHOR_END: array
        let mut sum = 0;
        loop {
            let count = upload.read(&mut buffer).await?;
            if count == 0 {
                return Ok(sum);
            }
            sum += buffer[..count].iter().map(|&byte| u64::from(byte)).sum::<u64>();
        }
    }

    // ANCHOR: both
    /// Adds up a photo and its preview, which are read at the same time.
    ///
    /// # Errors
    /// One of the two cannot be read.
    pub async fn both(
        photo: impl AsyncRead + Unpin,
        preview: impl AsyncRead + Unpin,
    ) -> io::Result<u64> {
        let photo = timed(logged(array_checksum(photo)));
        let preview = timed(logged(array_checksum(preview)));
        let ((photo, _), (preview, _)) = tokio::join!(photo, preview);
        Ok(photo? + preview?)
    }
    // ANCHOR_END: both

    // ANCHOR: recursive
    /// Wrong for a long chain of answers: each level needs a part of the stack.
    pub async fn count<Fut>(first: u32, load: &impl Fn(u32) -> Fut) -> usize
    where
        Fut: Future<Output = Vec<u32>>,
    {
        let mut sum = 1;
        for answer in load(first).await {
            sum += Box::pin(count(answer, load)).await;
        }
        sum
    }
    // ANCHOR_END: recursive
}

#[cfg(test)]
mod tests;

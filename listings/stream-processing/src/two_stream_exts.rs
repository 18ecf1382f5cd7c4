//! One name, two traits: which `StreamExt` to import.

use std::future::Future;
use std::num::NonZeroUsize;
use std::time::Duration;

use futures::stream::{self, Stream, StreamExt};

// ANCHOR: one_by_path
/// `throttle` and `timeout` add a duration to the time now, and panic for one that is
/// too long. Tokio's `sleep` takes 30 years for `Duration::MAX`.
const NEVER: Duration = Duration::from_hours(24 * 365 * 30);

/// Runs `work` on every item, at most `limit` at a time, in order; a new one starts
/// `pace` after the one before, or later; `Duration::MAX`: never.
///
/// # Panics
/// When it is called outside a Tokio runtime with its clock.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream drops the work in flight, and
/// answers that wait for their turn; the other items are never begun.
pub fn spaced<I, F, Fut>(
    items: I,
    pace: Duration,
    limit: NonZeroUsize,
    work: F,
) -> impl Stream<Item = Fut::Output>
where
    I: IntoIterator,
    F: FnMut(I::Item) -> Fut,
    Fut: Future,
{
    let items = stream::iter(items);
    let items = tokio_stream::StreamExt::throttle(items, pace.min(NEVER));
    items.map(work).buffered(limit.get())
}
// ANCHOR_END: one_by_path

// ANCHOR: both_in_one_function
/// The items of `source` until none has come for `silence`; `Duration::MAX`: until it
/// ends. Lets go of the source at its end.
///
/// # Panics
/// When it is called outside a Tokio runtime with its clock.
///
/// # Cancel safety
/// A dropped `next()` loses nothing. Dropping the stream drops the source.
pub fn until_silence<S: Stream>(
    source: S,
    silence: Duration,
) -> impl Stream<Item = S::Item> {
    use tokio_stream::StreamExt as _;
    let items = source.timeout(silence.min(NEVER)).map_while(Result::ok);
    // In both traits, hence by path. This one drops what has ended.
    tokio_stream::StreamExt::fuse(items)
}
// ANCHOR_END: both_in_one_function

/// What most code starts with, kept to be measured against.
pub mod naive {
    use super::*;
    use tokio_stream::Elapsed;

    // ANCHOR: limit_for_each
    /// Wrong: `limit` is for each item, so all of them may take that many times longer.
    ///
    /// # Errors
    /// No item came for `limit`.
    pub async fn all_within<S: Stream>(
        limit: Duration,
        items: S,
    ) -> Result<Vec<S::Item>, Elapsed> {
        // ANCHOR: each_limited
        let items = tokio_stream::StreamExt::timeout(items, limit);
        tokio_stream::StreamExt::collect(items).await
        // ANCHOR_END: each_limited
    }
    // ANCHOR_END: limit_for_each
}

#[cfg(test)]
mod tests;

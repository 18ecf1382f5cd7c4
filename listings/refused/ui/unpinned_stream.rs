//! A stream may hold a future, and then it may not move: it has to be pinned before it is polled.

use futures::stream::{Stream, StreamExt};

// ANCHOR: unpinned_stream
async fn first<T>(mut numbers: impl Stream<Item = T>) -> Option<T> {
    numbers.next().await
}
// ANCHOR_END: unpinned_stream

fn main() {
    drop(first(futures::stream::iter([1])));
}

//! No `StreamExt` has `reduce`.

#![expect(unused_imports, reason = "neither trait has the method")]

// ANCHOR: no_reduce
async fn with_futures() -> Option<u64> {
    use futures::stream::{self, StreamExt};
    stream::iter(1..=100).reduce(|sum, n| sum + n).await
}

async fn with_tokio_stream() -> Option<u64> {
    use tokio_stream::{self as stream, StreamExt};
    stream::iter(1..=100).reduce(|sum, n| sum + n).await
}
// ANCHOR_END: no_reduce

fn main() {
    let _ = (with_futures(), with_tokio_stream());
}

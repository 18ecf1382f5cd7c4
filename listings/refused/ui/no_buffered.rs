//! The trait of tokio-stream has no `buffered`.

// ANCHOR: no_buffered
use tokio_stream::StreamExt;

async fn squares() -> Vec<i32> {
    let squares = tokio_stream::iter(1..=3).map(|n| async move { n * n });
    squares.buffered(3).collect().await
}
// ANCHOR_END: no_buffered

fn main() {
    drop(squares());
}

//! Two traits in scope have the method, and neither goes first.

// ANCHOR: both_stream_exts
use futures::stream::StreamExt as _;
use tokio_stream::StreamExt as _;

async fn doubled() -> Vec<i32> {
    tokio_stream::iter(1..=3).map(|n| n * 2).collect().await
}
// ANCHOR_END: both_stream_exts

fn main() {
    drop(doubled());
}

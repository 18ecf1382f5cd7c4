//! One name can be imported once.

use futures::stream::StreamExt;
use tokio_stream::StreamExt;

async fn first() -> Option<i32> {
    StreamExt::next(&mut tokio_stream::iter(1..=3)).await
}

fn main() {
    drop(first());
}

//! The `StreamExt` of tokio-stream has no `by_ref`.

use tokio_stream::StreamExt;

async fn read(mut messages: impl tokio_stream::Stream<Item = String> + Unpin) {
    let head: Vec<_> = messages.by_ref().take(2).collect().await;
    println!("{head:?}, then {:?}", messages.next().await);
}

fn main() {
    drop(read(tokio_stream::empty()));
}

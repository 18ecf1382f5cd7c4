//! `take` owns the stream that it is called on.

use futures::stream::{self, StreamExt};

// ANCHOR: moved_stream
async fn read() {
    let mut messages = stream::iter(["desk 7", "monday", "tea", "milk"]);
    let head: Vec<_> = messages.take(2).collect().await;
    println!("{head:?}, then {:?}", messages.next().await);
}
// ANCHOR_END: moved_stream

fn main() {
    drop(read());
}

//! A size that cannot be zero is refused by its type.

use std::num::NonZeroUsize;

use futures::stream::{self, Stream, StreamExt};

// ANCHOR: batches_of_zero
fn cut(rows: Vec<u8>, size: NonZeroUsize) -> impl Stream<Item = Vec<u8>> {
    stream::iter(rows).chunks(size.get())
}

fn main() {
    drop(cut(vec![1, 2, 3], 0));
}
// ANCHOR_END: batches_of_zero

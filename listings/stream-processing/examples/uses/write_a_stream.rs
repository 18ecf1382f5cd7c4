use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::stream::{self, Stream, StreamExt};

/// Leaves out each number that equals the one before it.
struct Changes<S> {
    inner: S,
    last: Option<u32>,
}

impl<S: Stream<Item = u32> + Unpin> Stream for Changes<S> {
    type Item = u32;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<u32>> {
        // ANCHOR: polls_again
        loop {
            // If `inner` is Pending, `ready!` returns Pending from this function.
            let item = ready!(self.inner.poll_next_unpin(cx));
            if item.is_some() && item == self.last {
                continue; // leaves this item out, and polls `inner` again
            }
            self.last = item;
            return Poll::Ready(item);
        }
        // ANCHOR_END: polls_again
    }
}

#[tokio::main]
pub(crate) async fn main() {
    let inner = stream::iter([7, 7, 8, 8, 7]);
    let changes = Changes { inner, last: None };
    println!("{:?}", changes.collect::<Vec<_>>().await);
}

//! A stream around any stream needs a pin projection.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::stream::Stream;

// ANCHOR: wrapper_needs_a_projection
struct Counted<S> {
    inner: S,
    items: usize,
}

impl<S: Stream> Stream for Counted<S> {
    type Item = S::Item;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<S::Item>> {
        // ANCHOR: pin_new
        self.items += 1;
        Pin::new(&mut self.inner).poll_next(cx)
        // ANCHOR_END: pin_new
    }
}
// ANCHOR_END: wrapper_needs_a_projection

fn main() {
    let _ = Counted { inner: futures::stream::empty::<()>(), items: 0 };
}

use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use futures::stream::{self, Stream, StreamExt};
use pin_project_lite::pin_project;

// ANCHOR: counted
pin_project! {
    struct Counted<S> {
        #[pin]
        inner: S,
        items: usize,
    }
}

impl<S: Stream> Stream for Counted<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        // ANCHOR: projected
        let this = self.project();
        *this.items += 1;
        this.inner.poll_next(cx)
        // ANCHOR_END: projected
    }
}
// ANCHOR_END: counted

#[tokio::main]
pub(crate) async fn main() {
    let inner = stream::iter(["tea", "milk"]).then(async |item| item);
    let mut counted = pin!(Counted { inner, items: 0 });
    while let Some(item) = counted.next().await {
        println!("{item}");
    }
    println!("polled {} times", counted.items);
}

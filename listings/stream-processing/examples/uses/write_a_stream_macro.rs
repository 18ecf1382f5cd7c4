use futures::stream::{self, Stream, StreamExt};

// ANCHOR: changes
/// Leaves out each number that equals the one before it.
fn changes(inner: impl Stream<Item = u32>) -> impl Stream<Item = u32> {
    async_stream::stream! {
        let mut last = None;
        for await item in inner {
            if last != Some(item) {
                last = Some(item);
                yield item; // gives one item to the reader
            }
        }
    }
}

#[tokio::main]
pub(crate) async fn main() {
    let changes = changes(stream::iter([7, 7, 8, 8, 7]));
    println!("{:?}", changes.collect::<Vec<_>>().await);
}
// ANCHOR_END: changes

use futures::stream::{self, Stream, StreamExt};

// ANCHOR: changes
/// Leaves out each number that equals the one before it.
fn changes(inner: impl Stream<Item = u32> + Unpin) -> impl Stream<Item = u32> {
    stream::unfold((inner, None), |(mut inner, last)| async move {
        loop {
            let item = inner.next().await?; // `None`: the end
            if last != Some(item) {
                return Some((item, (inner, Some(item)))); // an item, and the next state
            }
        }
    })
}
// ANCHOR_END: changes

#[tokio::main]
pub(crate) async fn main() {
    let changes = changes(stream::iter([7, 7, 8, 8, 7]));
    println!("{:?}", changes.collect::<Vec<_>>().await);
}

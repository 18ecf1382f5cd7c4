use super::shown::write_a_stream::changes;
use futures::stream::{self, StreamExt};

#[tokio::main]
pub(crate) async fn main() {
    // ANCHOR: call
    // `then` makes a stream that is not `Unpin`.
    let words = stream::iter(["on", "on", "off"]).then(async |word| word);
    println!("{:?}", changes(words).collect::<Vec<_>>().await);
    // ANCHOR_END: call
}

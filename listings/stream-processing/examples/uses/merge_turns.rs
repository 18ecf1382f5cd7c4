use futures::StreamExt;
use futures::stream::{self, select_all};

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: all
    let (a, b, c) = (stream::repeat("a"), stream::repeat("b"), stream::repeat("c"));
    // ANCHOR: fair
    let merged = select_all([a, b, c]);
    // ANCHOR_END: fair
    let items: Vec<_> = merged.take(6).collect().await;
    println!("{items:?}");
    // ANCHOR_END: all
}

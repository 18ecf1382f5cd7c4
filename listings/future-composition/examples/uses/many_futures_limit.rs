use super::many_futures::name;
use futures::stream::{self, StreamExt};
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: limit
    let start = Instant::now();
    let calls = stream::iter([1, 2, 3]).map(async |id| (id, name(id).await));
    let mut answers = calls.buffer_unordered(2); // at most two calls at a time
    while let Some((id, name)) = answers.next().await {
        println!("{} ms: user {id} is {name}", start.elapsed().as_millis());
    }
    // ANCHOR_END: limit
}

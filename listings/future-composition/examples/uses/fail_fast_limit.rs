use super::fail_fast::look_up;
use futures::stream::{self, StreamExt, TryStreamExt};
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: limit
    let start = Instant::now();
    let lookups = stream::iter([6, 7, 8]).map(|user| look_up("name", user));
    let names: Result<Vec<_>, _> = lookups.buffer_unordered(2).try_collect().await;
    println!("{names:?} after {:?}", start.elapsed());
    // ANCHOR_END: limit
}

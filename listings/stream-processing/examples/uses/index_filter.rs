use tokio_stream::StreamExt;

use super::index::visits;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: filter
    let mut missing = visits()
        .filter(|visit| visit.starts_with("404")) // "not found"
        .map(|visit| &visit[4..]);
    while let Some(path) = missing.next().await {
        println!("{path}");
    }
    // ANCHOR_END: filter
}

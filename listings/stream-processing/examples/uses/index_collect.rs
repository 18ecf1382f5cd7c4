use tokio_stream::StreamExt;

use super::index::visits;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: collect
    let missing: Vec<_> = visits()
        .filter(|visit| visit.starts_with("404")) // "not found"
        .map(|visit| &visit[4..])
        .collect()
        .await;
    println!("{missing:?}");
    // ANCHOR_END: collect
}

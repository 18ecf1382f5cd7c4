use tokio_stream::StreamExt;

use super::index::visits;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: map
    let mut paths = visits().map(|visit| &visit[4..]); // without the status
    while let Some(path) = paths.next().await {
        println!("{path}");
    }
    // ANCHOR_END: map
}

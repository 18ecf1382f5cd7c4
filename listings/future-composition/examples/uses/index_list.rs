use super::index::look_up;
use futures::stream::{self, StreamExt};
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: step
    let start = Instant::now();
    let tables = ["name", "orders", "balance", "basket", "address"];
    let lookups = stream::iter(tables).map(|table| look_up(table, 100));
    let answers: Vec<_> = lookups.buffer_unordered(3).collect().await;
    println!("{} answers after {:?}", answers.len(), start.elapsed());
    // ANCHOR_END: step
}

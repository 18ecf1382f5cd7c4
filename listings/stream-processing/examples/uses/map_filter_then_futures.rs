use futures::stream::{self, StreamExt};
use tokio::time::Instant;

use super::map_filter_then::price;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let products = stream::iter(1..=5);
    // ANCHOR: only_map
    let asked = products.map(price);
    let prices: Vec<_> = asked.collect().await;
    // ANCHOR_END: only_map
    println!("map: {} futures after {:?}", prices.len(), start.elapsed());

    let products = stream::iter(1..=5);
    // ANCHOR: map_and_buffered
    let asked = products.map(price).buffered(5);
    let prices: Vec<_> = asked.collect().await;
    // ANCHOR_END: map_and_buffered
    println!("buffered: {} prices after {:?}", prices.len(), start.elapsed());
}

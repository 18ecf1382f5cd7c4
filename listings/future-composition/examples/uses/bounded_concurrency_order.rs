use super::bounded_concurrency::fetch;
use super::shown::bounded_concurrency::in_input_order;
use futures::stream::{self, StreamExt};
use std::num::NonZeroUsize;
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: order
    let pages = ["slow", "b", "c", "d", "e"];

    let start = Instant::now();
    let buffered = stream::iter(pages).map(fetch).buffered(2);
    let texts: Vec<String> = buffered.collect().await;
    println!("{} ms: {texts:?}", start.elapsed().as_millis());

    let again = Instant::now();
    let limit = NonZeroUsize::new(2).expect("2 is not 0");
    let sorted = in_input_order(pages, limit, fetch).await;
    println!("{} ms: {sorted:?}", again.elapsed().as_millis());
    // ANCHOR_END: order
}

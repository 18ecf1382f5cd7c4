use std::num::NonZeroUsize;
use std::time::Duration;

use super::shown::map_filter_then::allowed;
use futures::stream::{self, StreamExt};
use tokio::time::{Instant, sleep};

// ANCHOR: in_stock
/// In your program: asks the store. Each answer needs 10 ms.
async fn in_stock(product: u32) -> bool {
    sleep(Duration::from_millis(10)).await;
    product.is_multiple_of(2)
}
// ANCHOR_END: in_stock

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: five
    let ask = |product: &u32| in_stock(*product);
    let five = NonZeroUsize::new(5).expect("5 is not 0");

    let start = Instant::now();
    // ANCHOR: with_filter
    let filtered = stream::iter(1..=5).filter(ask);
    // ANCHOR_END: with_filter
    let in_turn: Vec<_> = filtered.collect().await;
    println!("filter: {in_turn:?} after {:?}", start.elapsed());

    let second_start = Instant::now();
    // ANCHOR: with_allowed
    let kept = allowed(stream::iter(1..=5), five, ask);
    // ANCHOR_END: with_allowed
    let at_once: Vec<_> = kept.collect().await;
    println!("allowed: {at_once:?} after {:?}", second_start.elapsed());
    // ANCHOR_END: five
}

use std::future::ready;

use futures::stream::{self, StreamExt};

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    // ANCHOR: even
    let even = stream::iter(1..=10).filter(|n| ready(n % 2 == 0));
    let doubled: Vec<_> = even.map(|n| n * 2).collect().await;
    println!("{doubled:?}");

    let both = |n: u32| ready(n.is_multiple_of(2).then_some(n * 2));
    let in_one_step: Vec<_> = stream::iter(1..=10).filter_map(both).collect().await;
    println!("{in_one_step:?}");
    // ANCHOR_END: even
    let numbers = stream::iter(1..=10);
    // ANCHOR: ready
    numbers.filter(|n| ready(*n % 2 == 0)).collect::<Vec<u32>>().await;
    // ANCHOR_END: ready
}

//! The future of a predicate may not borrow the item that it is asked about.

use futures::stream::{self, StreamExt};

async fn even_numbers() -> Vec<u32> {
    let numbers = stream::iter(1..=10);
    // ANCHOR: borrowed_by_the_predicate
    numbers.filter(|n| async move { *n % 2 == 0 }).collect().await
    // ANCHOR_END: borrowed_by_the_predicate
}

fn main() {
    drop(even_numbers());
}

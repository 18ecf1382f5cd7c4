//! The future that an `FnMut` closure returns cannot borrow what the closure holds.

use futures::stream::{self, StreamExt};

async fn save(_cents: u64) -> bool {
    true
}

// ANCHOR: total_in_a_closure
async fn save_all() -> u64 {
    let mut total = 0;
    let orders = stream::iter([12, 30, 8]);
    let saving = orders.for_each_concurrent(2, |cents| async {
        if save(cents).await {
            total += cents;
        }
    });
    saving.await;
    total
}
// ANCHOR_END: total_in_a_closure

fn main() {
    drop(save_all());
}

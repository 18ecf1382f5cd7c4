//! An async closure that lends what it has captured is no `FnMut` that returns a future.

use futures::stream::{self, StreamExt};

async fn save(_cents: u64) -> bool {
    true
}

// ANCHOR: lending_closure_for_a_stream
async fn save_all() -> u64 {
    let mut total = 0;
    let orders = stream::iter([12, 30, 8]);
    let saving = orders.for_each(async |cents| {
        if save(cents).await {
            total += cents;
        }
    });
    saving.await;
    total
}
// ANCHOR_END: lending_closure_for_a_stream

fn main() {
    drop(save_all());
}

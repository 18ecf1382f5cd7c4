//! A closure that is called more than once cannot give its only value to the future of each call.

use futures::stream::{self, StreamExt};

async fn save(_shop: &str, _cents: u64) {}

// ANCHOR: moved_by_each_call
async fn save_all(shop: String) {
    let orders = stream::iter([12, 30, 8]);
    let saving = orders.for_each(|cents| async move {
        save(&shop, cents).await;
    });
    saving.await;
}
// ANCHOR_END: moved_by_each_call

fn main() {
    drop(save_all(String::new()));
}

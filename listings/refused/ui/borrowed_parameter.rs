//! One type of future for all calls cannot borrow a parameter that lives only for one of them.

use std::future::Future; // only edition 2021 needs this line

async fn save(_cents: &u64) {}

// ANCHOR: borrowed_parameter
async fn for_each_order<Fut>(orders: &[u64], mut act: impl FnMut(&u64) -> Fut)
where
    Fut: Future<Output = ()>,
{
    for cents in orders {
        act(cents).await;
    }
}

async fn save_all(orders: Vec<u64>) {
    for_each_order(&orders, |cents| async move { save(cents).await }).await;
}
// ANCHOR_END: borrowed_parameter

fn main() {
    drop(save_all(Vec::new()));
}

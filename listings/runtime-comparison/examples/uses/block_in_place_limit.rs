//! Six tasks block in place, and at most two at a time.

use std::error;
use std::sync::Arc;
use tokio::sync::Semaphore;

use super::block_in_place::{Shop, total};
use super::shown::block_in_place::in_place_limited;

// ANCHOR: limit
#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
pub(crate) async fn main() -> Result<(), Box<dyn error::Error>> {
    let permits = Arc::new(Semaphore::new(2));
    let orders: Vec<_> = (0..6)
        .map(|_| {
            let permits = Arc::clone(&permits);
            tokio::spawn(async move {
                in_place_limited(&permits, || total(&Shop, &["pen", "ink"])).await
            })
        })
        .collect();
    for order in orders {
        println!("total: {} cents", order.await???);
    }
    Ok(())
}
// ANCHOR_END: limit

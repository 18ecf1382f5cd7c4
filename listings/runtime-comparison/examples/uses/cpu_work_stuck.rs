//! Wrong: `par_iter` uses all cores, and the thread that calls it waits for them.

use rayon::prelude::*;
use tokio::task::JoinError;

/// The sum of the orders of a month.
fn report(orders: &[u64]) -> u64 {
    orders.par_iter().map(|cents| cents % 97).sum()
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), JoinError> {
    let orders: Vec<u64> = (0..1_000_000).collect();
    // ANCHOR: stuck
    let customer = tokio::spawn(async { println!("a customer is served") });
    let sum = report(&orders); // par_iter of rayon, on all cores
    println!("report: {sum}");
    // ANCHOR_END: stuck
    customer.await
}

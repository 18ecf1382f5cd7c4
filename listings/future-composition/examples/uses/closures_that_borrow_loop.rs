use super::closures_that_borrow::save;
use future_composition::closures_that_borrow::{save_in_a_loop, save_with_results};
use futures::stream;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: one_by_one
    let orders = stream::iter([12, 30, 8]);
    println!("one by one: {} cents", save_in_a_loop(orders, &save).await);
    let same_orders = stream::iter([12, 30, 8]);
    println!("by two: {} cents", save_with_results(same_orders, &save).await);
    // ANCHOR_END: one_by_one
}

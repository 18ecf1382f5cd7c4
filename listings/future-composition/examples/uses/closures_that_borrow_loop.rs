use super::closures_that_borrow::save;
use future_composition::closures_that_borrow::{save_in_a_loop, save_with_fold};
use futures::stream;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: one_by_one
    let orders = stream::iter([12, 30, 8]);
    println!("in a loop: {} cents", save_in_a_loop(orders, &save).await);
    let same_orders = stream::iter([12, 30, 8]);
    println!("with fold: {} cents", save_with_fold(same_orders, &save).await);
    // ANCHOR_END: one_by_one
}

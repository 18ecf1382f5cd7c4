use super::closures_that_borrow::save;
use future_composition::closures_that_borrow::save_and_count;
use futures::stream;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: count
    let orders = stream::iter([12, 30, 8]);
    println!("{} orders", save_and_count(orders, &save).await);
    // ANCHOR_END: count
}

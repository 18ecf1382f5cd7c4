use super::closures_that_borrow::save;
use future_composition::closures_that_borrow::{
    for_each_order, save_with_async_closure,
};
use futures::stream;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: short
    let orders = stream::iter([12, 30, 8]);
    println!("saved: {} cents", save_with_async_closure(orders, &save).await);
    // ANCHOR_END: short
    // ANCHOR: lend
    let mut total = 0;
    let act = async |cents: &u64| {
        if save(*cents).await {
            total += cents; // `total` is lent to this future until it ends
        }
    };
    for_each_order(&[12, 30, 8], act).await;
    println!("saved: {total} cents");
    // ANCHOR_END: lend
}

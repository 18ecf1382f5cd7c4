use super::shown::fold_and_take::{fold_into, fold_until};
use super::sum_in_a_loop::sales;
use std::pin::pin;
use std::time::Duration;
use tokio::time::sleep;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: until
    let mut open_sales = pin!(sales());
    let mut sum = 0;
    let add = |so_far: &mut u64, cents| *so_far += cents;
    let stop = async {
        sleep(Duration::from_millis(35)).await;
        "the shop closes"
    };
    let reason = fold_until(&mut open_sales, stop, &mut sum, add).await;
    println!("{reason:?}, sum {sum}");
    fold_into(&mut open_sales, &mut sum, add).await;
    println!("total: {sum}");
    // ANCHOR_END: until
}

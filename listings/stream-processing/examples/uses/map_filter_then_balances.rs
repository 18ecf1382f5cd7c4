use std::time::Duration;

use super::shown::map_filter_then::with_the_answer_before;
use futures::stream::{self, StreamExt};
use tokio::time::sleep;

// ANCHOR: deposit
/// In your program: asks the bank. It answers with the new balance.
async fn deposit(balance: u32, amount: u32) -> u32 {
    sleep(Duration::from_millis(10)).await;
    balance + amount
}
// ANCHOR_END: deposit

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: balances
    let last = stream::iter([5, 7, 1]).fold(100, deposit).await;
    println!("the last balance: {last}");

    let balances = with_the_answer_before(stream::iter([5, 7, 1]), 100, deposit);
    println!("each balance: {:?}", balances.collect::<Vec<_>>().await);
    // ANCHOR_END: balances
}

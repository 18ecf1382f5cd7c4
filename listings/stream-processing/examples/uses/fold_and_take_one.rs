use super::fold_and_take::readings;
use futures::stream::StreamExt;
use std::future::ready;
use stream_processing::fold_and_take::reduce;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: one
    let sum = readings().take(5).fold(0, |sum, reading| ready(sum + reading)).await;
    println!("sum: {sum}");
    println!("highest: {:?}", reduce(readings().take(5), u64::max).await);
    // ANCHOR_END: one
}

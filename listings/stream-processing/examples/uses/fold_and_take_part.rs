use super::fold_and_take::readings;
use futures::stream::StreamExt;
use stream_processing::fold_and_take::part;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: part
    let wanted: Vec<_> = part(readings(), 10, 5).collect().await;
    println!("{wanted:?}");
    // ANCHOR_END: part
}

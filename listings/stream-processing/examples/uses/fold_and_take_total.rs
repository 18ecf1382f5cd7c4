use futures::stream::{self, StreamExt};
use stream_processing::fold_and_take::total;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    // ANCHOR: total
    let lines = stream::iter(["12", "5 EUR", "30"]);
    let mut amounts = lines.map(str::parse::<u64>);
    println!("{:?}", total(amounts.by_ref()).await);
    println!("then: {:?}", amounts.next().await);
    // ANCHOR_END: total
}

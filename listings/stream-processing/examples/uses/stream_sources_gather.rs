use futures::stream::{self, StreamExt};
use stream_processing::stream_sources::gather;

#[tokio::main]
pub(crate) async fn main() {
    let north = stream::iter(["tea", "milk"]);
    let south = stream::iter(["oil"]);
    let mut orders = gather(vec![north.boxed(), south.boxed()]).await;
    orders.sort_unstable(); // they come in no fixed order
    println!("{orders:?}");
}

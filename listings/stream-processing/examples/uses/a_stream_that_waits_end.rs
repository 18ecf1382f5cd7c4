use futures::stream::StreamExt;
use stream_processing::a_stream_that_waits::latest;

#[tokio::main]
pub(crate) async fn main() {
    // ANCHOR: end
    let (sender, mut prices) = latest();
    println!("set 105: {:?}", sender.set(105));
    drop(sender);
    println!("read: {:?}", prices.next().await); // the last price is not lost
    println!("read: {:?}", prices.next().await);
    // ANCHOR_END: end
}

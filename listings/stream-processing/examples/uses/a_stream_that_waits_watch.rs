use tokio::sync::watch;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::WatchStream;

// ANCHOR: watch
#[tokio::main]
pub(crate) async fn main() {
    let (sender, receiver) = watch::channel(100); // there is a price from the start
    let mut prices = WatchStream::new(receiver);
    println!("read: {:?}", prices.next().await);

    sender.send_replace(101);
    sender.send_replace(102); // replaces 101
    println!("read: {:?}", prices.next().await);

    drop(sender);
    println!("read: {:?}", prices.next().await);
}
// ANCHOR_END: watch

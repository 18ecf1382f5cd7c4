use std::pin::pin;

use super::shown::stream_sources::feed;
use futures::stream::{self, Stream, StreamExt};
use tokio::select;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

async fn orders() -> Vec<&'static str> {
    // ANCHOR: last_sender
    let (sender, receiver) = mpsc::channel(2);
    for shop in ["north", "south"] {
        let sender = sender.clone();
        tokio::spawn(async move { sender.send(shop).await });
    }
    drop(sender);
    let orders: Vec<_> = ReceiverStream::new(receiver).collect().await;
    // ANCHOR_END: last_sender
    orders
}

fn quiet_and_busy<T: Send + 'static>(
    quiet: impl Stream<Item = T> + Send + 'static,
    busy: impl Stream<Item = T> + Send + 'static,
) -> ReceiverStream<T> {
    // ANCHOR: two_places
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(feed(quiet, sender.clone()));
    tokio::spawn(feed(busy, sender));
    // ANCHOR_END: two_places
    ReceiverStream::new(receiver)
}

async fn both<T>(left: impl Stream<Item = T>, right: impl Stream<Item = T>) -> Vec<T> {
    let mut items = Vec::new();
    // ANCHOR: fused
    let (mut left, mut right) = (pin!(left.fuse()), pin!(right.fuse()));
    loop {
        select! {
            Some(item) = left.next() => items.push(item),
            Some(item) = right.next() => items.push(item),
            else => return items,
        }
    }
    // ANCHOR_END: fused
}

// ANCHOR: pinned
async fn first<T>(numbers: impl Stream<Item = T>) -> Option<T> {
    let mut numbers = pin!(numbers);
    numbers.next().await
}
// ANCHOR_END: pinned

fn countdown() -> impl Stream<Item = u32> {
    stream::unfold(3, |left| async move { (left > 0).then(|| (left, left - 1)) })
}

#[tokio::main]
pub(crate) async fn main() {
    let mut shops = orders().await;
    shops.sort_unstable();
    println!("{shops:?}");
    let busy = quiet_and_busy(stream::pending(), stream::iter(0..3)).take(3);
    println!("{:?}", busy.collect::<Vec<_>>().await);
    let mut numbers = both(countdown(), stream::iter([4, 5])).await;
    numbers.sort_unstable();
    println!("{numbers:?}");
    println!("{:?}", first(countdown()).await);
}

use super::shown::merge::{Change, keyed};
use futures::StreamExt;
use futures::stream;
use std::pin::pin;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: keyed
    // In your program, the changes come from a channel.
    let changes = stream::iter([
        Change::Add("Berlin", stream::iter([11, 12])),
        Change::Add("Paris", stream::iter([21, 22])),
    ]);
    let mut items = pin!(keyed(changes));
    while let Some((city, item)) = items.next().await {
        println!("{city}: {item:?}");
    }
    // ANCHOR_END: keyed
}

use backend::figure::{Figure, observe};
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use crate::ms;

/// A waiter who sends an order every 20 ms if there is room, and a kitchen that needs 50 ms for each.
async fn kitchen(room: usize) {
    let (sender, receiver) = mpsc::channel(room);
    let send = futures::stream::unfold((1, sender), |(order, sender)| async move {
        if order > 6 {
            return None;
        }
        sleep(ms(20)).await;
        sender.send(order).await.ok()?;
        Some((order, (order + 1, sender)))
    });
    let waiter = tokio::spawn(observe("sent", send).collect::<Vec<_>>());
    let mut orders =
        Box::pin(observe("cooked", ReceiverStream::new(receiver).then(cook)));
    while orders.next().await.is_some() {}
    waiter.await.unwrap();
}

async fn cook(order: u64) -> u64 {
    sleep(ms(50)).await;
    order
}

#[test]
fn a_channel() {
    Figure::new(
        "a-channel",
        "A waiter sends an order every 20 ms, the kitchen needs 50 ms",
    )
    .panel("room for 8", || kitchen(8))
    .panel("room for 1: send waits", || kitchen(1))
    .check();
}

use std::time::Duration;
use tokio::select;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (order_sender, mut orders) = mpsc::channel(8);
    let (chat_sender, mut chat) = mpsc::channel(8);
    tokio::spawn(async move {
        order_sender.send("tea").await.expect("the reader is there");
        sleep(Duration::from_millis(20)).await;
        chat_sender.send("hello").await.expect("the reader is there");
        sleep(Duration::from_millis(20)).await;
        order_sender.send("milk").await.expect("the reader is there");
    });

    let limit = Duration::from_millis(30);
    let reading = timeout(limit, async {
        loop {
            select! {
                Some(order) = orders.recv() => println!("order: {order}"),
                Some(text) = chat.recv() => println!("chat: {text}"),
                else => break,
            }
        }
    });
    match reading.await {
        Ok(()) => println!("both have ended"),
        Err(_) => println!("stopped after {limit:?}"),
    }
}

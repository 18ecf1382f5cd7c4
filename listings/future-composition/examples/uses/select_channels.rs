use std::time::Duration;
use tokio::select;
use tokio::sync::mpsc;
use tokio::time::sleep;

// ANCHOR: channels
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

    loop {
        select! {
            Some(order) = orders.recv() => println!("order: {order}"),
            Some(text) = chat.recv() => println!("chat: {text}"),
            else => break, // both channels have ended
        }
    }
    println!("both have ended");
}
// ANCHOR_END: channels

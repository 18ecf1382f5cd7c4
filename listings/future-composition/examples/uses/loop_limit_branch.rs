use super::shown::loop_limit::until;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: until
    let (sender, mut orders) = mpsc::channel(8);
    for order in ["tea", "milk", "bread"] {
        sender.send(order).await.expect("the reader is there");
    }
    until(&mut orders, Duration::from_millis(30), |order| async move {
        sleep(Duration::from_millis(20)).await; // at work: saves it
        println!("saved: {order}");
    })
    .await;
    println!("left in the channel: {}", orders.len());
    // ANCHOR_END: until
}

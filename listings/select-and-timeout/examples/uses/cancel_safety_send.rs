use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

// ANCHOR: send
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (sender, mut orders) = mpsc::channel(1); // room for one order
    for order in ["tea", "milk"] {
        let sent = timeout(Duration::from_millis(10), sender.send(order)).await;
        println!("{order}: {}", if sent.is_ok() { "sent" } else { "too late" });
    }
    drop(sender);
    while let Some(order) = orders.recv().await {
        println!("the shop reads: {order}");
    }
}
// ANCHOR_END: send

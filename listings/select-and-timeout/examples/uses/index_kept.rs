use super::index::stock_of;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (sender, mut orders) = mpsc::channel(8);
    for product in ["milk", "tea", "bread"] {
        let _ = sender.send(product).await;
    }
    drop(sender);
    // ANCHOR: kept
    while let Some(product) = orders.recv().await {
        match timeout(Duration::from_millis(200), stock_of(product)).await {
            Ok(stock) => println!("{product}: {stock} left"),
            Err(_) => println!("{product}: no answer, so ask again later"),
        }
    }
    // ANCHOR_END: kept
}

use super::index::stock_of;
// ANCHOR: lost
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Takes an order from the queue, and asks for the stock.
async fn serve(orders: &mut mpsc::Receiver<&'static str>) -> Option<String> {
    let product = orders.recv().await?;
    let stock = stock_of(product).await;
    Some(format!("{product}: {stock} left"))
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (sender, mut orders) = mpsc::channel(8);
    for product in ["milk", "tea", "bread"] {
        let _ = sender.send(product).await; // an error only if nobody reads any more
    }
    drop(sender); // no more orders come
    loop {
        match timeout(Duration::from_millis(200), serve(&mut orders)).await {
            Ok(Some(line)) => println!("{line}"),
            Ok(None) => break, // the queue has ended
            Err(_) => println!("no answer for … which order?"),
        }
    }
}
// ANCHOR_END: lost

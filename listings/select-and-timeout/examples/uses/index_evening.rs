use super::index::stock_of;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (sender, mut orders) = mpsc::channel(8);
    for product in ["milk", "tea", "bread"] {
        let _ = sender.send(product).await;
    }
    drop(sender);
    // ANCHOR: evening
    let stop = CancellationToken::new();
    let evening = stop.clone(); // the same flag
    tokio::spawn(async move {
        sleep(Duration::from_millis(225)).await;
        evening.cancel();
    });
    while let Some(Some(product)) = stop.run_until_cancelled(orders.recv()).await {
        match timeout(Duration::from_millis(200), stock_of(product)).await {
            Ok(stock) => println!("{product}: {stock} left"),
            Err(_) => println!("{product}: no answer, so ask again later"),
        }
    }
    while let Ok(product) = orders.try_recv() {
        println!("{product}: still in the queue");
    }
    // ANCHOR_END: evening
}

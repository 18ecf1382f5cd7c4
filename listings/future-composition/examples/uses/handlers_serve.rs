use super::shown::handlers::serve;
use std::num::NonZeroUsize;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// At work: writes the order down, which needs 320 ms.
async fn save(order: &'static str) {
    sleep(Duration::from_millis(320)).await;
    println!("saved: {order}");
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: serve
    let (sender, orders) = mpsc::channel(8);
    for order in ["tea", "milk"] {
        sender.send(order).await.expect("the reader is there");
    }
    drop(sender); // the channel ends after these two

    let at_once = NonZeroUsize::MIN; // 1: one after another
    let period = Duration::from_millis(200);
    let served = serve(orders, at_once, save, period, || println!("still here"));
    println!("{:?}", served.await);
    // ANCHOR_END: serve
}

use std::time::Duration;
use tokio::select;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// 10,000 orders that wait. The sender keeps the queue open.
pub(crate) fn orders() -> (mpsc::Sender<u32>, mpsc::Receiver<u32>) {
    let (sender, orders) = mpsc::channel(10_000);
    for order in 0..10_000 {
        sender.try_send(order).expect("the queue has room for all");
    }
    (sender, orders)
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (_sender, mut orders) = orders();
    let stop = CancellationToken::new();
    let evening = stop.clone(); // the same flag
    tokio::spawn(async move {
        sleep(Duration::from_millis(25)).await;
        evening.cancel();
    });
    let start = Instant::now();
    loop {
        select! {
            biased; // from top to bottom
            () = stop.cancelled() => break,
            order = orders.recv() => {
                let Some(_order) = order else { break }; // the queue has ended
                sleep(Duration::from_millis(10)).await; // works on it
            }
        }
    }
    println!("closed after {:?}, {} orders wait", start.elapsed(), orders.len());
}

//! `accept` needs 210 ms. Make it need 10 ms.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep};

type Sent = Arc<Mutex<Vec<u32>>>; // the orders whose receipts are sent

/// At work: asks a mail server. Here it needs 200 ms.
async fn send_receipt(order: u32, sent: Sent) {
    sleep(Duration::from_millis(200)).await;
    sent.lock().expect("nobody panics with the lock").push(order);
}

/// Writes an order, which needs 10 ms, and answers the customer. A task sends the receipt.
async fn accept(order: u32, sent: Sent) -> String {
    sleep(Duration::from_millis(10)).await;
    send_receipt(order, sent).await;
    format!("order {order} is accepted")
}

// Do not change what follows: it tests what you wrote.

#[tokio::test(start_paused = true)]
async fn the_customer_does_not_wait_for_the_receipt() {
    let (start, sent) = (Instant::now(), Sent::default());
    assert_eq!(accept(7, Arc::clone(&sent)).await, "order 7 is accepted");
    assert_eq!(start.elapsed().as_millis(), 10, "the order is written in 10 ms");
    sleep(Duration::from_millis(300)).await;
    assert_eq!(*sent.lock().unwrap(), [7], "the task sends the receipt");
}

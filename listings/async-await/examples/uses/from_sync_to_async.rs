use std::time::Duration;
use tokio::time::{Instant, sleep};

/// In your program: sends an e-mail.
pub(crate) async fn send(receipt: u64, start: Instant) {
    sleep(Duration::from_millis(10 * receipt)).await;
    println!("receipt {receipt} is sent after {:?}", start.elapsed());
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let _first = send(1, start); // a call, as in sync code
    for receipt in [2, 3] {
        send(receipt, start).await;
    }
    tokio::spawn(send(4, start)); // like a thread
    println!("main ends after {:?}", start.elapsed());
}

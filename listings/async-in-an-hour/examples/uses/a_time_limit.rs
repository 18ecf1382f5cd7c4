use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

struct Connection;

impl Drop for Connection {
    fn drop(&mut self) {
        println!("the connection is closed");
    }
}

/// At work: writes an order, and asks a mail server to send a receipt.
pub(crate) async fn take_order() -> u32 {
    let _connection = Connection; // it lives as long as this function
    println!("the order is written");
    sleep(Duration::from_millis(100)).await; // the limit comes here
    println!("the receipt is sent");
    501
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    match timeout(Duration::from_millis(50), take_order()).await {
        Ok(mail) => println!("mail {mail}"),
        Err(_) => println!("too late, after {:?}", start.elapsed()),
    }
}

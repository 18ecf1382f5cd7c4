use std::time::Duration;
use tokio::time::{Instant, sleep};

/// At work: asks a mail server. Returns the number of the mail.
pub(crate) async fn send_receipt(order: u32) -> u32 {
    sleep(Duration::from_millis(100)).await;
    assert!(order > 0, "there is no order 0");
    println!("receipt {order} is sent");
    500 + order
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let task = tokio::spawn(send_receipt(1)); // the runtime has the task now
    sleep(Duration::from_millis(60)).await; // `main` does something else
    println!("main goes on after {:?}", start.elapsed());
    match task.await {
        Ok(mail) => println!("mail {mail} after {:?}", start.elapsed()),
        Err(error) => println!("no mail: {error}"),
    }
}

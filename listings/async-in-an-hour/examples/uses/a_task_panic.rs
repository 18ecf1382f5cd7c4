use super::a_task::send_receipt;
use std::panic;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    panic::set_hook(Box::new(|_| ())); // the page says what a panic prints to stderr
    let start = Instant::now();
    // ANCHOR: panic
    let task = tokio::spawn(send_receipt(0)); // a bug: there is no order 0
    // ANCHOR_END: panic
    sleep(Duration::from_millis(60)).await;
    println!("main goes on after {:?}", start.elapsed());
    match task.await {
        Ok(mail) => println!("mail {mail} after {:?}", start.elapsed()),
        Err(error) => println!("no mail: {error}"),
    }
}

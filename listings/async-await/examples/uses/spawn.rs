use std::panic;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[derive(Debug, thiserror::Error)]
#[error("the mail server has refused the receipt")]
pub(crate) struct Refused;
pub(crate) type Receipt = Result<&'static str, Refused>;

/// At work: a request to a mail server. It refuses order 2, and order 3 has a bug.
pub(crate) async fn send_receipt(order: u32) -> Receipt {
    sleep(Duration::from_millis(200)).await;
    match order {
        2 => Err(Refused),
        3 => panic!("order {order} has no address"),
        _ => Ok("receipt sent"),
    }
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    panic::set_hook(Box::new(|_| ())); // at work, panics go to stderr or to your logs
    let start = Instant::now();
    let tasks = [1, 2, 3].map(|order| tokio::spawn(send_receipt(order)));
    for task in tasks {
        match task.await {
            Ok(Ok(answer)) => println!("{answer}"),
            Ok(Err(refused)) => println!("{refused}"),
            Err(error) => println!("{error}"), // it panicked, or was aborted
        }
    }
    println!("after {:?}", start.elapsed());
}

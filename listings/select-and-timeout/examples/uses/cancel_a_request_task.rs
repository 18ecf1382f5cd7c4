use super::cancel_a_request::{book_courier, click};
use select_and_timeout::cancel_a_request::task_or_cancelled;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let cancel = CancellationToken::new();
    tokio::spawn(click(cancel.clone()));
    let start = Instant::now();

    // ANCHOR: task
    let task = AbortOnDropHandle::new(tokio::spawn(book_courier()));
    sleep(Duration::from_millis(300)).await; // at work: print the invoice
    println!("the invoice is printed");

    match task_or_cancelled(task, &cancel).await {
        Ok(courier) => println!("{courier} brings it"),
        Err(reason) => println!("{reason} after {:?}", start.elapsed()),
    }
    // ANCHOR_END: task
    sleep(Duration::from_secs(10)).await;
    println!("10 s later");
}

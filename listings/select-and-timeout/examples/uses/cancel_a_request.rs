use select_and_timeout::cancel_a_request::or_cancelled;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// At work: asks couriers over the network, and books one. This needs 5 s.
pub(crate) async fn book_courier() -> String {
    sleep(Duration::from_secs(5)).await;
    println!("a courier is booked");
    "Ann".to_owned()
}

/// At work: the customer clicks *Cancel*. Here this is after half a second.
pub(crate) async fn click(cancel: CancellationToken) {
    sleep(Duration::from_millis(500)).await;
    cancel.cancel();
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let cancel = CancellationToken::new();
    tokio::spawn(click(cancel.clone())); // a clone is the same token
    let start = Instant::now();

    match or_cancelled(book_courier(), &cancel).await {
        Ok(courier) => println!("{courier} brings it"),
        Err(reason) => println!("{reason} after {:?}", start.elapsed()),
    }
    sleep(Duration::from_secs(10)).await;
    println!("10 s later");
}

use super::cancel_a_request::{book_courier, click};
use select_and_timeout::cancel_a_request::{Cancelled, with_grace};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

// ANCHOR: order
/// Reserves the tea, and then looks for a courier.
async fn order(cancel: CancellationToken) -> Result<String, Cancelled> {
    println!("the tea is reserved");
    let Some(courier) = cancel.run_until_cancelled(book_courier()).await else {
        sleep(Duration::from_millis(20)).await; // at work: a request
        println!("the tea is given back");
        return Err(Cancelled::Stopped);
    };
    Ok(courier)
}
// ANCHOR_END: order

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let cancel = CancellationToken::new();
    tokio::spawn(click(cancel.clone()));
    let start = Instant::now();

    // ANCHOR: grace
    let grace = Duration::from_secs(1);
    match with_grace(order(cancel.clone()), &cancel, grace).await {
        Ok(courier) => println!("{courier} brings it"),
        Err(reason) => println!("{reason} after {:?}", start.elapsed()),
    }
    // ANCHOR_END: grace
    sleep(Duration::from_secs(10)).await;
    println!("10 s later");
}

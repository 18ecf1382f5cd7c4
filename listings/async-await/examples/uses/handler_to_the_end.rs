use super::handler::step;
use std::time::Duration;
use tokio::task::JoinError;
use tokio::time::{sleep, timeout};

// ANCHOR: handle
async fn handle() -> Result<(), JoinError> {
    step("read the order").await;
    step("look up the stock").await;
    let finish = async {
        step("write the order").await;
        step("send the e-mail").await;
    };
    tokio::spawn(finish).await
}
// ANCHOR_END: handle

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: hang_up
    for millis in [15, 25] {
        println!("the customer hangs up after {millis} ms:");
        let limit = Duration::from_millis(millis);
        match timeout(limit, handle()).await {
            Ok(Ok(())) => {}
            Ok(Err(panic)) => println!("  {panic}"),
            Err(_) => println!("  the handler is dropped"),
        }
        sleep(Duration::from_secs(1)).await; // the server runs on
    }
    // ANCHOR_END: hang_up
}

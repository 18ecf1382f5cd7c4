use std::time::Duration;
use tokio::time::{sleep, timeout};

/// In your program: a call that needs 10 ms.
pub(crate) async fn step(name: &str) {
    println!("  {name} ...");
    sleep(Duration::from_millis(10)).await;
    println!("  {name}: done");
}

async fn handle() {
    step("read the order").await;
    step("look up the stock").await;
    // Check: there are enough. This step does not wait.
    step("write the order").await;
    step("send the e-mail").await;
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    for millis in [15, 25, 35] {
        println!("the customer hangs up after {millis} ms:");
        let limit = Duration::from_millis(millis);
        if timeout(limit, handle()).await.is_err() {
            println!("  the handler is dropped");
        }
    }
}

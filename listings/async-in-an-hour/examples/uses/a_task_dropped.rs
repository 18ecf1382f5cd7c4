use super::a_task::send_receipt;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: dropped
    let start = Instant::now();
    drop(tokio::spawn(send_receipt(2))); // nobody has the handle now
    sleep(Duration::from_millis(200)).await;
    println!("main ends after {:?}", start.elapsed());
    // ANCHOR_END: dropped
}

use super::index::look_up;
use std::time::Duration;
use tokio::time::{Instant, timeout};

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: step
    let start = Instant::now();
    let limit = Duration::from_millis(150);
    match timeout(limit, look_up("orders", 60_000)).await {
        Ok(orders) => println!("{orders:?}"),
        Err(_) => println!("no answer after {:?}", start.elapsed()),
    }
    // ANCHOR_END: step
}

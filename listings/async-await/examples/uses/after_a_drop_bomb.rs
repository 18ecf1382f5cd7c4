use super::after_a_drop::give_back;
use async_await::after_a_drop::MustClose;
use std::time::Duration;
use tokio::time::timeout;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: bomb
    let lease = MustClose::new(|_made_at| println!("lease 8 was not closed"));
    lease.close(give_back(8)).await;

    let lease = MustClose::new(|_made_at| println!("lease 9 was not closed"));
    let limit = Duration::from_millis(5); // too short
    let closed = timeout(limit, lease.close(give_back(9))).await;
    println!("closed in time: {}", closed.is_ok());
    // ANCHOR_END: bomb
}

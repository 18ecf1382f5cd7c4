use future_composition::closures_that_borrow::save_all;
use futures::stream;
use std::time::Duration;
use tokio::time::sleep;

/// In your program: writes an order into a database. `false`: it is not saved.
pub(crate) async fn save(cents: u64) -> bool {
    sleep(Duration::from_millis(10)).await;
    cents > 0
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let orders = stream::iter([12, 30, 8]);
    println!("saved: {} cents", save_all(orders, &save).await);
}

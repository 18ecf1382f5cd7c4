//! A guard of a `std` mutex is not `Send`, so no task holds it at an await.

use std::sync::{Arc, Mutex};

use tokio::task::JoinHandle;
use tokio::time::{Duration, sleep};

// ANCHOR: guard_over_await
fn accept(receipts: Arc<Mutex<u32>>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut total = receipts.lock().expect("no panic");
        *total += 1;
        sleep(Duration::from_millis(200)).await;
    })
}
// ANCHOR_END: guard_over_await

fn main() {
    drop(accept(Arc::default()));
}

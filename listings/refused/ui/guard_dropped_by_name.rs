//! The compiler looks at the block of a guard: `drop` does not end it for `Send`.

use std::future::Future;
use std::sync::{Arc, Mutex};

use tokio::task::JoinHandle;

fn count_and_send(
    receipts: Arc<Mutex<u32>>,
    send: impl Future<Output = ()> + Send + 'static,
) -> JoinHandle<()> {
    // ANCHOR: guard_dropped_by_name
    let task = tokio::spawn(async move {
        let mut total = receipts.lock().expect("no panic");
        *total += 1;
        drop(total);
        send.await;
    });
    // ANCHOR_END: guard_dropped_by_name
    task
}

fn main() {
    drop(count_and_send(Arc::default(), async {}));
}

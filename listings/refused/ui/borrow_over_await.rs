//! A borrow of a watch is a lock, and is not held over an await by what is spawned.

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Duration, sleep};

// ANCHOR: borrow_over_await
fn pause_as_set(mut pause: watch::Receiver<Duration>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let length = pause.borrow_and_update();
        sleep(*length).await;
    })
}
// ANCHOR_END: borrow_over_await

fn main() {
    let (_sender, pause) = watch::channel(Duration::ZERO);
    drop(pause_as_set(pause));
}

//! The log stays empty. Let all tasks of `write` share it.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::sleep;

type Log = Arc<Mutex<Vec<u32>>>;

/// Starts a task that adds `order` to the log.
fn write(log: &Log, order: u32) -> JoinHandle<()> {
    let log = Arc::clone(log);
    tokio::spawn(async move {
        sleep(Duration::from_millis(10)).await;
        log.lock().expect("nobody panics with the lock").push(order);
    })
}

// Do not change what follows: it tests what you wrote.

#[tokio::test(start_paused = true)]
async fn all_tasks_write_into_one_log() {
    let log = Log::default();
    write(&log, 1).await.unwrap();
    write(&log, 2).await.unwrap();
    assert_eq!(*log.lock().unwrap(), [1, 2], "both orders are in the log");
}

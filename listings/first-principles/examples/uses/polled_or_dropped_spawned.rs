use super::polled_or_dropped::approval;
use super::shown::polled_or_dropped::{Accounts, transfer};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    // ANCHOR: spawned
    let accounts = Arc::new(Mutex::new(Accounts { from: 100, to: 0 }));
    let shared = Arc::clone(&accounts); // a task must own what it uses
    let task = tokio::spawn(async move { transfer(&shared, 10, approval()).await });

    let limit = Duration::from_millis(30);
    if timeout(limit, task).await.is_err() {
        println!("nobody waits any more"); // the handle was dropped, not the task
    }
    sleep(limit).await;
    println!("  {:?}", accounts.lock().await);
    // ANCHOR_END: spawned
    Ok(())
}

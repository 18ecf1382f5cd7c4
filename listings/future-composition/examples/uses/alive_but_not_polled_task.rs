use super::alive_but_not_polled::query;
use super::shown::alive_but_not_polled::warn_when_task_is_slow;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::JoinError;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), JoinError> {
    // ANCHOR: task
    let connection = Arc::new(Mutex::new(()));
    let other_job = query(&connection, "the other job", 200);

    let shared = Arc::clone(&connection); // a task must own what it uses
    let save = async move { query(&shared, "save", 50).await };
    let warn = || query(&connection, "warn", 20);
    let limit = Duration::from_millis(100);
    let ((), saved) =
        tokio::join!(other_job, warn_when_task_is_slow(save, limit, warn));
    println!("{saved:?}"); // an error if `save` panicked
    // ANCHOR_END: task
    Ok(())
}

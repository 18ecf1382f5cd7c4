use super::alive_but_not_polled::query;
use super::shown::alive_but_not_polled::fall_back_when_slow;
use std::time::Duration;
use tokio::sync::Mutex;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let connection = Mutex::new(());
    let other_job = query(&connection, "the other job", 200);

    let save = query(&connection, "save", 50);
    let warn = || query(&connection, "warn", 20);
    let limit = Duration::from_millis(100);
    // ANCHOR: drop
    tokio::join!(other_job, fall_back_when_slow(save, limit, warn));
    // ANCHOR_END: drop
}

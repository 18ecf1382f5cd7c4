use future_composition::alive_but_not_polled::warn_when_slow;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

/// A query of so many milliseconds, over the only connection.
pub(crate) async fn query(connection: &Mutex<()>, name: &str, millis: u64) {
    let _connection = connection.lock().await; // nobody else uses it meanwhile
    sleep(Duration::from_millis(millis)).await;
    println!("{name} has ended");
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let connection = Mutex::new(());
    let other_job = query(&connection, "the other job", 200);

    let save = query(&connection, "save", 50);
    let warn = || query(&connection, "warn", 20);
    let start = Instant::now();
    let limit = Duration::from_millis(100);
    tokio::join!(other_job, warn_when_slow(save, limit, warn));
    println!("after {:?}", start.elapsed());
}

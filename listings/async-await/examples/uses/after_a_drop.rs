use async_await::after_a_drop::CleanUps;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::sleep;

/// At work: does whatever this worker needs the lease for.
async fn work() {
    sleep(Duration::from_hours(1)).await;
}

/// At work: a request to the server. If it fails, log that here.
pub(crate) async fn give_back(lease: u32) {
    sleep(Duration::from_millis(20)).await;
    println!("lease {lease} is given back");
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let clean_ups = CleanUps::on(Handle::current());
    let guard = clean_ups.on_drop(give_back(7));
    let task = tokio::spawn(async move {
        let _guard = guard; // dropped with the task
        work().await;
    });
    sleep(Duration::from_millis(100)).await;
    task.abort();
    println!("aborted");

    // The end of `main`: after it, the runtime ends.
    let finished = clean_ups.finish(Duration::from_secs(1)).await;
    println!("all is cleaned up: {}", finished.is_ok());
}

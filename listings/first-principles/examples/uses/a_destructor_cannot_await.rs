use first_principles::polled_or_dropped::CleanUp;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// At work: a request that frees the printer for others.
pub(crate) async fn give_back(job: &str) {
    sleep(Duration::from_millis(20)).await;
    println!("{job}: the printer is free");
}

async fn print(job: &'static str, millis: u64) {
    let clean_up = CleanUp::new(give_back(job)); // nothing runs yet
    sleep(Duration::from_millis(millis)).await; // at work: sends the pages
    println!("{job}: printed");
    clean_up.finish().await;
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let limit = Duration::from_millis(100);
    for (job, millis) in [("letter", 50), ("book", 5_000)] {
        if timeout(limit, print(job, millis)).await.is_err() {
            println!("{job}: given up");
        }
    }
    sleep(limit).await; // the last clean-up is a task, and needs 20 ms
}

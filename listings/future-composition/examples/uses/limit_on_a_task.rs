use future_composition::time_limit::task_within;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// At work: sends a report to a server, which needs 100 ms.
async fn send_report() {
    sleep(Duration::from_millis(100)).await;
    println!("the task has sent the report");
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let limit = Duration::from_millis(40);

    let task = tokio::spawn(send_report());
    if timeout(limit, task).await.is_err() {
        println!("timeout: too late");
    }
    sleep(Duration::from_millis(100)).await;

    let task = tokio::spawn(send_report());
    if let Err(error) = task_within("report", limit, task).await {
        println!("task_within: {error}");
    }
    sleep(Duration::from_millis(100)).await;
    println!("100 ms later");
}

use std::sync::mpsc::channel;
use std::time::Duration;
use tokio::task::JoinError;

/// Starts a task that writes the log. Then it computes, and has no `await`.
fn handler(another_task: bool) -> &'static str {
    let (writes, written) = channel();
    tokio::spawn(async move { writes.send("order 7") });
    if another_task {
        tokio::spawn(async {});
    }
    // At work, a long computation. Here, it keeps its thread until the log is written,
    // or for half a second.
    match written.recv_timeout(Duration::from_millis(500)) {
        Ok(_) => "the log was written meanwhile",
        Err(_) => "the log had to wait, and three workers were idle",
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 4)]
pub(crate) async fn main() -> Result<(), JoinError> {
    println!("one task: {}", tokio::spawn(async { handler(false) }).await?);
    println!("two tasks: {}", tokio::spawn(async { handler(true) }).await?);
    Ok(())
}

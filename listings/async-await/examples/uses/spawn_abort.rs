use super::spawn::send_receipt;
use std::time::Duration;
use tokio::time::sleep;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: abort
    let task = tokio::spawn(send_receipt(1));
    sleep(Duration::from_millis(50)).await;
    task.abort();
    println!("finished: {}", task.is_finished());
    match task.await {
        Ok(answer) => println!("too late: {answer:?}"),
        Err(error) => println!("aborted: {}", error.is_cancelled()),
    }
    // ANCHOR_END: abort
}

use super::ask_it_to_stop::{queue, save};
use async_await::ask_it_to_stop::import;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let stop = CancellationToken::new();
    let task = tokio::spawn(import(stop.clone(), queue(), save));
    sleep(Duration::from_millis(90)).await;
    println!("stop!");
    // ANCHOR: abort
    task.abort();
    println!("aborted: {}", task.await.is_err_and(|error| error.is_cancelled()));
    // ANCHOR_END: abort
}

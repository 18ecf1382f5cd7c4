use async_await::ask_it_to_stop::import;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinError;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// At work: two calls to a database.
pub(crate) async fn save(batch: u32) {
    sleep(Duration::from_millis(30)).await;
    println!("batch {batch} is written");
    sleep(Duration::from_millis(20)).await;
    println!("batch {batch} is marked as done");
}

/// At work: a queue. Here it is a channel with five batches in it.
pub(crate) fn queue() -> mpsc::Receiver<u32> {
    let (sender, batches) = mpsc::channel(5);
    for batch in 1..=5 {
        sender.try_send(batch).expect("there is a free place");
    }
    batches
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), JoinError> {
    let stop = CancellationToken::new();
    let task = tokio::spawn(import(stop.clone(), queue(), save));
    sleep(Duration::from_millis(90)).await;
    println!("stop!");
    stop.cancel();
    println!("{:?}", task.await?);
    Ok(())
}

use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// Takes two orders, one every `millis` milliseconds, and sends them to the kitchen.
async fn waiter(name: &'static str, millis: u64, sender: mpsc::Sender<String>) {
    for dish in ["soup", "fish"] {
        sleep(Duration::from_millis(millis)).await;
        if sender.send(format!("{dish} from {name}")).await.is_err() {
            return; // the kitchen has closed
        }
    }
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (sender, mut receiver) = mpsc::channel(8); // room for 8 messages
    tokio::spawn(waiter("Ann", 20, sender.clone()));
    tokio::spawn(waiter("Bob", 30, sender.clone()));
    drop(sender);

    while let Some(order) = receiver.recv().await {
        println!("{order}");
    }
    println!("all waiters have gone home");
}

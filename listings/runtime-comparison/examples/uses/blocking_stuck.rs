//! Wrong: the call blocks the only thread, so nobody can put a card in.

use std::sync::mpsc;
use std::time::Duration;
use tokio::task::JoinError;
use tokio::time::sleep;

fn read_card(slot: &mpsc::Receiver<&'static str>) -> &'static str {
    slot.recv_timeout(Duration::from_secs(1)).unwrap_or("no card")
}

async fn others(slot: mpsc::Sender<&'static str>) {
    for name in ["Ada", "Ben", "Cleo"] {
        sleep(Duration::from_millis(10)).await;
        println!("a receipt for {name}");
    }
    let _ = slot.send("card 4711"); // an error: the terminal has given up
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), JoinError> {
    let (sender, slot) = mpsc::channel();
    // ANCHOR: stuck
    let others = tokio::spawn(others(sender));
    let card = read_card(&slot); // blocks the thread, for at most a second
    println!("the terminal: {card}");
    // ANCHOR_END: stuck
    others.await
}

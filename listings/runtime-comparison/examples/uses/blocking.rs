use std::sync::mpsc;
use std::time::Duration;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::sleep;

/// The driver of a card terminal. It blocks its thread until a card comes.
pub(crate) fn read_card(slot: &mpsc::Receiver<&'static str>) -> &'static str {
    slot.recv_timeout(Duration::from_secs(1)).unwrap_or("no card")
}

/// Other customers, whom other tasks serve. The last one puts a card in.
pub(crate) async fn others(slot: mpsc::Sender<&'static str>) {
    for name in ["Ada", "Ben", "Cleo"] {
        sleep(Duration::from_millis(10)).await;
        println!("a receipt for {name}");
    }
    let _ = slot.send("card 4711"); // an error: the terminal has given up
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), JoinError> {
    let (sender, slot) = mpsc::channel();
    let others = tokio::spawn(others(sender));
    let card = spawn_blocking(move || read_card(&slot)).await?;
    println!("the terminal: {card}");
    others.await
}

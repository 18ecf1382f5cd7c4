//! Wrong: the call blocks the only thread, so nobody can put a card in.

use std::sync::mpsc;
use tokio::task::JoinError;

use super::blocking::{others, read_card};

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

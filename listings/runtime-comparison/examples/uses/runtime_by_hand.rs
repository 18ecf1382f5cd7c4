use std::thread;

use futures::channel::oneshot::{Canceled, channel};
use runtime_comparison::runtime_by_hand::block_on;

/// Asks a supplier, on a thread of its own, and waits for the answer.
pub(crate) async fn price(supplier: &str, euros: u32) -> Result<u32, Canceled> {
    let (sender, answer) = channel();
    println!("{supplier} is asked");
    thread::spawn(move || sender.send(euros)); // at work: a library that blocks
    answer.await // an error: the thread has panicked
}

pub(crate) fn main() -> Result<(), Canceled> {
    let north = block_on(price("North", 120))?;
    println!("North wants {north} euros");
    let south = block_on(price("South", 95))?;
    println!("South wants {south} euros");
    Ok(())
}

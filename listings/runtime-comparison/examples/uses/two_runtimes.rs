use smol::Executor;
use smol::channel::{Sender, bounded};
use std::error::Error;
use tokio::runtime::Runtime;
use tokio::task::JoinError;

/// At work: asks a server.
pub(crate) async fn price(article: u32) -> u32 {
    article * 2
}

/// At work: sends an email.
pub(crate) async fn send_receipt(sent: Sender<&'static str>) {
    let _ = sent.send("sent").await; // nobody may wait for it
}

async fn on_tokio() -> Result<(), JoinError> {
    let (sent, receipts) = bounded(1);
    drop(tokio::spawn(send_receipt(sent)));
    let task = tokio::spawn(price(7));
    let price = task.await?; // a `Result`: the task may have panicked
    println!("Tokio: price {price}, receipt {:?}", receipts.recv().await);
    Ok(())
}

async fn on_smol(executor: &Executor<'_>) {
    let (sent, receipts) = bounded(1);
    drop(executor.spawn(send_receipt(sent)));
    let task = executor.spawn(price(7));
    let price = task.await; // no `Result`: a panic goes on here
    println!("smol: price {price}, receipt {:?}", receipts.recv().await);
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    Runtime::new()?.block_on(on_tokio())?; // its workers run the tasks
    let executor = Executor::new();
    smol::block_on(executor.run(on_smol(&executor))); // `run` runs the tasks
    Ok(())
}

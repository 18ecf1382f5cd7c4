use super::index::{one_thread, report};
use std::error;
use std::sync::mpsc::channel;
use tokio::runtime::Runtime;
// ANCHOR: blocking
use tokio::task::{JoinError, spawn_blocking};

fn at_noon(runtime: &Runtime) -> Result<&'static str, JoinError> {
    let (answer, answered) = channel();
    runtime.block_on(async {
        let report = spawn_blocking(move || report(&answered));
        tokio::spawn(async move { answer.send(()) });
        report.await
    })
}
// ANCHOR_END: blocking

pub(crate) fn main() -> Result<(), Box<dyn error::Error>> {
    println!("one thread: {}", at_noon(&one_thread()?)?);
    Ok(())
}

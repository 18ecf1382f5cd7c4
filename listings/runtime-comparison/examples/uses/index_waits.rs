use std::{error, io};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinError;
// ANCHOR: waits
use std::time::Duration;
use tokio::sync::oneshot::{Receiver, channel};
use tokio::time::timeout;

/// Waits until a customer was answered, for half a second at most.
async fn report(answered: Receiver<()>) -> &'static str {
    match timeout(Duration::from_millis(500), answered).await {
        Ok(_) => "a customer was answered beside the report",
        Err(_) => "nobody was answered before the report had ended",
    }
}

fn at_noon(runtime: &Runtime) -> Result<&'static str, JoinError> {
    let (answer, answered) = channel();
    runtime.block_on(async {
        let report = tokio::spawn(report(answered));
        tokio::spawn(async move { answer.send(()) });
        report.await
    })
}

fn one_thread() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_time().build()
}
// ANCHOR_END: waits

pub(crate) fn main() -> Result<(), Box<dyn error::Error>> {
    println!("one thread: {}", at_noon(&one_thread()?)?);
    Ok(())
}

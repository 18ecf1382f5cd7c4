use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use std::{error, io};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinError;

/// Stands for a computation: it has no `await`, and keeps its thread until a
/// customer was answered, or for half a second.
pub(crate) fn report(answered: &Receiver<()>) -> &'static str {
    match answered.recv_timeout(Duration::from_millis(500)) {
        Ok(()) => "a customer was answered beside the report",
        Err(_) => "nobody was answered before the report had ended",
    }
}

fn at_noon(runtime: &Runtime) -> Result<&'static str, JoinError> {
    let (answer, answered) = channel();
    runtime.block_on(async {
        let report = tokio::spawn(async move { report(&answered) });
        tokio::spawn(async move { answer.send(()) });
        report.await
    })
}

pub(crate) fn main() -> Result<(), Box<dyn error::Error>> {
    println!("one thread: {}", at_noon(&one_thread()?)?);
    println!("two threads: {}", at_noon(&two_threads()?)?);
    Ok(())
}

pub(crate) fn one_thread() -> io::Result<Runtime> {
    Builder::new_current_thread().build()
}

fn two_threads() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(2).build()
}

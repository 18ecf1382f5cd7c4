use std::error;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinError, JoinSet};

/// Three steps of one order, each of them a task.
async fn order() {
    let mut steps = JoinSet::new();
    for step in ["reserve", "pay", "ship"] {
        steps.spawn(async move { println!("  {step}") });
    }
    steps.join_all().await;
}

/// Runs `order` as a server runs a handler: in a task.
fn handle(runtime: &Runtime) -> Result<(), JoinError> {
    runtime.block_on(async { tokio::spawn(order()).await })
}

pub(crate) fn main() -> Result<(), Box<dyn error::Error>> {
    println!("current_thread, as in #[tokio::test]:");
    handle(&Builder::new_current_thread().build()?)?;

    println!("multi_thread, with one worker:");
    handle(&Builder::new_multi_thread().worker_threads(1).build()?)?;
    Ok(())
}

use super::ask_it_to_stop::{queue, save};
use async_await::ask_it_to_stop::import_and_report;
use std::time::Duration;
use tokio::task::JoinError;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), JoinError> {
    let stop = CancellationToken::new();
    // ANCHOR: ticks
    let period = Duration::from_millis(40);
    let report = |saved| println!("saved so far: {saved}");
    let import = import_and_report(stop.clone(), queue(), save, period, report);
    let task = tokio::spawn(import);
    // ANCHOR_END: ticks
    sleep(Duration::from_millis(90)).await;
    println!("stop!");
    stop.cancel();
    println!("{:?}", task.await?);
    Ok(())
}

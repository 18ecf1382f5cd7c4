use async_await::clean_up::work_then_clean_up;
use std::time::Duration;
use tokio::task::JoinError;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

#[derive(Debug, thiserror::Error)]
#[error("the server has refused")]
pub(crate) struct Refused;

/// At work: does whatever this worker needs the lease for.
pub(crate) async fn work() {
    sleep(Duration::from_hours(1)).await;
}

/// At work: a call to the server.
pub(crate) async fn give_back(lease: u32) -> Result<(), Refused> {
    sleep(Duration::from_millis(20)).await;
    println!("lease {lease} is given back");
    Ok(())
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), JoinError> {
    let stop = CancellationToken::new();
    let own = stop.clone();
    let task = tokio::spawn(async move {
        let limit = Duration::from_secs(1);
        work_then_clean_up(&own, work(), give_back(7), limit).await
    });
    sleep(Duration::from_millis(100)).await;
    stop.cancel();
    println!("{:?}", task.await?);
    Ok(())
}

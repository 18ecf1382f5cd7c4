use async_await::ask_it_to_stop::with_child_token;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

// ANCHOR: helpers
#[derive(Debug)]
pub(crate) struct NoAccess;

/// At work: asks who may do this. Here nobody may.
async fn check_access() -> Result<(), NoAccess> {
    sleep(Duration::from_millis(10)).await;
    Err(NoAccess)
}

// ANCHOR: handle
async fn handle(own: CancellationToken) -> Result<(), NoAccess> {
    tokio::spawn(async move {
        own.cancelled().await;
        println!("the helper was asked to stop");
    });
    check_access().await?; // leaves the function
    Ok(())
}
// ANCHOR_END: handle

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let stop = CancellationToken::new();
    println!("{:?}", with_child_token(&stop, handle).await);
    sleep(Duration::from_millis(10)).await; // the helper runs now
    println!("the service was asked to stop: {}", stop.is_cancelled());
}
// ANCHOR_END: helpers

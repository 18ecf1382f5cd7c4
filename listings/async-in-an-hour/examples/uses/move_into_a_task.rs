use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinError;
use tokio::time::sleep;

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), JoinError> {
    // ANCHOR: shared
    let shop = Arc::new(String::from("Tea House"));
    let for_task = Arc::clone(&shop);
    let task = tokio::spawn(async move {
        sleep(Duration::from_millis(10)).await;
        println!("{for_task} is open");
    });
    // ANCHOR_END: shared
    println!("{shop} opens soon");
    task.await?;
    Ok(())
}

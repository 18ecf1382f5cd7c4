use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinError;
use tokio::time::sleep;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), JoinError> {
    let shop = String::from("Tea House");
    // ANCHOR: moved
    let task = tokio::spawn(async move {
        println!("{shop} is open");
    });
    // ANCHOR_END: moved
    task.await?;

    // ANCHOR: shared
    let shop = Arc::new(String::from("Tea House"));
    let for_task = Arc::clone(&shop);
    let task = tokio::spawn(async move {
        sleep(Duration::from_millis(10)).await;
        println!("{for_task} is open");
    });
    // ANCHOR_END: shared
    println!("{shop} opens");
    task.await
}

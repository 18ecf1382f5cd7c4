use super::transform_and_chain::fetch;
use std::time::Duration;
use tokio::time::{sleep, timeout};

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: task
    let chain = tokio::spawn(async {
        let place = fetch("/ada").await?;
        let posts = fetch(&place).await;
        println!("both calls are done");
        posts
    });
    match timeout(Duration::from_millis(150), chain).await {
        Ok(posts) => println!("{posts:?}"),
        Err(_) => println!("the client has gone away"),
    }
    sleep(Duration::from_secs(1)).await; // the server runs on
    // ANCHOR_END: task
}

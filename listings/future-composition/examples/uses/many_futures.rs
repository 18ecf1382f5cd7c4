use futures::stream::{FuturesUnordered, StreamExt};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// At work: asks a server. User 1 needs 30 ms, user 2 10 ms, and user 3 15 ms.
pub(crate) async fn name(id: u64) -> &'static str {
    let (needs, name) = match id {
        1 => (30, "Ann"),
        2 => (10, "Ben"),
        _ => (15, "Cleo"),
    };
    sleep(Duration::from_millis(needs)).await;
    name
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let start = Instant::now();
    let mut answers = FuturesUnordered::new();
    for id in [1, 2, 3] {
        answers.push(async move { (id, name(id).await) });
    }
    while let Some((id, name)) = answers.next().await {
        println!("{} ms: user {id} is {name}", start.elapsed().as_millis());
    }
}

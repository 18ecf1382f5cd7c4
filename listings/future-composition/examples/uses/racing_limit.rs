use super::racing::{UP, ask};
use std::time::Duration;
use tokio::select;
use tokio::time::timeout;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: limit
    let limit = Duration::from_millis(20);
    let race = timeout(limit, async {
        select! {
            answer = ask("primary", 60, UP) => answer,
            answer = ask("mirror", 30, UP) => answer,
        }
    });
    match race.await {
        Ok(answer) => println!("{answer:?}"),
        Err(_) => println!("no answer within {limit:?}"),
    }
    // ANCHOR_END: limit
}

use super::racing::{Answer, UP};
use std::time::Duration;
use tokio::select;
use tokio::time::sleep;

async fn ask(name: &'static str, millis: u64, _up: bool) -> Answer {
    // ANCHOR: two_lines
    println!("{name}: the request is sent");
    sleep(Duration::from_millis(millis)).await;
    println!("{name}: the answer is here");
    // ANCHOR_END: two_lines
    Ok(name)
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: both_up
    let answer = select! {
        biased;
        answer = ask("primary", 60, UP) => answer,
        answer = ask("mirror", 30, UP) => answer,
    };
    println!("{answer:?}");
    sleep(Duration::from_secs(1)).await;
    println!("one second later");
    // ANCHOR_END: both_up
}

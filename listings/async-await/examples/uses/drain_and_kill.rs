use async_await::drain_and_kill::{Stop, shut_down, start};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// At work: answers a request. The third one needs a minute.
pub(crate) async fn answer(request: u32) {
    let millis = if request == 3 { 60_000 } else { 500 };
    sleep(Duration::from_millis(millis)).await;
    println!("request {request} is answered");
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (sender, requests) = mpsc::channel(8);
    let stop = Stop::default();
    start(&stop, requests, answer);
    for request in 1..=3 {
        sender.send(request).await.expect("the service runs");
    }
    sleep(Duration::from_millis(100)).await;

    println!("stop!");
    let late = shut_down(&stop, Duration::from_secs(2)).await;
    println!("dropped: {late}");
    println!("takes new requests: {}", sender.send(4).await.is_ok());
}

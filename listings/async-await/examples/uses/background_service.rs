use async_await::background_service::Service;
use std::time::Duration;
use tokio::time::sleep;

/// In your program: sends what has been measured since the last time. It needs 70 ms.
pub(crate) async fn send_report() {
    println!("  a report is being sent");
    sleep(Duration::from_millis(70)).await;
    println!("  the report is sent");
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let service = Service::start(Duration::from_millis(100), send_report);
    sleep(Duration::from_millis(130)).await;
    println!("stop!");
    match service.stop(Duration::from_secs(1)).await {
        Ok(why) => println!("stopped: {why:?}"),
        Err(error) => println!("{error}"),
    }
}

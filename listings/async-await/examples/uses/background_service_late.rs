use super::background_service::send_report;
use async_await::background_service::Service;
use std::time::Duration;
use tokio::time::sleep;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let service = Service::start(Duration::from_millis(100), send_report);
    sleep(Duration::from_millis(130)).await;
    // ANCHOR: late
    println!("stop!");
    match service.stop(Duration::from_millis(10)).await {
        Ok(why) => println!("stopped: {why:?}"),
        Err(error) => println!("{error}"),
    }
    // ANCHOR_END: late
}

use super::shown::timer_in_a_loop::sessions;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: many
    let start = Instant::now();
    let (sender, mut seen) = mpsc::channel(8);
    tokio::spawn(async move {
        for customer in ["Ann", "Ben", "Ann"] {
            sleep(Duration::from_secs(10)).await;
            sender.send(customer).await.expect("the shop reads");
        }
    });
    let left = |customer| println!("{:?}: {customer} has left", start.elapsed());
    sessions(&mut seen, Duration::from_mins(1), left).await;
    // ANCHOR_END: many
}

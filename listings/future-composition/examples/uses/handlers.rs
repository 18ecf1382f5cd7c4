use std::time::Duration;
use tokio::select;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep};

/// At work: writes the order down, which needs 320 ms.
async fn save(order: &'static str) {
    sleep(Duration::from_millis(320)).await;
    println!("saved: {order}");
}

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (sender, mut orders) = mpsc::channel(8);
    tokio::spawn(async move {
        sleep(Duration::from_millis(50)).await;
        sender.send("tea").await.expect("the reader is there");
    });

    let start = Instant::now();
    let mut beats = interval(Duration::from_millis(100));
    let mut running = JoinSet::new(); // the tasks that save
    while start.elapsed() < Duration::from_millis(500) {
        select! {
            Some(order) = orders.recv() => {
                running.spawn(save(order)); // the handler does not wait for it
            }
            Some(saved) = running.join_next() => saved.expect("`save` does not panic"),
            _ = beats.tick() => println!("{:?}: still here", start.elapsed()),
        }
    }
}

use super::shown::lost_messages::next_order;
use std::time::Duration;
use tokio::select;
use tokio::sync::mpsc;
use tokio::time::{interval, sleep};

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (sender, mut messages) = mpsc::channel(8);
    tokio::spawn(async move {
        for message in ["tea", "1", "milk", "2", "bread", "3"] {
            sleep(Duration::from_millis(30)).await;
            sender.send(message).await.expect("the reader is there");
        }
    });

    // ANCHOR: shop
    let mut ticks = interval(Duration::from_millis(100));
    loop {
        select! {
            order = next_order(&mut messages) => match order {
                Some(order) => println!("order: {order}"),
                None => break,
            },
            _ = ticks.tick() => println!("the shop is open"),
        }
    }
    // ANCHOR_END: shop
}

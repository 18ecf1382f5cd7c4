use future_composition::lost_messages::all_orders;
use futures::stream::StreamExt;
use std::pin::pin;
use std::time::Duration;
use tokio::select;
use tokio::sync::mpsc;
use tokio::time::{interval, sleep};

// The clock is paused, so nobody waits. Delete `start_paused` to wait for real.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (sender, messages) = mpsc::channel(8);
    tokio::spawn(async move {
        for message in ["tea", "1", "milk", "2", "bread", "3"] {
            sleep(Duration::from_millis(30)).await;
            sender.send(message).await.expect("the reader is there");
        }
    });

    let mut orders = pin!(all_orders(messages)); // one stream, made before the loop
    let mut ticks = interval(Duration::from_millis(100));
    loop {
        select! {
            order = orders.next() => match order {
                Some(order) => println!("order: {order}"),
                None => break,
            },
            _ = ticks.tick() => println!("the shop is open"),
        }
    }
}

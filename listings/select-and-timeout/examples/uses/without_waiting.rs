use select_and_timeout::without_waiting::take_all;
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::Instant;

// The clock is paused, so it shows only time that the program waited.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (sender, mut cancelled) = mpsc::channel(16);
    tokio::spawn(async move {
        if sender.send(2).await.is_ok() {
            yield_now().await; // the customer leaves in its next turn
        }
    });

    let start = Instant::now();
    let mut skip = Vec::new();
    for order in 1..=3 {
        yield_now().await; // other tasks of this thread may send now
        let channel = take_all(&mut cancelled, |number| skip.push(number));
        if skip.contains(&order) {
            println!("order {order} is cancelled, channel: {channel:?}");
        } else {
            println!("order {order} is packed, channel: {channel:?}");
        }
    }
    println!("waited {:?}", start.elapsed());
}

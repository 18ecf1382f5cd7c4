use super::shown::cancel_safety::Weighing;
use std::time::Duration;
use tokio::select;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep};

// ANCHOR: own
/// At work: asks a scale over the network. The answer needs 30 ms.
async fn scale(parcel: String) -> u32 {
    sleep(Duration::from_millis(30)).await;
    100 * parcel.len() as u32
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (sender, parcels) = mpsc::channel(8);
    for parcel in ["vase", "lamp", "teapot"] {
        sender.try_send(parcel.to_owned()).expect("there is room");
    }
    drop(sender);

    let mut weighing = Weighing::new(parcels);
    let start = Instant::now();
    let mut ticks = interval(Duration::from_millis(50));
    loop {
        select! {
            next = weighing.next(scale) => match next {
                Some((parcel, grams)) => {
                    println!("{:?}: {parcel}, {grams} g", start.elapsed());
                }
                None => break,
            },
            _ = ticks.tick() => println!("{:?}: (tick)", start.elapsed()),
        }
    }
}
// ANCHOR_END: own

use super::fold_and_take::readings;
use futures::stream::StreamExt;
use std::future::ready;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: stop
    let start = Instant::now();
    let small = readings().take_while(|reading| ready(*reading < 3));
    println!("{:?} after {:?}", small.collect::<Vec<_>>().await, start.elapsed());

    let start_again = Instant::now();
    let stop = sleep(Duration::from_millis(3_500));
    let early = readings().take_until(stop);
    println!("{:?} after {:?}", early.collect::<Vec<_>>().await, start_again.elapsed());
    // ANCHOR_END: stop
}

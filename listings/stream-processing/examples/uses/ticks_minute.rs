use super::shown::ticks::{ticks, until_full};
use futures::StreamExt;
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, MissedTickBehavior};

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    // ANCHOR: minute
    let start = Instant::now();
    let minute = Duration::from_mins(1);
    // In your program: SystemTime::now(). This is 18 s before a full minute.
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_042);
    let first = start + until_full(now, minute).expect("a minute is not zero");
    let mut minutes = ticks(first, minute, MissedTickBehavior::Skip)
        .expect("a minute is not zero")
        .take(2);
    while minutes.next().await.is_some() {
        println!("a full minute, after {:?}", start.elapsed());
    }
    // ANCHOR_END: minute
}

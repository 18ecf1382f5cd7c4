use super::expired_work::{answer, customers};
use select_and_timeout::expired_work::work;
use std::time::Duration;
use tokio::sync::mpsc;

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() {
    let (queue, mut jobs) = mpsc::channel(1_000);
    // ANCHOR: zero
    let least = Duration::ZERO;
    // ANCHOR_END: zero
    let worker = work(&mut jobs, least, answer);
    let (answered, report) = tokio::join!(customers(queue), worker);
    println!("{answered} of 200 have an answer");
    println!("{report:?}");
}

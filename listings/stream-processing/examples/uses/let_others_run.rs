use std::thread;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use tokio::task::yield_now;
use tokio::time::timeout;

/// Needs the thread for 1 ms. At work: computes.
pub(crate) fn compute(_number: usize) {
    thread::sleep(Duration::from_millis(1));
}

#[tokio::main(flavor = "current_thread")] // a runtime with one thread
pub(crate) async fn main() {
    let mut done = 0;
    let work = async {
        let mut numbers = stream::iter(0..1_000);
        while let Some(number) = numbers.next().await {
            compute(number);
            done += 1;
            yield_now().await; // other tasks run here, and timers fire
        }
    };
    let end = timeout(Duration::from_millis(20), work).await;
    println!("{end:?}; all done: {}", done == 1_000);
}

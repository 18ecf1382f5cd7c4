use std::time::Duration;

use backend::figure::{Figure, lane, observe};
use futures::stream::{self, StreamExt};
use tokio::time::{Instant, sleep_until};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn one_reader() {
    let scene = || async {
        let lines = stream::iter(1..=4);
        let slow = tokio_stream::StreamExt::throttle(lines, ms(100));
        let mut visits = observe("visits", slow);
        let reader = lane("the task that reads", async move {
            while visits.next().await.is_some() {}
        });
        let start = Instant::now();
        let other = lane("another task", async move {
            for turn in 0..4 {
                sleep_until(start + ms(50 + 100 * turn)).await;
            }
        });
        let tasks = [tokio::spawn(reader), tokio::spawn(other)];
        futures::future::join_all(tasks).await
    };
    Figure::new("one-reader", "One thread: while the stream waits, another task runs")
        .panel("A visit every 100 ms", scene)
        .check();
}

use std::time::Duration;

use backend::figure::{Figure, lane, try_lane};
use futures::FutureExt;
use futures::stream::Stream;
use stream_processing::let_others_run::{Counter, naive};
use tokio::time::{advance, timeout};

const MS: Duration = Duration::from_millis(1);

/// A millisecond of computing: the clock goes on, and nobody else runs.
fn compute(_: usize) {
    // The first poll of `advance` moves the clock; the rest would be a yield.
    let _pending = advance(MS).now_or_never();
}

/// A loop over numbers under a limit of 20 ms, beside a task that only wants its turns.
async fn scene(numbers: impl Stream<Item = usize> + Send + 'static) {
    let other = tokio::spawn(lane("another task", async {
        loop {
            tokio::task::yield_now().await;
        }
    }));
    let work = lane("the loop", naive::for_each_without_pause(numbers, compute));
    let _end = try_lane("limit of 20 ms", timeout(20 * MS, work)).await;
    other.abort();
}

#[test]
fn let_others_run() {
    Figure::new("let-others-run", "1,000 numbers, 1 ms of computing for each")
        .panel("always ready", || scene(naive::Counter { numbers: 0..1000 }))
        .panel("with the budget of its task", || scene(Counter::below(1000)))
        .check();
}

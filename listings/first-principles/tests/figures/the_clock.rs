use backend::figure::{Figure, tally};
use tokio::task::yield_now;
use tokio::time::{advance, interval, sleep};

use crate::ms;

/// An interval of 100 ms in a task of its own, for as long as `wait` takes.
async fn ticks(wait: impl Future<Output = ()>) {
    let ticking = tokio::spawn(async {
        let mut interval = interval(ms(100));
        loop {
            interval.tick().await;
            tally("ticks");
        }
    });
    yield_now().await;
    wait.await;
    yield_now().await;
    ticking.abort();
}

#[test]
fn the_clock() {
    Figure::new(
        "the-clock",
        "Ten ticks of an interval, the same time waited for in two ways",
    )
    .panel("sleep(950 ms)", || ticks(sleep(ms(950))))
    .panel("advance(950 ms)", || ticks(advance(ms(950))))
    .check();
}

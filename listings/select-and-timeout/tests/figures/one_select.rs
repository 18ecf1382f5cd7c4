use std::future::pending;
use std::time::Duration;

use backend::figure::{Figure, lane};
use tokio::time::sleep;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Three futures of which one ends: the `select!` of the opening.
async fn three_branches() {
    tokio::select! {
        // Which branch is polled first is chance, and the picture must not depend on it.
        biased;
        () = lane("stock_of", pending()) => {}
        () = lane("customer_leaves", sleep(ms(700))) => {}
        () = lane("sleep of 2 s", sleep(ms(2_000))) => {}
    }
}

#[test]
fn one_select() {
    Figure::new(
        "one_select",
        "A select! with three branches: at 700 ms one future ends, and the two others are dropped",
    )
    .panel("select!", three_branches)
    .check();
}

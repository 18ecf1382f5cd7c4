//! Runs each figure of the first pages, and compares it with what was recorded in `figures/`.

mod index;

mod polled_or_dropped;

mod the_clock;

use std::time::Duration;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

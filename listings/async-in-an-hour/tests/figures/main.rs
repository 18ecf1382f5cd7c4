//! Runs each figure of the part, and compares it with what was recorded in `figures/`.

mod a_task;
mod a_time_limit;
mod call_and_await;
mod move_into_a_task;
mod two_at_once;

use std::time::Duration;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

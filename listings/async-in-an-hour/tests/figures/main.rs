//! Runs each figure of the part, and compares it with what was recorded in `figures/`.

mod a_task;
mod a_time_limit;
mod call_and_await;
mod move_into_a_task;
mod two_at_once;
mod a_channel;

mod a_stream;

mod stop_cleanly;

mod whichever_comes_first;

use std::time::Duration;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

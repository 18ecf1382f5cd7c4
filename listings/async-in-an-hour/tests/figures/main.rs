//! Runs each figure of the part, and compares it with what was recorded in `figures/`.

use std::time::Duration;

mod call_and_await;

mod two_at_once;

mod a_task;

mod move_into_a_task;

mod a_time_limit;

mod whichever_comes_first;

mod a_stream;

mod a_channel;

mod stop_cleanly;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

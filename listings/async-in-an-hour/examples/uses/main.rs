//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

mod a_channel;
mod a_channel_nobody;
mod a_stream;
mod a_stream_warm;
mod a_task;
mod a_task_dropped;
mod a_task_panic;
mod a_time_limit;
mod a_time_limit_task;
mod call_and_await;
mod call_and_await_sum;
mod move_into_a_task;
mod stop_cleanly;
mod stop_cleanly_abort;
mod stop_cleanly_ctrl_c;
mod stop_cleanly_wait;
mod two_at_once;
mod two_at_once_turns;
mod whichever_comes_first;
mod whichever_comes_first_loop;

backend::uses!(
    a_channel,
    a_channel_nobody,
    a_stream,
    a_stream_warm,
    a_task,
    a_task_dropped,
    a_task_panic,
    a_time_limit,
    a_time_limit_task,
    call_and_await,
    call_and_await_sum,
    move_into_a_task,
    stop_cleanly,
    stop_cleanly_abort,
    stop_cleanly_ctrl_c,
    stop_cleanly_wait,
    two_at_once,
    two_at_once_turns,
    whichever_comes_first,
    whichever_comes_first_loop,
);

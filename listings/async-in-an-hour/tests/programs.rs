//! Runs each use of the part, and compares what it prints with what was recorded beside it.
//!
//! Support: no page shows this file.

// Each whole use, and each later step of a page.
backend::check_uses!(
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

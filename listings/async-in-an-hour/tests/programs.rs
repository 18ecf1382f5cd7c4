//! Runs each use of the part, and compares what it prints with what was recorded beside it.
//!
//! Support: no page shows this file.

// Each whole use, and each later step of a page.
backend::check_uses!(
    a_channel,
    a_channel_nobody,
    a_stream,
    a_stream_warm,
    stop_cleanly,
    stop_cleanly_abort,
    stop_cleanly_wait,
    whichever_comes_first,
    whichever_comes_first_loop,
);

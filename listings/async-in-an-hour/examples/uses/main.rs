//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

mod a_channel;
mod a_channel_nobody;
mod a_stream;
mod a_stream_warm;
mod stop_cleanly;
mod stop_cleanly_abort;
mod stop_cleanly_wait;
mod whichever_comes_first;
mod whichever_comes_first_loop;

backend::uses!(
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

//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

mod a_channel;
mod a_channel_nobody;
mod a_stream;
mod a_stream_warm;
mod whichever_comes_first;
mod whichever_comes_first_loop;

backend::uses!(
    a_channel,
    a_channel_nobody,
    a_stream,
    a_stream_warm,
    whichever_comes_first,
    whichever_comes_first_loop,
);

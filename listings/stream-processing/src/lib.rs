//! Pattern 2, Stream Processing: one module for each page, in the order of the pages.

// Listings name this crate by its path, so that a reader can paste them into another one.
extern crate self as stream_processing;

pub mod stream_sources;

pub mod two_stream_exts;

pub mod map_filter_then;

pub mod fold_and_take;

pub mod lend_a_stream;

pub mod rate_limit;

pub mod batches;

pub mod merge;

pub mod write_a_stream;

pub mod a_stream_that_waits;

pub mod let_others_run;

pub mod generators;

pub mod file_events;

pub mod websocket;

pub mod database_rows;

pub mod ticks;

pub mod large_log;

pub mod publish_subscribe;

//! Runs each figure of the pattern, and compares it with what was recorded in `figures/`.

mod one_reader;

mod stream_sources;

mod two_stream_exts;

mod map_filter_then;

mod fold_and_take;

mod lend_a_stream;

mod rate_limit;

mod limiter;

mod batches;

mod merge;

mod let_others_run;

mod generators;

mod file_events;

mod websocket;

mod database_rows;

mod ticks;

mod publish_subscribe;

//! Runs each figure of the pattern, and compares it with what was recorded in `figures/`.

mod all_at_once;

mod fail_fast;

mod four_ways;

mod racing;

mod many_futures;

mod bounded_concurrency;

mod time_limit;

mod retry;

mod alive_but_not_polled;

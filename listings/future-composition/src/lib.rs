//! Pattern 1, Future Composition: one module for each page, in the order of the pages.

// Listings name this crate by its path, so that a reader can paste them into another one.
extern crate self as future_composition;

pub mod transform_and_chain;

pub mod closures_that_borrow;

pub mod one_error_type;

pub mod all_at_once;

pub mod fail_fast;

pub mod racing;

pub mod race_a_list;

pub mod hedge;

pub mod select;

pub mod handlers;

pub mod lost_messages;

pub mod loop_limit;

pub mod many_futures;

pub mod bounded_concurrency;

pub mod time_limit;

pub mod retry_http;

pub mod atomic_write;

pub mod send_the_rest;

pub mod alive_but_not_polled;

pub mod loop_and_its_stream;

pub mod guard_in_a_match;

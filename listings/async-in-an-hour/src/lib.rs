//! The first part, Async in an hour: one module for each page, in the order of the pages.

// Listings name this crate by its path, so that a reader can paste them into another one.
extern crate self as async_in_an_hour;

pub mod whichever_comes_first;

pub mod a_stream;

pub mod a_channel;

pub mod stop_cleanly;

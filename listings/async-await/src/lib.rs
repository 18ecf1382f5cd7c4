//! Pattern 3, Async/Await: one module for each page, in the order of the pages.

// Listings name this crate by its path, so that a reader can paste them into another one.
extern crate self as async_await;

pub mod worker_pool;

//! Pattern 3, Async/Await: one module for each page, in the order of the pages.

pub mod spawn;
pub mod what_a_task_may_own;

// Listings name this crate by its path, so that a reader can paste them into another one.
extern crate self as async_await;

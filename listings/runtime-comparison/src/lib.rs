//! Pattern 5, Runtime Comparison: one module for each page, in the order of the pages.

// Listings name this crate by its path, so that a reader can paste them into another one.
extern crate self as runtime_comparison;

pub mod block_in_place;
pub mod blocking;
pub mod cpu_work;
pub mod io_and_cpu;

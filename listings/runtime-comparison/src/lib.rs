//! Pattern 5, Runtime Comparison: one module for each page, in the order of the pages.

// Listings name this crate by its path, so that a reader can paste them into another one.
extern crate self as runtime_comparison;

#[cfg(test)]
mod asleep;

pub mod reactor_by_hand;
pub mod runtime_by_hand;
pub mod timer_by_hand;

//! First principles: what a future, a task, a drop and a clock do, proved.

// Listings name this crate by its path, so that a reader can paste them into another one.
extern crate self as first_principles;

pub mod polled_or_dropped;

pub mod the_clock;

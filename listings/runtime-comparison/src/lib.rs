//! Pattern 5, Runtime Comparison: one module for each page, in the order of the pages.

// Listings name this crate by its path, so that a reader can paste them into another one.
extern crate self as runtime_comparison;

#[cfg(test)]
mod asleep;

pub mod one_thread;

pub mod many_threads;

pub mod configure;

pub mod not_send;

pub mod blocking;

pub mod block_in_place;

pub mod cpu_work;

pub mod io_and_cpu;

pub mod who_runs_next;

pub mod a_worker_that_blocks;

pub mod what_a_runtime_owns;

pub mod runtime_by_hand;

pub mod timer_by_hand;

pub mod reactor_by_hand;

pub mod two_runtimes;

pub mod no_runtime;

#[cfg(feature = "smol-runtime")]
pub mod across_the_border;

#[cfg(all(feature = "embassy-runtime", feature = "smol-runtime"))]
pub mod what_it_costs;

pub mod more_cores;

pub mod what_cores_share;

#[cfg(all(target_os = "linux", feature = "io-uring"))]
pub mod io_uring;

pub mod thread_per_core;

#[cfg(feature = "embassy-runtime")]
pub mod no_operating_system;

//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

// What a page shows before a step: a reader has pasted it, and needs no `use` for it.
use runtime_comparison as shown;

mod block_in_place;
mod block_in_place_limit;
mod block_in_place_one_thread;
mod blocking;
mod blocking_limit;
mod blocking_queue;
mod blocking_stuck;
mod blocking_thread;
mod cpu_work;
mod cpu_work_full;
mod cpu_work_stuck;
mod cpu_work_wanted;
mod index;
mod io_and_cpu;
mod io_and_cpu_fails;
mod io_and_cpu_runtime;

backend::uses!(
    block_in_place,
    block_in_place_limit,
    block_in_place_one_thread,
    blocking,
    blocking_limit,
    blocking_queue,
    blocking_stuck,
    blocking_thread,
    cpu_work,
    cpu_work_full,
    cpu_work_stuck,
    cpu_work_wanted,
    index,
    io_and_cpu,
    io_and_cpu_fails,
    io_and_cpu_runtime,
);

//! Runs each program and each use of the pattern, and compares what it prints with what was recorded beside it.
//!
//! Support: no page shows this file.

// Each whole use, and each later step of a page.
backend::check_uses!(
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

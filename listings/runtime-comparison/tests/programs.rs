//! Runs each program and each use of the pattern, and compares what it prints with what was recorded beside it.
//!
//! Support: no page shows this file.

use backend::recording::check_program;

#[test]
fn tokio_features() {
    check_program("tokio_features").unwrap_or_else(|error| panic!("{error}"));
}

// Each whole use, and each later step of a page.
backend::check_uses!(
    a_worker_that_blocks,
    a_worker_that_blocks_timer,
    block_in_place,
    block_in_place_limit,
    block_in_place_one_thread,
    blocking,
    blocking_limit,
    blocking_queue,
    blocking_stuck,
    blocking_thread,
    configure,
    cpu_work,
    cpu_work_full,
    cpu_work_stuck,
    cpu_work_wanted,
    index,
    index_blocking,
    index_waits,
    io_and_cpu,
    io_and_cpu_fails,
    io_and_cpu_runtime,
    many_threads,
    many_threads_twice,
    not_send,
    not_send_per_core,
    one_thread,
    one_thread_turns,
    one_thread_yield,
    reactor_by_hand,
    runtime_by_hand,
    runtime_by_hand_tasks,
    thread_per_core,
    timer_by_hand,
    timer_by_hand_limit,
    what_a_runtime_owns,
    what_a_runtime_owns_static,
    who_runs_next,
    who_runs_next_outsider,
    who_runs_next_slot,
    who_runs_next_stolen,
    who_runs_next_yields,
);

#[cfg(all(target_os = "linux", feature = "io-uring"))]
backend::check_uses!(io_uring);

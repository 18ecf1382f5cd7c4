//! Runs each program and each use of the pattern, and compares what it prints with what was recorded beside it.
//!
//! Support: no page shows this file.

use backend::recording::check_program;

#[test]
fn one_service() {
    check_program("one_service").unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn tokio_features() {
    check_program("tokio_features").unwrap_or_else(|error| panic!("{error}"));
}

// Each whole use, and each later step of a page.
backend::check_uses!(
    a_worker_that_blocks,
    a_worker_that_blocks_timer,
    across_the_border,
    across_the_border_enter,
    across_the_border_traits,
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
    more_cores,
    no_operating_system,
    no_operating_system_stop,
    no_operating_system_two,
    no_runtime,
    no_runtime_line,
    no_runtime_task,
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
    two_runtimes,
    two_runtimes_either,
    two_runtimes_threads,
    what_a_runtime_owns,
    what_a_runtime_owns_static,
    what_cores_share,
    what_it_costs,
    what_it_costs_buffer,
    which_runtime,
    who_runs_next,
    who_runs_next_outsider,
    who_runs_next_slot,
    who_runs_next_stolen,
    who_runs_next_yields,
);

#[cfg(all(target_os = "linux", feature = "io-uring"))]
backend::check_uses!(io_uring);

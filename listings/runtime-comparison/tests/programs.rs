//! Runs each program and each use of the pattern, and compares what it prints with what was recorded beside it.
//!
//! Support: no page shows this file.

// Each whole use, and each later step of a page.
backend::check_uses!(
    a_worker_that_blocks,
    a_worker_that_blocks_timer,
    configure,
    index,
    index_blocking,
    index_waits,
    many_threads,
    many_threads_twice,
    not_send,
    not_send_per_core,
    one_thread,
    one_thread_turns,
    one_thread_yield,
    what_a_runtime_owns,
    what_a_runtime_owns_static,
    who_runs_next,
    who_runs_next_outsider,
    who_runs_next_slot,
    who_runs_next_stolen,
    who_runs_next_yields,
);

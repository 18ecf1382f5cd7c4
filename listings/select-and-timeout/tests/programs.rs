//! Runs each program and each use of the pattern, and compares what it prints with what was recorded beside it.
//!
//! Support: no page shows this file.

// Each whole use, and each later step of a page.
backend::check_uses!(
    index,
    timer_in_a_loop,
    timer_in_a_loop_many,
    timer_in_a_loop_slow,
    until_both_end,
    until_both_end_flags,
    until_both_end_tasks,
);

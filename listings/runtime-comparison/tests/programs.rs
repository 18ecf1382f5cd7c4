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
    index,
    reactor_by_hand,
    runtime_by_hand,
    runtime_by_hand_tasks,
    timer_by_hand,
    timer_by_hand_limit,
);

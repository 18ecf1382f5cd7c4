//! Runs each program and each use of the pattern, and compares what it prints with what was recorded beside it.
//!
//! Support: no page shows this file.

// Each whole use, and each later step of a page.
backend::check_uses!(
    first_of_two,
    first_of_two_second,
    first_of_two_wanted,
    index,
    without_waiting,
    without_waiting_two,
);

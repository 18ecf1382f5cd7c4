//! Runs each use of the first pages, and compares what it prints with what was recorded beside it.
//!
//! Support: no page shows this file.

// Each whole use, and each later step of a page.
backend::check_uses!(
    a_destructor_cannot_await,
    a_destructor_cannot_await_close,
    polled_or_dropped,
    polled_or_dropped_spawned,
    test_a_connection,
);

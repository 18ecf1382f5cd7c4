//! Runs each program of the pattern, and compares what it prints with what was recorded beside it.
//!
//! Support: no page shows this file.

use backend::recording::check_program;

#[test]
fn order_report() {
    check_program("order_report").unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn live_feeds() {
    check_program("live_feeds").unwrap_or_else(|error| panic!("{error}"));
}

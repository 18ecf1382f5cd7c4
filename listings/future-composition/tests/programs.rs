//! Runs each program of the pattern, and compares what it prints with what was recorded beside it.
//!
//! Support: no page shows this file.

use backend::recording::check_program;

#[test]
fn account_lookup() {
    check_program("account_lookup").unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn site_collector() {
    check_program("site_collector").unwrap_or_else(|error| panic!("{error}"));
}

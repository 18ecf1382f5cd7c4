//! Runs each program and each use of the pattern, and compares what it prints with what was recorded beside it.
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

// Each whole use, and each later step of a page.
backend::check_uses!(
    handlers,
    handlers_serve,
    handlers_total,
    hedge,
    hedge_both,
    hedge_within,
    loop_limit,
    loop_limit_branch,
    lost_messages,
    lost_messages_shop,
    race_a_list,
    race_a_list_names,
    racing,
    racing_finish,
    racing_limit,
    racing_loser,
    racing_tasks,
    select,
    select_channels,
    select_running,
);

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
    closures_that_borrow,
    closures_that_borrow_count,
    closures_that_borrow_lend,
    closures_that_borrow_loop,
    closures_that_borrow_named,
    closures_that_borrow_tasks,
    racing,
    racing_backup,
    racing_finish,
    racing_hedge,
    racing_limit,
    racing_list,
    racing_loser,
    racing_names,
    racing_tasks,
    select,
    select_job,
    select_limit,
    select_orders,
    select_running,
    select_shop,
    select_total,
);

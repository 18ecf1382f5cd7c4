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
    all_at_once,
    all_at_once_block,
    all_at_once_errors,
    all_at_once_list,
    all_at_once_share,
    all_at_once_threads,
    all_at_once_threads_any,
    all_at_once_threads_two,
    fail_fast,
    fail_fast_limit,
    fail_fast_list,
    fail_fast_settle,
    fail_fast_tasks,
    fail_fast_tasks_any,
    fail_fast_tasks_set,
    fetch_json,
    index,
    index_fail,
    index_join,
    index_list,
    index_race,
    index_timeout,
    one_error_type,
    one_error_type_causes,
    one_error_type_decide,
    one_error_type_task,
    bounded_concurrency,
    bounded_concurrency_http,
    bounded_concurrency_order,
    limit_on_a_task,
    limit_on_a_task_thread,
    limit_per_host,
    many_futures,
    many_futures_deadline,
    many_futures_grow,
    many_futures_limit,
    many_futures_tasks,
    racing,
    racing_backup,
    racing_finish,
    racing_hedge,
    racing_limit,
    racing_list,
    racing_loser,
    racing_names,
    racing_tasks,
    retry,
    retry_get,
    retry_stops,
    retry_stops_spawn,
    select,
    select_job,
    select_limit,
    select_orders,
    select_running,
    select_shop,
    select_total,
    transform_and_chain,
    transform_and_chain_any,
    transform_and_chain_borrow,
    transform_and_chain_methods,
    transform_and_chain_named,
    transform_and_chain_task,
    worth_another_try,
    worth_another_try_which,
    shared_limit,
    shared_limit_tasks,
    slow_loop,
    slow_loop_ways,
    time_limit,
    time_limit_change,
    time_limit_fallible,
    time_limit_http,
);

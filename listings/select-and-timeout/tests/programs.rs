//! Runs each program and each use of the pattern, and compares what it prints with what was recorded beside it.
//!
//! Support: no page shows this file.

use backend::recording::check_program;

#[test]
fn chat_server() {
    check_program("chat_server").unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn impatient_client() {
    check_program("impatient_client").unwrap_or_else(|error| panic!("{error}"));
}

// Each whole use, and each later step of a page.
backend::check_uses!(
    after_a_limit,
    after_a_limit_gone,
    after_a_limit_warn,
    cancel_a_computation,
    cancel_a_computation_limit,
    cancel_a_computation_select,
    cancel_a_computation_task,
    cancel_a_request,
    cancel_a_request_grace,
    cancel_a_request_task,
    cancel_safety,
    cancel_safety_own,
    cancel_safety_place,
    cancel_safety_send,
    client_hangs_up,
    client_hangs_up_report,
    deadline,
    deadline_across_servers,
    deadline_across_servers_next,
    deadline_keep,
    expired_work,
    expired_work_zero,
    first_of_two,
    first_of_two_second,
    first_of_two_wanted,
    http_server_that_stops,
    http_server_that_stops_cut,
    http_server_that_stops_ready,
    http_server_that_stops_stuck,
    index,
    index_evening,
    index_kept,
    index_lost,
    index_select,
    is_it_alive,
    is_it_well,
    is_it_well_http,
    limiter_that_says_no,
    limiter_that_says_no_http,
    one_limit_for_many,
    one_limit_for_many_each,
    one_limit_for_many_first,
    one_limit_for_many_quorum,
    retry_within_a_limit,
    retry_within_a_limit_answer,
    retry_within_a_limit_least,
    select_or_not,
    select_or_not_queue,
    select_or_not_stop,
    server_that_stops,
    server_that_stops_stuck,
    signals,
    signals_jobs,
    silent_connection,
    silent_connection_full,
    stop_in_time,
    stop_in_time_program,
    timer_in_a_loop,
    timer_in_a_loop_many,
    timer_in_a_loop_slow,
    until_both_end,
    until_both_end_flags,
    until_both_end_tasks,
    what_a_limit_costs,
    who_goes_first,
    who_goes_first_desk,
    without_waiting,
    without_waiting_two,
);

//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

// What a page shows before a step: a reader has pasted it, and needs no `use` for it.
use select_and_timeout as shown;

mod after_a_limit;
mod after_a_limit_gone;
mod after_a_limit_warn;
mod cancel_a_computation;
mod cancel_a_computation_limit;
mod cancel_a_computation_select;
mod cancel_a_computation_task;
mod cancel_a_request;
mod cancel_a_request_grace;
mod cancel_a_request_task;
mod cancel_safety;
mod cancel_safety_own;
mod cancel_safety_place;
mod cancel_safety_send;
mod client_hangs_up;
mod client_hangs_up_report;
mod deadline;
mod deadline_across_servers;
mod deadline_across_servers_next;
mod deadline_keep;
mod expired_work;
mod expired_work_zero;
mod first_of_two;
mod first_of_two_second;
mod first_of_two_wanted;
mod http_server_that_stops;
mod http_server_that_stops_cut;
mod http_server_that_stops_ready;
mod http_server_that_stops_stuck;
mod index;
mod index_evening;
mod index_kept;
mod index_lost;
mod index_select;
mod is_it_alive;
mod is_it_well;
mod is_it_well_http;
mod limiter_that_says_no;
mod limiter_that_says_no_http;
mod one_limit_for_many;
mod one_limit_for_many_each;
mod one_limit_for_many_first;
mod one_limit_for_many_quorum;
mod retry_within_a_limit;
mod retry_within_a_limit_answer;
mod retry_within_a_limit_least;
mod select_or_not;
mod select_or_not_queue;
mod select_or_not_stop;
mod server_that_stops;
mod server_that_stops_stuck;
mod signals;
mod signals_jobs;
mod silent_connection;
mod silent_connection_full;
mod stop_in_time;
mod stop_in_time_program;
mod timer_in_a_loop;
mod timer_in_a_loop_many;
mod timer_in_a_loop_slow;
mod until_both_end;
mod until_both_end_flags;
mod until_both_end_tasks;
mod what_a_limit_costs;
mod who_goes_first;
mod who_goes_first_desk;
mod without_waiting;
mod without_waiting_two;

backend::uses!(
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

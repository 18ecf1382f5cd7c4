//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

// What a page shows before a step: a reader has pasted it, and needs no `use` for it.
use future_composition as shown;

mod alive_but_not_polled;
mod alive_but_not_polled_drop;
mod alive_but_not_polled_task;
mod all_at_once;
mod all_at_once_block;
mod all_at_once_errors;
mod all_at_once_list;
mod all_at_once_share;
mod all_at_once_threads;
mod all_at_once_threads_any;
mod all_at_once_threads_two;
mod atomic_write;
mod atomic_write_limit;
mod bounded_concurrency;
mod bounded_concurrency_http;
mod bounded_concurrency_order;
mod closures_that_borrow;
mod closures_that_borrow_count;
mod closures_that_borrow_lend;
mod closures_that_borrow_loop;
mod closures_that_borrow_named;
mod closures_that_borrow_tasks;
mod fail_fast;
mod fail_fast_limit;
mod fail_fast_list;
mod fail_fast_settle;
mod fail_fast_tasks;
mod fail_fast_tasks_any;
mod fail_fast_tasks_set;
mod fetch_json;
mod guard_in_a_match;
mod handlers;
mod handlers_serve;
mod handlers_total;
mod hedge;
mod hedge_both;
mod hedge_within;
mod index;
mod index_fail;
mod index_join;
mod index_list;
mod index_race;
mod index_timeout;
mod limit_on_a_task;
mod limit_on_a_task_thread;
mod limit_per_host;
mod loop_and_its_stream;
mod loop_limit;
mod loop_limit_branch;
mod lost_messages;
mod lost_messages_shop;
mod many_futures;
mod many_futures_deadline;
mod many_futures_grow;
mod many_futures_limit;
mod many_futures_tasks;
mod one_error_type;
mod one_error_type_causes;
mod one_error_type_decide;
mod one_error_type_task;
mod race_a_list;
mod race_a_list_names;
mod racing;
mod racing_finish;
mod racing_limit;
mod racing_loser;
mod racing_tasks;
mod retry;
mod retry_get;
mod retry_stops;
mod retry_stops_spawn;
mod select;
mod select_channels;
mod select_running;
mod send_the_rest;
mod shared_limit;
mod shared_limit_tasks;
mod slow_loop;
mod slow_loop_ways;
mod time_limit;
mod time_limit_change;
mod time_limit_fallible;
mod time_limit_http;
mod transform_and_chain;
mod transform_and_chain_any;
mod transform_and_chain_borrow;
mod transform_and_chain_methods;
mod transform_and_chain_named;
mod transform_and_chain_task;
mod worth_another_try;
mod worth_another_try_which;

backend::uses!(
    alive_but_not_polled,
    alive_but_not_polled_drop,
    alive_but_not_polled_task,
    all_at_once,
    all_at_once_block,
    all_at_once_errors,
    all_at_once_list,
    all_at_once_share,
    all_at_once_threads,
    all_at_once_threads_any,
    all_at_once_threads_two,
    atomic_write,
    atomic_write_limit,
    bounded_concurrency,
    bounded_concurrency_http,
    bounded_concurrency_order,
    closures_that_borrow,
    closures_that_borrow_count,
    closures_that_borrow_lend,
    closures_that_borrow_loop,
    closures_that_borrow_named,
    closures_that_borrow_tasks,
    fail_fast,
    fail_fast_limit,
    fail_fast_list,
    fail_fast_settle,
    fail_fast_tasks,
    fail_fast_tasks_any,
    fail_fast_tasks_set,
    fetch_json,
    guard_in_a_match,
    handlers,
    handlers_serve,
    handlers_total,
    hedge,
    hedge_both,
    hedge_within,
    index,
    index_fail,
    index_join,
    index_list,
    index_race,
    index_timeout,
    limit_on_a_task,
    limit_on_a_task_thread,
    limit_per_host,
    loop_and_its_stream,
    loop_limit,
    loop_limit_branch,
    lost_messages,
    lost_messages_shop,
    many_futures,
    many_futures_deadline,
    many_futures_grow,
    many_futures_limit,
    many_futures_tasks,
    one_error_type,
    one_error_type_causes,
    one_error_type_decide,
    one_error_type_task,
    race_a_list,
    race_a_list_names,
    racing,
    racing_finish,
    racing_limit,
    racing_loser,
    racing_tasks,
    retry,
    retry_get,
    retry_stops,
    retry_stops_spawn,
    select,
    select_channels,
    select_running,
    send_the_rest,
    shared_limit,
    shared_limit_tasks,
    slow_loop,
    slow_loop_ways,
    time_limit,
    time_limit_change,
    time_limit_fallible,
    time_limit_http,
    transform_and_chain,
    transform_and_chain_any,
    transform_and_chain_borrow,
    transform_and_chain_methods,
    transform_and_chain_named,
    transform_and_chain_task,
    worth_another_try,
    worth_another_try_which,
);

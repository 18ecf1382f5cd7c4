//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

// What a page shows before a step: a reader has pasted it, and needs no `use` for it.
use async_await as shown;

mod actor;
mod actor_panic;
mod actor_report;
mod actor_shutdown;
mod actor_skip;
mod adaptive_limit;
mod after_a_drop;
mod after_a_drop_bomb;
mod ask_it_to_stop;
mod ask_it_to_stop_abort;
mod ask_it_to_stop_checksum;
mod ask_it_to_stop_helpers;
mod ask_it_to_stop_ticks;
mod ask_it_to_stop_tree;
mod background_service;
mod background_service_late;
mod borrow;
mod borrow_tasks;
mod borrow_threads;
mod bulkhead;
mod bulkhead_errors;
mod bulkhead_permit;
mod circuit_breaker;
mod circuit_breaker_judge;
mod circuit_breaker_race;
mod clean_up;
mod drain_and_kill;
mod errors_across_tasks;
mod errors_across_tasks_logged;
mod errors_across_tasks_panic;
mod fallback;
mod fallback_both;
mod fallback_stale;
mod from_sync_to_async;
mod from_sync_to_async_all;
mod future_size;
mod future_size_count;
mod future_size_holds;
mod future_size_small;
mod handler;
mod handler_to_the_end;
mod index;
mod index_both;
mod index_limit;
mod index_set;
mod index_stop;
mod recovery_order;
mod recovery_order_fallback;
mod retry_layers;
mod retry_layers_budget;
mod retry_layers_state;
mod retry_layers_task;
mod shared_state;
mod shared_state_line;
mod single_flight;
mod single_flight_cache;
mod single_flight_dropped;
mod single_flight_fails;
mod spawn;
mod spawn_abort;
mod spawn_both;
mod spawn_flatten;
mod spawn_lost;
mod spawn_message;
mod spawn_owner;
mod spawn_resume;
mod supervisor;
mod supervisor_all;
mod supervisor_gives_up;
mod supervisor_stop;
mod task_sets;
mod task_sets_drop;
mod task_sets_limit;
mod task_sets_lost;
mod task_trees;
mod task_trees_aborted;
mod task_trees_limit;
mod task_trees_lost;
mod what_a_task_may_own;
mod what_a_task_may_own_join;
mod what_a_task_may_own_local;
mod what_a_task_may_own_move;
mod what_a_task_may_own_request;
mod what_a_task_may_own_span;
mod which_set;
mod which_set_grows;
mod which_set_list;
mod which_set_map;
mod which_set_queue;
mod which_set_tracker;
mod worker_pool;
mod worker_pool_blocking;
mod worker_pool_full;
mod worker_pool_limit;
mod worker_pool_panic;
mod worker_pool_shutdown;
mod worker_pool_tasks;

backend::uses!(
    actor,
    actor_panic,
    actor_report,
    actor_shutdown,
    actor_skip,
    adaptive_limit,
    after_a_drop,
    after_a_drop_bomb,
    ask_it_to_stop,
    ask_it_to_stop_abort,
    ask_it_to_stop_checksum,
    ask_it_to_stop_helpers,
    ask_it_to_stop_ticks,
    ask_it_to_stop_tree,
    background_service,
    background_service_late,
    borrow,
    borrow_tasks,
    borrow_threads,
    bulkhead,
    bulkhead_errors,
    bulkhead_permit,
    circuit_breaker,
    circuit_breaker_judge,
    circuit_breaker_race,
    clean_up,
    drain_and_kill,
    errors_across_tasks,
    errors_across_tasks_logged,
    errors_across_tasks_panic,
    fallback,
    fallback_both,
    fallback_stale,
    from_sync_to_async,
    from_sync_to_async_all,
    future_size,
    future_size_count,
    future_size_holds,
    future_size_small,
    handler,
    handler_to_the_end,
    index,
    index_both,
    index_limit,
    index_set,
    index_stop,
    recovery_order,
    recovery_order_fallback,
    retry_layers,
    retry_layers_budget,
    retry_layers_state,
    retry_layers_task,
    shared_state,
    shared_state_line,
    single_flight,
    single_flight_cache,
    single_flight_dropped,
    single_flight_fails,
    spawn,
    spawn_abort,
    spawn_both,
    spawn_flatten,
    spawn_lost,
    spawn_message,
    spawn_owner,
    spawn_resume,
    supervisor,
    supervisor_all,
    supervisor_gives_up,
    supervisor_stop,
    task_sets,
    task_sets_drop,
    task_sets_limit,
    task_sets_lost,
    task_trees,
    task_trees_aborted,
    task_trees_limit,
    task_trees_lost,
    what_a_task_may_own,
    what_a_task_may_own_join,
    what_a_task_may_own_local,
    what_a_task_may_own_move,
    what_a_task_may_own_request,
    what_a_task_may_own_span,
    which_set,
    which_set_grows,
    which_set_list,
    which_set_map,
    which_set_queue,
    which_set_tracker,
    worker_pool,
    worker_pool_blocking,
    worker_pool_full,
    worker_pool_limit,
    worker_pool_panic,
    worker_pool_shutdown,
    worker_pool_tasks,
);

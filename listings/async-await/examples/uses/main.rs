//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

mod after_a_drop;
mod after_a_drop_bomb;
mod ask_it_to_stop;
mod ask_it_to_stop_abort;
mod ask_it_to_stop_checksum;
mod ask_it_to_stop_helpers;
mod ask_it_to_stop_ticks;
mod ask_it_to_stop_tree;
mod borrow;
mod borrow_tasks;
mod borrow_threads;
mod clean_up;
mod drain_and_kill;
mod errors_across_tasks;
mod errors_across_tasks_logged;
mod errors_across_tasks_panic;
mod handler;
mod handler_to_the_end;
mod index;
mod index_limit;
mod index_set;
mod index_stop;
mod shared_state;
mod shared_state_line;
mod spawn;
mod spawn_abort;
mod spawn_both;
mod spawn_flatten;
mod spawn_lost;
mod spawn_message;
mod spawn_owner;
mod spawn_resume;
mod what_a_task_may_own;
mod what_a_task_may_own_join;
mod what_a_task_may_own_local;
mod what_a_task_may_own_move;
mod what_a_task_may_own_request;
mod what_a_task_may_own_span;
mod worker_pool;
mod worker_pool_blocking;
mod worker_pool_full;
mod worker_pool_limit;
mod worker_pool_panic;
mod worker_pool_shutdown;
mod worker_pool_tasks;

backend::uses!(
    after_a_drop,
    after_a_drop_bomb,
    ask_it_to_stop,
    ask_it_to_stop_abort,
    ask_it_to_stop_checksum,
    ask_it_to_stop_helpers,
    ask_it_to_stop_ticks,
    ask_it_to_stop_tree,
    borrow,
    borrow_tasks,
    borrow_threads,
    clean_up,
    drain_and_kill,
    errors_across_tasks,
    errors_across_tasks_logged,
    errors_across_tasks_panic,
    handler,
    handler_to_the_end,
    index,
    index_limit,
    index_set,
    index_stop,
    shared_state,
    shared_state_line,
    spawn,
    spawn_abort,
    spawn_both,
    spawn_flatten,
    spawn_lost,
    spawn_message,
    spawn_owner,
    spawn_resume,
    what_a_task_may_own,
    what_a_task_may_own_join,
    what_a_task_may_own_local,
    what_a_task_may_own_move,
    what_a_task_may_own_request,
    what_a_task_may_own_span,
    worker_pool,
    worker_pool_blocking,
    worker_pool_full,
    worker_pool_limit,
    worker_pool_panic,
    worker_pool_shutdown,
    worker_pool_tasks,
);

//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

// What a page shows before a step: a reader has pasted it, and needs no `use` for it.
use async_await as shown;

mod borrow;
mod borrow_tasks;
mod borrow_threads;
mod errors_across_tasks;
mod errors_across_tasks_logged;
mod errors_across_tasks_panic;
mod handler;
mod handler_to_the_end;
mod index;
mod index_limit;
mod index_set;
mod index_stop;
mod spawn;
mod spawn_abort;
mod spawn_both;
mod spawn_flatten;
mod spawn_lost;
mod spawn_message;
mod spawn_owner;
mod spawn_resume;
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

backend::uses!(
    borrow,
    borrow_tasks,
    borrow_threads,
    errors_across_tasks,
    errors_across_tasks_logged,
    errors_across_tasks_panic,
    handler,
    handler_to_the_end,
    index,
    index_limit,
    index_set,
    index_stop,
    spawn,
    spawn_abort,
    spawn_both,
    spawn_flatten,
    spawn_lost,
    spawn_message,
    spawn_owner,
    spawn_resume,
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
);

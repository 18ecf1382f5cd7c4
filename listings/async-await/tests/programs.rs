//! Runs each program and each use of the pattern, and compares what it prints with what was recorded beside it.
//!
//! Support: no page shows this file.

use backend::recording::check_program;

#[test]
fn job_service() {
    check_program("job_service").unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn recovering_client() {
    check_program("recovering_client").unwrap_or_else(|error| panic!("{error}"));
}

// Each whole use, and each later step of a page.
backend::check_uses!(
    actor,
    actor_panic,
    actor_report,
    actor_shutdown,
    actor_skip,
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
    clean_up,
    drain_and_kill,
    errors_across_tasks,
    errors_across_tasks_logged,
    errors_across_tasks_panic,
    fallback,
    fallback_both,
    fallback_stale,
    handler,
    handler_to_the_end,
    index,
    index_both,
    index_limit,
    index_set,
    index_stop,
    recovery_order,
    retry_layers,
    retry_layers_budget,
    retry_layers_state,
    retry_layers_task,
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

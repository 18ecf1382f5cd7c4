//! Runs each program and each use of the pattern, and compares what it prints with what was recorded beside it.
//!
//! Support: no page shows this file.

// Each whole use, and each later step of a page.
backend::check_uses!(
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
    what_a_task_may_own,
    what_a_task_may_own_join,
    what_a_task_may_own_local,
    what_a_task_may_own_move,
    what_a_task_may_own_request,
    what_a_task_may_own_span,
);

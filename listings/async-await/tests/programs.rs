//! Runs each program and each use of the pattern, and compares what it prints with what was recorded beside it.
//!
//! Support: no page shows this file.

// Each whole use, and each later step of a page.
backend::check_uses!(
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

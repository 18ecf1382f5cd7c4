//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

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

backend::uses!(
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

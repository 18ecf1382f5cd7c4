//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

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
);

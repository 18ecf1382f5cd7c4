//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

// What a page shows before a step: a reader has pasted it, and needs no `use` for it.
use future_composition as shown;

mod closures_that_borrow;
mod closures_that_borrow_count;
mod closures_that_borrow_lend;
mod closures_that_borrow_loop;
mod closures_that_borrow_named;
mod closures_that_borrow_tasks;
mod racing;
mod racing_backup;
mod racing_finish;
mod racing_hedge;
mod racing_limit;
mod racing_list;
mod racing_loser;
mod racing_names;
mod racing_tasks;
mod select;
mod select_job;
mod select_limit;
mod select_orders;
mod select_running;
mod select_shop;
mod select_total;

backend::uses!(
    closures_that_borrow,
    closures_that_borrow_count,
    closures_that_borrow_lend,
    closures_that_borrow_loop,
    closures_that_borrow_named,
    closures_that_borrow_tasks,
    racing,
    racing_backup,
    racing_finish,
    racing_hedge,
    racing_limit,
    racing_list,
    racing_loser,
    racing_names,
    racing_tasks,
    select,
    select_job,
    select_limit,
    select_orders,
    select_running,
    select_shop,
    select_total,
);

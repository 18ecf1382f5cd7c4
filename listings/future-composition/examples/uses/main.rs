//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

// What a page shows before a step: a reader has pasted it, and needs no `use` for it.
use future_composition as shown;

mod alive_but_not_polled;
mod alive_but_not_polled_drop;
mod alive_but_not_polled_task;
mod atomic_write;
mod atomic_write_limit;
mod guard_in_a_match;
mod loop_and_its_stream;
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
mod send_the_rest;

backend::uses!(
    alive_but_not_polled,
    alive_but_not_polled_drop,
    alive_but_not_polled_task,
    atomic_write,
    atomic_write_limit,
    guard_in_a_match,
    loop_and_its_stream,
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
    send_the_rest,
);

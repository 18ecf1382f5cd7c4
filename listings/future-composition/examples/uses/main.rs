//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

// What a page shows before a step: a reader has pasted it, and needs no `use` for it.
use future_composition as shown;

mod handlers;
mod handlers_serve;
mod handlers_total;
mod hedge;
mod hedge_both;
mod hedge_within;
mod loop_limit;
mod loop_limit_branch;
mod lost_messages;
mod lost_messages_shop;
mod race_a_list;
mod race_a_list_names;
mod racing;
mod racing_finish;
mod racing_limit;
mod racing_loser;
mod racing_tasks;
mod select;
mod select_channels;
mod select_running;

backend::uses!(
    handlers,
    handlers_serve,
    handlers_total,
    hedge,
    hedge_both,
    hedge_within,
    loop_limit,
    loop_limit_branch,
    lost_messages,
    lost_messages_shop,
    race_a_list,
    race_a_list_names,
    racing,
    racing_finish,
    racing_limit,
    racing_loser,
    racing_tasks,
    select,
    select_channels,
    select_running,
);

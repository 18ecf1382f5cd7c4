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
mod clean_up;
mod drain_and_kill;
mod handler;
mod handler_to_the_end;
mod index;
mod index_limit;
mod index_set;
mod index_stop;

backend::uses!(
    after_a_drop,
    after_a_drop_bomb,
    ask_it_to_stop,
    ask_it_to_stop_abort,
    ask_it_to_stop_checksum,
    ask_it_to_stop_helpers,
    ask_it_to_stop_ticks,
    ask_it_to_stop_tree,
    clean_up,
    drain_and_kill,
    handler,
    handler_to_the_end,
    index,
    index_limit,
    index_set,
    index_stop,
);

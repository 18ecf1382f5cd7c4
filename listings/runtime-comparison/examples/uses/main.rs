//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

// What a page shows before a step: a reader has pasted it, and needs no `use` for it.
use runtime_comparison as shown;

mod a_worker_that_blocks;
mod a_worker_that_blocks_timer;
mod configure;
mod index;
mod index_blocking;
mod index_waits;
mod many_threads;
mod many_threads_twice;
mod not_send;
mod not_send_per_core;
mod one_thread;
mod one_thread_turns;
mod one_thread_yield;
mod what_a_runtime_owns;
mod what_a_runtime_owns_static;
mod who_runs_next;
mod who_runs_next_outsider;
mod who_runs_next_slot;
mod who_runs_next_stolen;
mod who_runs_next_yields;

backend::uses!(
    a_worker_that_blocks,
    a_worker_that_blocks_timer,
    configure,
    index,
    index_blocking,
    index_waits,
    many_threads,
    many_threads_twice,
    not_send,
    not_send_per_core,
    one_thread,
    one_thread_turns,
    one_thread_yield,
    what_a_runtime_owns,
    what_a_runtime_owns_static,
    who_runs_next,
    who_runs_next_outsider,
    who_runs_next_slot,
    who_runs_next_stolen,
    who_runs_next_yields,
);

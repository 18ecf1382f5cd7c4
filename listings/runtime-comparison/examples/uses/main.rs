//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

// What a page shows before a step: a reader has pasted it, and needs no `use` for it.
use runtime_comparison as shown;

mod configure;
mod index;
mod many_threads;
mod many_threads_twice;
mod not_send;
mod not_send_per_core;
mod one_thread;
mod one_thread_turns;
mod one_thread_yield;

backend::uses!(
    configure,
    index,
    many_threads,
    many_threads_twice,
    not_send,
    not_send_per_core,
    one_thread,
    one_thread_turns,
    one_thread_yield,
);

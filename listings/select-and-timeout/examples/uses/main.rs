//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

// What a page shows before a step: a reader has pasted it, and needs no `use` for it.
use select_and_timeout as shown;

mod index;
mod timer_in_a_loop;
mod timer_in_a_loop_many;
mod timer_in_a_loop_slow;
mod until_both_end;
mod until_both_end_flags;
mod until_both_end_tasks;

backend::uses!(
    index,
    timer_in_a_loop,
    timer_in_a_loop_many,
    timer_in_a_loop_slow,
    until_both_end,
    until_both_end_flags,
    until_both_end_tasks,
);

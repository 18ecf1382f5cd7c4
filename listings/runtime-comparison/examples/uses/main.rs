//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

// What a page shows before a step: a reader has pasted it, and needs no `use` for it.
use runtime_comparison as shown;

mod index;
mod reactor_by_hand;
mod runtime_by_hand;
mod runtime_by_hand_tasks;
mod timer_by_hand;
mod timer_by_hand_limit;

backend::uses!(
    index,
    reactor_by_hand,
    runtime_by_hand,
    runtime_by_hand_tasks,
    timer_by_hand,
    timer_by_hand_limit,
);

//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

// What a page shows before a step: a reader has pasted it, and needs no `use` for it.
use runtime_comparison as shown;

mod index;
mod runtime_by_hand;
mod runtime_by_hand_tasks;

backend::uses!(index, runtime_by_hand, runtime_by_hand_tasks,);

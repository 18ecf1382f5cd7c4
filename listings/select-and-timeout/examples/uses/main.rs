//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

// What a page shows before a step: a reader has pasted it, and needs no `use` for it.
use select_and_timeout as shown;

mod cancel_safety;
mod cancel_safety_own;
mod cancel_safety_place;
mod cancel_safety_send;
mod index;

backend::uses!(
    cancel_safety,
    cancel_safety_own,
    cancel_safety_place,
    cancel_safety_send,
    index
);

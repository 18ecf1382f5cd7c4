//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

// What a page shows before a step: a reader has pasted it, and needs no `use` for it.
use select_and_timeout as shown;

mod first_of_two;
mod first_of_two_second;
mod first_of_two_wanted;
mod index;
mod without_waiting;
mod without_waiting_two;

backend::uses!(
    first_of_two,
    first_of_two_second,
    first_of_two_wanted,
    index,
    without_waiting,
    without_waiting_two,
);

//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

// What a page shows before a step: a reader has pasted it, and needs no `use` for it.
use select_and_timeout as shown;

mod index;
mod server_that_stops;
mod server_that_stops_stuck;
mod signals;

backend::uses!(index, server_that_stops, server_that_stops_stuck, signals);

//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

mod handler;
mod handler_to_the_end;
mod index;
mod index_limit;
mod index_set;
mod index_stop;

backend::uses!(handler, handler_to_the_end, index, index_limit, index_set, index_stop,);

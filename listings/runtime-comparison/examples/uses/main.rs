//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

mod index;
mod index_blocking;
mod index_waits;

backend::uses!(index, index_blocking, index_waits,);

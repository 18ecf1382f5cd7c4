//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

mod index;

backend::uses!(index,);

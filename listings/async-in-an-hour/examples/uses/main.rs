//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

backend::uses!();

//! The listings that synchronise by hand, once more, with the locks of shuttle in place of those of the
//! standard library. They are the very files that pages show: in this crate `std` is the crate itself, and has
//! what those files import.

extern crate self as std;

pub use core::{pin, task};
pub use shuttle::sync;

#[cfg(not(test))] // its tests run where it stands
#[rustfmt::skip] // and it is formatted there
#[path = "../../stream-processing/src/a_stream_that_waits.rs"]
pub mod a_stream_that_waits;

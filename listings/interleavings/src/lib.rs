//! The listings that synchronise by hand, once more, with the locks of shuttle in place of those of the
//! standard library. They are the very files that pages show: in this crate `std` is the crate itself, and has
//! what those files import.

extern crate self as std;

pub use core::{future, mem, pin};
pub use real_std::{collections, panic};
pub use shuttle::{sync, thread};

extern crate alloc;
extern crate std as real_std;

/// The standard library has [`task::Wake`] here, and `core` has not.
pub mod task {
    pub use alloc::task::Wake;
    pub use core::task::*;
}

#[cfg(not(test))] // its tests run where it stands
#[rustfmt::skip] // and it is formatted there
#[path = "../../stream-processing/src/a_stream_that_waits.rs"]
pub mod a_stream_that_waits;

#[cfg(not(test))]
#[rustfmt::skip]
#[path = "../../runtime-comparison/src/runtime_by_hand.rs"]
pub mod runtime_by_hand;

//! Try again, but not for ever, not too soon, and not all at once.

use std::time::Duration;

/// An error that knows whether trying again can help.
pub trait Transient {
    /// Whether the same call may succeed later.
    fn transient(&self) -> bool;

    /// How long the other side asks to be left alone, if it does.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

//! Types that several patterns share.

pub mod retry;

pub use retry::{Failure, GaveUp, Retry, RetryError, Transient};

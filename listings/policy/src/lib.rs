//! Types that several patterns share.

// Listings name this crate by its path, so that a reader can paste them into another one.
extern crate self as policy;

pub mod adaptive_limit;

pub mod breaker;

pub mod bulkhead;

pub mod limiter;

pub mod restart;

pub mod retry;

pub use adaptive_limit::AdaptiveLimit;
pub use breaker::{Breaker, BreakerError, BreakerPolicy, InvalidBreaker};
pub use bulkhead::{Bulkhead, BulkheadError, Limits};
pub use limiter::{Limiter, Rate, Refused};
pub use restart::{InvalidRestart, Restart, Restarts};
pub use retry::{Failure, GaveUp, Retry, RetryError, Transient};

//! What a panic says, for proofs about its words.
//!
//! Support: no page shows this file.

use std::any::Any;
use std::fmt::Debug;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::FutureExt;

use crate::ends;

/// The panic of `future`.
///
/// # Panics
/// `future` ends without a panic, or not within a day of its clock; or outside a Tokio runtime.
pub async fn panic_of<F: Future<Output: Debug>>(future: F) -> Box<dyn Any + Send> {
    ends(AssertUnwindSafe(future).catch_unwind()).await.expect_err("it panics")
}

/// The words of a panic.
///
/// # Panics
/// It has none: something else was thrown.
pub fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.expect("words")
}

/// The words of the panic of `work`, which is not async.
///
/// # Panics
/// `work` does not panic, or its panic has no words.
pub fn words_of<T>(work: impl FnOnce() -> T) -> String {
    let end = catch_unwind(AssertUnwindSafe(work));
    words(&*end.err().expect("it panics")).to_owned()
}

#[cfg(test)]
mod tests;

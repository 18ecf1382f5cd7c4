//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

mod a_destructor_cannot_await;
mod a_destructor_cannot_await_close;
mod polled_or_dropped;
mod polled_or_dropped_spawned;
mod test_a_connection;

backend::uses!(
    a_destructor_cannot_await,
    a_destructor_cannot_await_close,
    polled_or_dropped,
    polled_or_dropped_spawned,
    test_a_connection,
);

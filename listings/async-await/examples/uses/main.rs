//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

mod worker_pool;
mod worker_pool_blocking;
mod worker_pool_full;
mod worker_pool_limit;
mod worker_pool_panic;
mod worker_pool_shutdown;
mod worker_pool_tasks;

backend::uses!(
    worker_pool,
    worker_pool_blocking,
    worker_pool_full,
    worker_pool_limit,
    worker_pool_panic,
    worker_pool_shutdown,
    worker_pool_tasks,
);

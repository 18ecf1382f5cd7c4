//! Runs each program and each use of the pattern, and compares what it prints with what was recorded beside it.
//!
//! Support: no page shows this file.

// Each whole use, and each later step of a page.
backend::check_uses!(
    worker_pool,
    worker_pool_blocking,
    worker_pool_full,
    worker_pool_limit,
    worker_pool_panic,
    worker_pool_shutdown,
    worker_pool_tasks,
);

//! Pattern 3, Async/Await: one module for each page, in the order of the pages.

// Listings name this crate by its path, so that a reader can paste them into another one.
extern crate self as async_await;

pub mod handler;

pub mod future_size;

pub mod spawn;

pub mod what_a_task_may_own;

pub mod task_sets;

pub mod task_trees;

pub mod which_set;

pub mod borrow;

pub mod ask_it_to_stop;

pub mod drain_and_kill;

pub mod clean_up;

pub mod after_a_drop;

pub mod worker_pool;

pub mod supervisor;

pub mod background_service;

pub mod actor;

pub mod shared_state;

pub mod single_flight;

pub mod errors_across_tasks;

pub mod retry_layers;

pub mod fallback;

pub mod recovery_order;

pub mod recovery_tower;

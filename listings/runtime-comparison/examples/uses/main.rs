//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

// What a page shows before a step: a reader has pasted it, and needs no `use` for it.
use runtime_comparison as shown;

mod a_worker_that_blocks;
mod a_worker_that_blocks_timer;
mod across_the_border;
mod across_the_border_enter;
mod across_the_border_traits;
mod block_in_place;
mod block_in_place_limit;
mod block_in_place_one_thread;
mod blocking;
mod blocking_limit;
mod blocking_queue;
mod blocking_stuck;
mod blocking_thread;
mod configure;
mod cpu_work;
mod cpu_work_full;
mod cpu_work_stuck;
mod cpu_work_wanted;
mod index;
mod index_blocking;
mod index_waits;
mod io_and_cpu;
mod io_and_cpu_fails;
mod io_and_cpu_runtime;
#[cfg(all(target_os = "linux", feature = "io-uring"))]
mod io_uring;
mod many_threads;
mod many_threads_twice;
mod more_cores;
mod no_operating_system;
mod no_operating_system_stop;
mod no_operating_system_two;
mod no_runtime;
mod no_runtime_line;
mod no_runtime_task;
mod not_send;
mod not_send_per_core;
mod one_thread;
mod one_thread_turns;
mod one_thread_yield;
mod reactor_by_hand;
mod runtime_by_hand;
mod runtime_by_hand_tasks;
mod thread_per_core;
mod timer_by_hand;
mod timer_by_hand_limit;
mod two_runtimes;
mod two_runtimes_either;
mod two_runtimes_threads;
mod what_a_runtime_owns;
mod what_a_runtime_owns_static;
mod what_cores_share;
mod what_it_costs;
mod what_it_costs_buffer;
mod which_runtime;
mod who_runs_next;
mod who_runs_next_outsider;
mod who_runs_next_slot;
mod who_runs_next_stolen;
mod who_runs_next_yields;

backend::uses!(
    a_worker_that_blocks,
    a_worker_that_blocks_timer,
    across_the_border,
    across_the_border_enter,
    across_the_border_traits,
    block_in_place,
    block_in_place_limit,
    block_in_place_one_thread,
    blocking,
    blocking_limit,
    blocking_queue,
    blocking_stuck,
    blocking_thread,
    configure,
    cpu_work,
    cpu_work_full,
    cpu_work_stuck,
    cpu_work_wanted,
    index,
    index_blocking,
    index_waits,
    io_and_cpu,
    io_and_cpu_fails,
    io_and_cpu_runtime,
    #[cfg(all(target_os = "linux", feature = "io-uring"))]
    io_uring,
    many_threads,
    many_threads_twice,
    more_cores,
    no_operating_system,
    no_operating_system_stop,
    no_operating_system_two,
    no_runtime,
    no_runtime_line,
    no_runtime_task,
    not_send,
    not_send_per_core,
    one_thread,
    one_thread_turns,
    one_thread_yield,
    reactor_by_hand,
    runtime_by_hand,
    runtime_by_hand_tasks,
    thread_per_core,
    timer_by_hand,
    timer_by_hand_limit,
    two_runtimes,
    two_runtimes_either,
    two_runtimes_threads,
    what_a_runtime_owns,
    what_a_runtime_owns_static,
    what_cores_share,
    what_it_costs,
    what_it_costs_buffer,
    which_runtime,
    who_runs_next,
    who_runs_next_outsider,
    who_runs_next_slot,
    who_runs_next_stolen,
    who_runs_next_yields,
);

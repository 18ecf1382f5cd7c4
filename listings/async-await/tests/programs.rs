//! Runs each program and each use of the pattern, and compares what it prints with what was recorded beside it.
//!
//! Support: no page shows this file.

// Each whole use, and each later step of a page.
backend::check_uses!(
    after_a_drop,
    after_a_drop_bomb,
    ask_it_to_stop,
    ask_it_to_stop_abort,
    ask_it_to_stop_checksum,
    ask_it_to_stop_helpers,
    ask_it_to_stop_ticks,
    ask_it_to_stop_tree,
    clean_up,
    drain_and_kill,
    handler,
    handler_to_the_end,
    index,
    index_limit,
    index_set,
    index_stop,
);

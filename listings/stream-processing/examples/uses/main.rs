//! The whole uses that pages begin with; the argument names one.
//!
//! Support: no page shows this file.

// What a page shows before a step: a reader has pasted it, and needs no `use` for it.
use stream_processing as shown;

mod a_stream_that_waits;
mod a_stream_that_waits_end;
mod a_stream_that_waits_watch;
mod fold_and_take;
mod fold_and_take_one;
mod fold_and_take_part;
mod fold_and_take_runs;
mod fold_and_take_stop;
mod fold_and_take_total;
mod index;
mod index_buffered;
mod index_collect;
mod index_filter;
mod index_lines;
mod index_map;
mod index_take;
mod lend_a_stream;
mod lend_a_stream_owned;
mod lend_a_stream_prices;
mod lend_a_stream_total;
mod let_others_run;
mod let_others_run_budget;
mod let_others_run_counter;
mod let_others_run_never;
mod let_others_run_twice;
mod map_filter_then;
mod map_filter_then_allowed;
mod map_filter_then_balances;
mod map_filter_then_errors;
mod map_filter_then_even;
mod map_filter_then_function;
mod map_filter_then_futures;
mod merge;
mod merge_keyed;
mod merge_turns;
mod merge_urgent;
mod stream_sources;
mod stream_sources_feed;
mod stream_sources_gather;
mod stream_sources_list;
mod stream_sources_pages;
mod stream_sources_prefetch;
mod stream_sources_right;
mod stream_sources_small;
mod stream_sources_unfold;
mod sum_in_a_loop;
mod sum_in_a_loop_until;
mod ticks;
mod ticks_minute;
mod ticks_report;
mod ticks_stream;
mod two_stream_exts;
mod two_stream_exts_limit;
mod two_stream_exts_right;
mod two_stream_exts_silence;
mod two_stream_exts_spaced;
mod write_a_stream;
mod write_a_stream_counted;
mod write_a_stream_macro;
mod write_a_stream_unfold;
mod write_a_stream_wrapper;

backend::uses!(
    a_stream_that_waits,
    a_stream_that_waits_end,
    a_stream_that_waits_watch,
    fold_and_take,
    fold_and_take_one,
    fold_and_take_part,
    fold_and_take_runs,
    fold_and_take_stop,
    fold_and_take_total,
    index,
    index_buffered,
    index_collect,
    index_filter,
    index_lines,
    index_map,
    index_take,
    lend_a_stream,
    lend_a_stream_owned,
    lend_a_stream_prices,
    lend_a_stream_total,
    let_others_run,
    let_others_run_budget,
    let_others_run_counter,
    let_others_run_never,
    let_others_run_twice,
    map_filter_then,
    map_filter_then_allowed,
    map_filter_then_balances,
    map_filter_then_errors,
    map_filter_then_even,
    map_filter_then_function,
    map_filter_then_futures,
    merge,
    merge_keyed,
    merge_turns,
    merge_urgent,
    stream_sources,
    stream_sources_feed,
    stream_sources_gather,
    stream_sources_list,
    stream_sources_pages,
    stream_sources_prefetch,
    stream_sources_right,
    stream_sources_small,
    stream_sources_unfold,
    sum_in_a_loop,
    sum_in_a_loop_until,
    ticks,
    ticks_minute,
    ticks_report,
    ticks_stream,
    two_stream_exts,
    two_stream_exts_limit,
    two_stream_exts_right,
    two_stream_exts_silence,
    two_stream_exts_spaced,
    write_a_stream,
    write_a_stream_counted,
    write_a_stream_macro,
    write_a_stream_unfold,
    write_a_stream_wrapper,
);

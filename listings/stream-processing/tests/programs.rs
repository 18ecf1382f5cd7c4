//! Runs each program and each whole use of the pattern, and compares what it prints with what was recorded beside it.
//!
//! Support: no page shows this file.

use backend::recording::check_program;

const ORDER_REPORT: &str = include_str!("../examples/order_report.rs");
const LIVE_FEEDS: &str = include_str!("../examples/live_feeds.rs");

#[test]
fn order_report() {
    check_program("order_report").unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn live_feeds() {
    check_program("live_feeds").unwrap_or_else(|error| panic!("{error}"));
}

// Each whole use, and each later step of a page.
backend::check_uses!(
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

/// What readers asked for, beside the topics that the programs bring together: its page has programs of its own.
const BESIDE_THE_PROGRAMS: [&str; 1] = ["lend_a_stream"];

#[test]
fn each_topic_is_used_by_a_program() {
    let topics = include_str!("../src/lib.rs").lines();
    let topics =
        topics.filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let topics: Vec<_> = topics.collect();
    assert!(!topics.is_empty());
    let unused: Vec<_> = topics
        .into_iter()
        .filter(|topic| {
            let by_path = format!("use stream_processing::{topic}::");
            !ORDER_REPORT.contains(&by_path) && !LIVE_FEEDS.contains(&by_path)
        })
        .collect();
    assert_eq!(unused, BESIDE_THE_PROGRAMS, "no program uses them");
}

/// Whether `program` calls `way`, which may be a path.
fn calls(program: &str, way: &str) -> bool {
    program.match_indices(way).any(|(at, _)| {
        let before = program[..at].chars().next_back();
        let whole = !before.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let after = &program[at + way.len()..];
        whole && (after.starts_with('(') || after.starts_with("::<"))
    })
}

fn assert_calls(program: &str, ways: &[&str]) {
    let left_out: Vec<_> = ways.iter().filter(|way| !calls(program, way)).collect();
    assert!(left_out.is_empty(), "{left_out:?}");
}

#[test]
fn the_report_goes_the_main_ways_of_its_topics() {
    let ways = [
        "pages",
        "prefetch",
        "spaced",
        "until_silence",
        "one_by_one",
        "a_few_at_once",
        "allowed",
        "fold_until",
        "part",
        "reduce",
        "reduce_runs",
        "total",
        "Limiter::new",
        "paced",
        "in_batches",
        "batcher",
        "writer",
        "urgent_first",
        "while_open",
        "keyed",
    ];
    assert_calls(ORDER_REPORT, &ways);
}

#[test]
fn the_feeds_go_the_main_ways_of_their_topics() {
    let ways = [
        "Counter::below",
        "a_stream_that_waits::latest",
        "changes",
        "rows",
        "rows_ahead",
        "watch_file",
        "file_events::latest",
        "dial",
        "websocket::accept",
        "orders_of",
        "orders_by_page",
        "order_once",
        "in_transaction",
        "ticks",
        "large_log::open",
        "fold_on_a_thread",
        "go_on",
        "disconnect",
        "resync",
        "for_each_latest",
        "Hub::new",
    ];
    assert_calls(LIVE_FEEDS, &ways);
}

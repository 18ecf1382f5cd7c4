//! The ways of the benchmark on a small log: that they find the same, and what they hold; and
//! whether what the page shows of the benchmark says what the page says about it.

#[expect(dead_code, reason = "`cargo bench` runs the rest of it")]
#[path = "../benches/large_log.rs"]
mod bench;

use std::collections::BTreeMap;
use std::path::Path;

use bench::{WAYS, run, write_log};

const MIB: u64 = 1 << 20;

/// What the page shows, by way: peak in MiB, and median, slowest and fastest in MB/s.
fn recorded() -> (u64, BTreeMap<String, [u64; 4]>) {
    let recording = include_str!("../benches/large_log.out");
    let mut lines = recording.lines();
    let bytes = lines.next().unwrap().split_whitespace().next().unwrap();
    let rows = lines.skip(2).map(|row| {
        let (way, numbers) = row.split_at(34);
        let numbers = numbers.split_whitespace().map(|number| number.parse().unwrap());
        (way.trim_end().to_owned(), numbers.collect::<Vec<_>>().try_into().unwrap())
    });
    (bytes.parse().unwrap(), rows.collect())
}

#[tokio::test]
async fn every_way_finds_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let expected = write_log(&path, MIB).unwrap();
    assert!(expected.lines > 10_000 && expected.failed > 1_000, "{expected:?}");
    for way in WAYS {
        assert_eq!(run(way, &path).await.unwrap(), expected, "{way}");
    }
}

/// How much more a process of its own holds when it folds this log, in bytes.
#[cfg(target_os = "linux")]
fn held(way: &str, path: &Path) -> u64 {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "in_a_process_of_its_own", "--nocapture"])
        .envs([("LARGE_LOG_WAY", way.as_ref()), ("LARGE_LOG_PATH", path.as_os_str())])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let (_, kib) = said.split_once("held: ").unwrap_or_else(|| panic!("{said}"));
    kib.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

/// Does nothing but for `held`.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn in_a_process_of_its_own() {
    use std::env::var;
    if let (Ok(way), Ok(path)) = (var("LARGE_LOG_WAY"), var("LARGE_LOG_PATH")) {
        let before = bench::peak_kib().unwrap();
        run(&way, Path::new(&path)).await.unwrap();
        println!("held: {} KiB", bench::peak_kib().unwrap() - before);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_fold_holds_less_than_8_mib_of_32_and_collecting_more_than_28() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    write_log(&path, 32 * MIB).unwrap();
    for way in WAYS {
        let held = held(way, &path);
        if way.ends_with("then fold") {
            assert!(held > 28 * MIB, "{way}: {held}");
        } else {
            assert!(held < 8 * MIB, "{way}: {held}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn of_40_mib_a_fold_holds_less_than_1_mib_more_than_of_8() {
    let folder = tempfile::tempdir().unwrap();
    let log_of = |size: u64| {
        let path = folder.path().join(size.to_string());
        write_log(&path, size).unwrap();
        path
    };
    let [small, large] = [8 * MIB, 40 * MIB].map(log_of);
    for way in WAYS.into_iter().filter(|way| !way.ends_with("then fold")) {
        let (small, large) = (held(way, &small), held(way, &large));
        assert!(large < small + MIB, "{way}: {small}, then {large}");
    }
}

#[test]
fn the_recording_has_every_way_and_a_log_of_a_gigabyte() {
    let (bytes, rows) = recorded();
    assert!(bytes >= 1_000_000_000);
    let ways: Vec<_> = rows.keys().map(String::as_str).collect();
    let mut expected = WAYS;
    expected.sort_unstable();
    assert_eq!(ways, expected);
}

#[test]
fn in_the_recording_a_fold_holds_less_than_8_mib_and_collecting_more_than_the_log() {
    let (bytes, rows) = recorded();
    for (way, [peak, ..]) in rows {
        if way.ends_with("then fold") {
            assert!(peak >= bytes / MIB, "{way}: {peak}");
        } else {
            assert!(peak < 8, "{way}: {peak}");
        }
    }
}

/// At its fastest: a machine that has other work to do only makes it slower.
fn fastest(way: &str) -> u64 {
    recorded().1[way][3]
}

/// Those that run on one thread from the beginning to the end.
const ON_A_THREAD: [&str; 3] = [
    "fold_on_a_thread, 8 KiB",
    "blocking BufRead::lines, 8 KiB",
    "blocking read_until, 8 KiB",
];

#[test]
fn in_the_recording_the_fastest_is_a_blocking_loop() {
    let on_a_thread = ON_A_THREAD.map(fastest).into_iter().max().unwrap();
    for way in recorded().1.keys() {
        assert!(fastest(way) <= on_a_thread, "{way}");
    }
}

#[test]
fn in_the_recording_each_blocking_loop_is_three_times_as_fast_as_8_kib_a_trip() {
    for thread in ON_A_THREAD {
        for way in ["LinesStream, 8 KiB", "LogLines, 8 KiB"] {
            assert!(fastest(thread) >= 3 * fastest(way), "{thread}, {way}");
        }
    }
}

#[test]
fn in_the_recording_1_mib_a_trip_is_as_fast_as_a_thread_within_a_third() {
    let thread = fastest("fold_on_a_thread, 8 KiB");
    assert!(thread.abs_diff(fastest("LogLines, 1 MiB")) * 3 <= thread);
}

#[test]
fn in_the_recording_a_string_a_line_costs_a_quarter_of_the_speed() {
    for (strings, one_buffer) in [
        ("LinesStream, 1 MiB", "LogLines, 1 MiB"),
        ("blocking BufRead::lines, 8 KiB", "blocking read_until, 8 KiB"),
    ] {
        assert!(fastest(strings) * 4 <= fastest(one_buffer) * 3, "{strings}");
    }
}

#[test]
fn in_the_recording_one_buffer_on_a_task_is_faster_than_strings_on_a_thread() {
    let strings = fastest("blocking BufRead::lines, 8 KiB");
    assert!(fastest("LogLines, 1 MiB") > strings);
}

#[test]
fn the_pages_quote_the_peaks_of_the_recording() {
    let (_, rows) = recorded();
    let peak = |way: &str| rows[way][0];
    // 1.36 GB, of 10^9 bytes.
    let collected = peak("LinesStream, collect, then fold") * MIB;
    assert_eq!((collected + 5_000_000) / 10_000_000, 136);
    assert!(peak("LogLines, 1 MiB") <= 5);
}

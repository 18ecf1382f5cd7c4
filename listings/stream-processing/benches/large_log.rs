//! Folds a log of 1 GB in several ways, each in a process of its own, and prints the most
//! memory that it held and how many bytes a second it read.
//!
//! Support: no page shows this file.
//!
//! `cargo bench -p stream-processing --bench large_log`; with `RECORD=1` it writes what the
//! page shows, `large_log.out`. `tests/large_log.rs` runs the same ways on a small log.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufWriter, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use futures::StreamExt;
use stream_processing::large_log::{Line, LogError, fold_on_a_thread, naive, open};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::runtime::Runtime;
use tokio_stream::wrappers::LinesStream;

const BYTES: u64 = 1_000_000_000;
const ROUNDS: usize = 5;

const KIB_8: NonZeroUsize = NonZeroUsize::new(8 << 10).unwrap();
const MIB: NonZeroUsize = NonZeroUsize::new(1 << 20).unwrap();
const LONGEST: NonZeroUsize = NonZeroUsize::new(64 << 10).unwrap();

/// What is measured, by the names in the result.
pub(crate) const WAYS: [&str; 9] = [
    "read_to_string, then fold",
    "LinesStream, collect, then fold",
    "LinesStream, 8 KiB",
    "LinesStream, 1 MiB",
    "LogLines, 8 KiB",
    "LogLines, 1 MiB",
    "fold_on_a_thread, 8 KiB",
    "blocking BufRead::lines, 8 KiB",
    "blocking read_until, 8 KiB",
];

/// What each of them is to find.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) lines: u64,
    pub(crate) failed: u64,
    pub(crate) bytes: u64,
}

impl Found {
    fn and(self, line: &[u8]) -> Self {
        Self {
            lines: self.lines + 1,
            failed: self.failed + u64::from(line.ends_with(b"status=500")),
            bytes: self.bytes + line.len() as u64,
        }
    }
}

/// Folds the log at `path` in one of the [`WAYS`].
pub(crate) async fn run(way: &str, path: &Path) -> Result<Found, LogError> {
    let found = Found::default();
    let of_line = |found: Found, line: Line<'_>| found.and(line.bytes);
    match way {
        "read_to_string, then fold" => {
            let log = tokio::fs::read_to_string(path).await;
            let log = log.map_err(|source| not_read(path, source))?;
            Ok(log.lines().fold(found, |found, line| found.and(line.as_bytes())))
        }
        "LinesStream, collect, then fold" => {
            let step = |found: Found, line: String| found.and(line.as_bytes());
            let all = naive::collect_first(path, found, step).await;
            all.map_err(|source| not_read(path, source))
        }
        "LinesStream, 8 KiB" => by_lines_stream(path, KIB_8).await,
        "LinesStream, 1 MiB" => by_lines_stream(path, MIB).await,
        "LogLines, 8 KiB" => {
            open(path, KIB_8, LONGEST).await?.fold(found, of_line).await
        }
        "LogLines, 1 MiB" => open(path, MIB, LONGEST).await?.fold(found, of_line).await,
        "fold_on_a_thread, 8 KiB" => {
            fold_on_a_thread(path, KIB_8, LONGEST, found, of_line).await
        }
        "blocking BufRead::lines, 8 KiB" => {
            by_blocking_lines(path).map_err(|source| not_read(path, source))
        }
        "blocking read_until, 8 KiB" => {
            by_read_until(path).map_err(|source| not_read(path, source))
        }
        _ => panic!("there is no way `{way}`"),
    }
}

async fn by_lines_stream(path: &Path, buffer: NonZeroUsize) -> Result<Found, LogError> {
    let failed = |source| not_read(path, source);
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    let lines = BufReader::with_capacity(buffer.get(), file).lines();
    let mut lines = LinesStream::new(lines);
    let mut found = Found::default();
    while let Some(line) = lines.next().await {
        found = found.and(line.map_err(failed)?.as_bytes());
    }
    Ok(found)
}

/// What one writes without async: a `String` for each line.
fn by_blocking_lines(path: &Path) -> io::Result<Found> {
    let mut found = Found::default();
    for line in io::BufReader::with_capacity(KIB_8.get(), File::open(path)?).lines() {
        found = found.and(line?.as_bytes());
    }
    Ok(found)
}

/// The same with one buffer for all lines, which has no bound.
fn by_read_until(path: &Path) -> io::Result<Found> {
    let mut log = io::BufReader::with_capacity(KIB_8.get(), File::open(path)?);
    let (mut found, mut line) = (Found::default(), Vec::new());
    while log.read_until(b'\n', &mut line)? > 0 {
        found = found.and(line.strip_suffix(b"\n").unwrap_or(&line));
        line.clear();
    }
    Ok(found)
}

fn not_read(path: &Path, source: io::Error) -> LogError {
    LogError::Open { path: path.to_owned(), source }
}

/// Writes a log of at least this many bytes, and tells what there is to find in it.
pub(crate) fn write_log(path: &Path, bytes: u64) -> io::Result<Found> {
    let mut log = BufWriter::new(File::create(path)?);
    let (mut found, mut written, mut line) = (Found::default(), 0, String::new());
    while written < bytes {
        line.clear();
        let number = found.lines;
        let status = if number % 10 == 7 { 500 } else { 200 };
        let user = number % 9973;
        write!(
            line,
            "2026-11-25T12:00:00Z INFO shop: request={number:012} user={user:06} \
             path=/orders took={user:04}ms status={status}"
        )
        .map_err(io::Error::other)?;
        found = found.and(line.as_bytes());
        line.push('\n');
        log.write_all(line.as_bytes())?;
        written += line.len() as u64;
    }
    log.into_inner()?.sync_all()?;
    Ok(found)
}

/// The most memory that this process held so far, in KiB; `None` where the system does not tell.
pub(crate) fn peak_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Runs one way in this process and prints what the parent wants to know.
fn child(way: &str, path: &Path) {
    let runtime = Runtime::new().expect("a runtime");
    let start = Instant::now();
    let found = runtime.block_on(run(way, path)).expect("a log");
    let took = start.elapsed().as_nanos();
    let peak = peak_kib().unwrap_or_default();
    println!("{} {} {} {took} {peak}", found.lines, found.failed, found.bytes);
}

/// Runs one way in a process of its own: what it found, its nanoseconds, and its peak in KiB.
fn measure(way: &str, path: &Path) -> (Found, u64, u64) {
    let this = std::env::current_exe().expect("this program");
    let mut command = Command::new(this);
    let output = command.args(["--way", way]).arg(path).stderr(Stdio::inherit());
    let output = output.output().expect("a child");
    assert!(output.status.success(), "{way}: {}", output.status);
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<u64> = text
        .split_whitespace()
        .map(|number| number.parse().expect("a number"))
        .collect();
    let [lines, failed, bytes, nanos, peak] = numbers[..] else {
        panic!("{way} said {text}")
    };
    (Found { lines, failed, bytes }, nanos, peak)
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name"));
    model
        .map_or("a processor", |model| model.trim_start_matches([' ', '\t', ':']))
        .into()
}

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    if let [_, flag, way, path] = &arguments[..]
        && flag == "--way"
    {
        return child(way, Path::new(path));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let expected = write_log(&path, BYTES).expect("room for 1 GB");
    let bytes = fs::metadata(&path).expect("the log").len();
    // The first run brings the log into memory, and is not counted.
    measure(WAYS[0], &path);
    let mut rates = [const { Vec::new() }; WAYS.len()];
    let mut peaks = [0; WAYS.len()];
    for round in 0..ROUNDS {
        for step in 0..WAYS.len() {
            let at = (round + step) % WAYS.len();
            let (found, took, peak) = measure(WAYS[at], &path);
            assert_eq!(found, expected, "{}", WAYS[at]);
            rates[at].push(bytes * 1_000 / took);
            peaks[at] = peak.max(peaks[at]);
        }
    }
    let cores = std::thread::available_parallelism().map_or(0, NonZeroUsize::get);
    let mut table = format!(
        "{bytes} bytes, {} lines, in the page cache; {}, {cores} cores, {}; {ROUNDS} rounds\n\n",
        expected.lines,
        processor(),
        std::env::consts::OS,
    );
    let head = ("peak MiB", "MB/s: median", "slowest", "fastest");
    let (peak, median, slowest, fastest) = head;
    let row = format!("{:34}{peak:>9}{median:>14}{slowest:>9}{fastest:>9}\n", "");
    table.push_str(&row);
    for (way, (peak, rates)) in WAYS.iter().zip(peaks.iter().zip(&mut rates)) {
        rates.sort_unstable();
        let (slowest, median, fastest) =
            (rates[0], rates[ROUNDS / 2], rates[ROUNDS - 1]);
        let mib = peak.div_ceil(1024);
        let row = format!("{way:34}{mib:>9}{median:>14}{slowest:>9}{fastest:>9}\n");
        table.push_str(&row);
    }
    print!("{table}");
    if std::env::var_os("RECORD").is_some_and(|value| value == "1") {
        let package =
            std::env::var_os("CARGO_MANIFEST_DIR").expect("run this by cargo");
        let out = Path::new(&package).join("benches/large_log.out");
        fs::write(out, table).expect("the recording");
    }
}

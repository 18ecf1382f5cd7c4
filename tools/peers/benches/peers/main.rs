//! `cargo bench --manifest-path tools/peers/Cargo.toml`, and behind `--` words of the rows to measure.
//! With `RECORD=1` it writes `RESULTS.md`.

mod policies;
mod races;
mod streams;
mod websockets;

use std::process::Command;
use std::{env, fs};

use peers::Table;

const LOCK: &str = include_str!("../../Cargo.lock");
const PEERS: [&str; 15] = [
    "async-broadcast",
    "failsafe",
    "futures",
    "futures-concurrency",
    "governor",
    "leaky-bucket",
    "memchr",
    "recloser",
    "tokio",
    "tokio-retry",
    "tokio-stream",
    "tokio-tungstenite",
    "tokio-websockets",
    "tower",
    "tungstenite",
];

fn main() {
    let mut table = Table::of(env::args().skip(1).filter(|it| !it.starts_with("--")));
    policies::compare(&mut table);
    streams::compare(&mut table);
    races::compare(&mut table);
    websockets::compare(&mut table);
    if env::var_os("RECORD").is_some() {
        let versions = PEERS.map(|name| format!("{name} {}", version(name))).join(", ");
        let text = format!(
            "# Listings beside their peers\n\n\
             CPU time of the listing, divided by that of its peer: below 1, the listing needs less. The times are\n\
             medians, for one operation. Each row compares what both can do; what only one of them promises is on\n\
             the page.\n\n\
             Recorded on {} by `RECORD=1 cargo bench --manifest-path tools/peers/Cargo.toml`,\n\
             on {} with {} cores, {}.\n\n{versions}.\n\n{}",
            said(&["date", "+%F"]),
            processor(),
            std::thread::available_parallelism().map_or(1, usize::from),
            said(&["rustc", "--version"]),
            table.markdown(),
        );
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/RESULTS.md");
        fs::write(file, text).expect("RESULTS.md can be written");
    }
}

/// Of the first crate with this name in Cargo.lock: none of them is there twice.
fn version(name: &str) -> &'static str {
    let (_, rest) =
        LOCK.split_once(&format!("name = \"{name}\"\nversion = \"")).expect("locked");
    rest.split('"').next().unwrap_or_default()
}

fn said(command: &[&str]) -> String {
    let output = Command::new(command[0]).args(&command[1..]).output();
    output.map_or_else(
        |_| "?".to_owned(),
        |it| String::from_utf8_lossy(&it.stdout).trim().to_owned(),
    )
}

fn processor() -> String {
    let about = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = about
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or_else(|| "an unknown processor".to_owned(), |(_, name)| name.to_owned())
}

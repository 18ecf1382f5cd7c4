//! Does each work of `what_it_costs` on each runtime, in 15 rounds of five runs, and compares the fastest run with that of
//! Tokio's `current_thread` runtime in the same round.
//!
//! Support: no page shows this file.
//!
//! `cargo bench -p runtime-comparison` prints its ratios beside those of the page, and writes them to
//! `target/what_it_costs.json`. With `RECORD=1` it writes what the page shows, `data/what_it_costs.json`; `MACHINE`
//! says then what no program can see, such as `2 cores (a virtual machine)`.

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs, thread};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use runtime_comparison::what_it_costs::{Mode, Work};
use serde_json::{Value, json};

const ROUNDS: usize = 15;
const RUNS: usize = 5;

const APART: &str = "Tokio multi_thread, 2 workers: not to be ranked";

fn main() -> Result<(), Box<dyn Error>> {
    let measured = measure()?;
    let found = chart(&measured);
    let data = data_file();
    let page = fs::read_to_string(&data)
        .map_or(Ok(Value::Null), |text| serde_json::from_str(&text))?;
    print(&measured, &found, &page);
    let text = format!("{found:#}\n");
    let here =
        Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("what_it_costs.json");
    fs::write(&here, &text)?;
    println!("\nwritten: {}", here.display());
    if env::var_os("RECORD").is_some() {
        fs::write(&data, &text)?;
        println!("recorded: {}", data.display());
    }
    Ok(())
}

/// How often a run does the work: for about 4 ms on Tokio. Short runs are less often interrupted by other programs.
fn times(work: Work) -> usize {
    match work {
        Work::SpawnAndJoin => 10_000,
        Work::PingPong | Work::Request | Work::OwnYield => 20_000,
        Work::YieldByHand => 100_000,
        Work::Sleep => 4,
        Work::Naps => 2000,
    }
}

/// The times of each round.
type Measured = HashMap<(&'static str, &'static str), Vec<Duration>>;

fn measure() -> Result<Measured, Box<dyn Error>> {
    let mut order = StdRng::seed_from_u64(15);
    let mut measured = Measured::new();
    for round in 1..=ROUNDS {
        eprint!("\rround {round} of {ROUNDS}");
        for work in Work::ALL {
            let mut modes = Mode::ALL;
            modes.shuffle(&mut order);
            for mode in modes {
                if let Some(time) = fastest(mode, work)? {
                    measured.entry((mode.name(), work.name())).or_default().push(time);
                }
            }
        }
    }
    eprintln!();
    Ok(measured)
}

/// The fastest run of the round. `None` if the runtime cannot do the work.
fn fastest(mode: Mode, work: Work) -> Result<Option<Duration>, Box<dyn Error>> {
    let times = times(work);
    let mut fastest: Option<Duration> = None;
    for _ in 0..RUNS {
        let Some(run) = mode.run(work, times)? else { return Ok(None) };
        assert_eq!(run.done, times, "{mode:?} has not done all of {work:?}");
        fastest = Some(fastest.map_or(run.time, |time| time.min(run.time)));
    }
    Ok(fastest)
}

/// The median, the smallest and the largest ratio of a round.
#[derive(Clone, Copy)]
struct Range {
    median: f64,
    min: f64,
    max: f64,
}

/// `None` if the runtime cannot do the work.
fn range(measured: &Measured, mode: Mode, work: Work) -> Option<Range> {
    let of = |mode: Mode| measured.get(&(mode.name(), work.name()));
    let pairs = of(mode)?.iter().zip(of(Mode::CurrentThread)?);
    let mut ratios: Vec<_> =
        pairs.map(|(time, reference)| time.div_duration_f64(*reference)).collect();
    ratios.sort_by(f64::total_cmp);
    let (min, max) = (*ratios.first()?, *ratios.last()?);
    Some(Range { median: ratios[ratios.len() / 2], min, max })
}

fn row(name: &str, range: Range) -> Value {
    let rounded = |ratio: f64| (ratio * 1000.0).round() / 1000.0;
    json!({
        "name": name,
        "median": rounded(range.median),
        "min": rounded(range.min),
        "max": rounded(range.max),
    })
}

fn chart(measured: &Measured) -> Value {
    let one_thread = Mode::ALL
        .into_iter()
        .filter(|mode| !matches!(mode, Mode::CurrentThread | Mode::MultiThread));
    let mut groups: Vec<_> = Work::ALL
        .into_iter()
        .map(|work| {
            let rows: Vec<_> = one_thread
                .clone()
                .filter_map(|mode| Some(row(mode.name(), range(measured, mode, work)?)))
                .collect();
            json!({ "name": work.name(), "rows": rows })
        })
        .collect();
    let apart: Vec<_> = Work::ALL
        .into_iter()
        .filter_map(|work| {
            Some(row(work.name(), range(measured, Mode::MultiThread, work)?))
        })
        .collect();
    groups.push(json!({ "name": APART, "rows": apart }));
    json!({
        "kind": "ranges",
        "title": "The time that seven kinds of work need, beside Tokio's current_thread runtime",
        "machine": machine(),
        "measure": "time of the fastest run, beside Tokio's current_thread runtime in the same round",
        "reference": 1.0,
        "groups": groups,
    })
}

fn print(measured: &Measured, found: &Value, page: &Value) {
    println!("{}", text(&found["machine"]));
    println!("{:<32} {:>6} {:>15} {:>9}", "", "here", "min to max", "the page");
    let of = |of: &Value| of.as_array().cloned().unwrap_or_default();
    for group in of(&found["groups"]) {
        let name = text(&group["name"]);
        println!("{name}{}", reference(measured, &name));
        let recorded =
            of(&page["groups"]).into_iter().find(|it| it["name"] == group["name"]);
        let recorded = recorded.map(|it| of(&it["rows"])).unwrap_or_default();
        for row in of(&group["rows"]) {
            let beside = recorded.iter().find(|it| it["name"] == row["name"]);
            println!(
                "  {:<30} {:>6} {:>15} {:>9}",
                text(&row["name"]),
                number(&row["median"]),
                format!("{} to {}", number(&row["min"]), number(&row["max"])),
                beside.map_or("-".to_owned(), |it| number(&it["median"])),
            );
        }
    }
}

/// What one of this kind of work costs on the runtime that the others are compared with.
fn reference(measured: &Measured, name: &str) -> String {
    let Some(work) = Work::ALL.into_iter().find(|work| work.name() == name) else {
        return String::new();
    };
    let mode = Mode::CurrentThread;
    let mut all = measured.get(&(mode.name(), name)).cloned().unwrap_or_default();
    all.sort();
    let each = all.get(all.len() / 2).map_or(0.0, Duration::as_secs_f64);
    let each = each / times(work) as f64 * 1e9;
    format!(" ({each:.0} ns each on {})", mode.name())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value) -> String {
    format!("{:.2}", value.as_f64().unwrap_or_default())
}

/// The machine, the versions, and the day.
fn machine() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let machine = env::var("MACHINE").unwrap_or_else(|_| format!("{cores} cores"));
    let system = fs::read_to_string("/proc/sys/kernel/osrelease").map_or_else(
        |_| env::consts::OS.to_owned(),
        |release| format!("Linux {}", release.trim()),
    );
    let rustc = said_by("rustc", &["--version"]);
    let rustc = rustc.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let mut parts = vec![machine, system, rustc];
    let lock =
        fs::read_to_string(package().join("../../Cargo.lock")).unwrap_or_default();
    for name in ["tokio", "smol", "futures", "embassy-executor", "pollster"] {
        let after =
            lock.split_once(&format!("\nname = \"{name}\"\nversion = \"")).unzip().1;
        let version = after.and_then(|after| after.split('"').next()).unwrap_or("?");
        parts.push(format!("{name} {version}"));
    }
    format!(
        "{}; {ROUNDS} rounds of {RUNS} runs, {}",
        parts.join(", "),
        said_by("date", &["+%F"])
    )
}

fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(
        |_| "?".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn data_file() -> PathBuf {
    package().join("data/what_it_costs.json")
}

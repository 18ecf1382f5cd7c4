//! Does each work of `what_it_costs` on each runtime, in 15 rounds of 40 runs, and compares the fastest run with that of
//! Tokio's `current_thread` runtime in the same round.
//!
//! Support: no page shows this file.
//!
//! `cargo bench -p runtime-comparison --bench what_it_costs` prints its ratios beside those of the page, and writes them to
//! `target/what_it_costs.json`. With `RECORD=1` it writes what the page shows, `data/what_it_costs.json`; `MACHINE`
//! says then what no program can see, such as `2 cores (a virtual machine, busy with other programs)`.

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs, thread};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use recording::chart::{Chart, Group, Range, Values};
use runtime_comparison::what_it_costs::{Mode, Work};

const ROUNDS: usize = 15;
const RUNS: usize = 40;

const APART: &str = "multi_thread, 2 workers (no ranking)";

fn main() -> Result<(), Box<dyn Error>> {
    let measured = measure()?;
    let found = chart(&measured);
    let data = data_file();
    let page: Option<Chart> = fs::read_to_string(&data)
        .ok()
        .map(|text| serde_json::from_str(&text))
        .transpose()?;
    print(&measured, &found, page.as_ref());
    let text = serde_json::to_string_pretty(&found)? + "\n";
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

/// How often a run does the work: for half a millisecond or a little more on Tokio. Such a run is often not interrupted
/// by another program, and the fastest of many is not.
fn times(work: Work) -> usize {
    match work {
        Work::SpawnAndJoin | Work::PingPong | Work::Request | Work::OwnYield => 2000,
        Work::YieldByHand => 10_000,
        Work::Sleep => 1,
        Work::Naps => 1000,
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

/// The ratio of each round; `None` if the runtime cannot do the work.
fn row(
    name: &str,
    measured: &Measured,
    mode: Mode,
    work: Work,
) -> Option<recording::chart::Measured> {
    let of = |mode: Mode| measured.get(&(mode.name(), work.name()));
    let pairs = of(mode)?.iter().zip(of(Mode::CurrentThread)?);
    let ratio =
        |(time, of_tokio): (&Duration, &Duration)| time.div_duration_f64(*of_tokio);
    let rounds = pairs.map(|pair| (ratio(pair) * 1e5).round() / 1e5).collect();
    Some(recording::chart::Measured { name: name.to_owned(), rounds })
}

fn chart(measured: &Measured) -> Chart {
    let one_thread = Mode::ALL
        .into_iter()
        .filter(|mode| !matches!(mode, Mode::CurrentThread | Mode::MultiThread));
    let mut groups: Vec<_> = Work::ALL
        .into_iter()
        .map(|work| {
            let rows = one_thread.clone();
            let rows = rows.filter_map(|mode| row(mode.name(), measured, mode, work));
            Group { name: work.name().to_owned(), rows: rows.collect() }
        })
        .collect();
    let apart = Work::ALL.into_iter();
    let apart =
        apart.filter_map(|work| row(work.name(), measured, Mode::MultiThread, work));
    groups.push(Group { name: APART.to_owned(), rows: apart.collect() });
    Chart {
        title: "What a runtime needs for seven kinds of work, beside Tokio's current_thread".to_owned(),
        machine: machine(),
        measure: "times Tokio's current_thread in the same round".to_owned(),
        values: Values::Ranges { reference: 1.0, groups },
    }
}

fn groups(chart: Option<&Chart>) -> &[Group] {
    match chart.map(|chart| &chart.values) {
        Some(Values::Ranges { groups, .. }) => groups,
        _ => &[],
    }
}

fn print(measured: &Measured, found: &Chart, page: Option<&Chart>) {
    println!("{}", found.machine);
    println!("{:<33} {:>6} {:>15} {:>9}", "", "here", "min to max", "the page");
    for group in groups(Some(found)) {
        println!("{}{}", group.name, reference(measured, &group.name));
        let of_page = groups(page).iter().find(|it| it.name == group.name);
        for row in &group.rows {
            let beside =
                of_page.and_then(|it| it.rows.iter().find(|it| it.name == row.name));
            let beside = beside.and_then(|row| Range::of(&row.rounds));
            let Some(range) = Range::of(&row.rounds) else { continue };
            println!(
                "  {:<31} {:>6.3} {:>15} {:>9}",
                row.name,
                range.median,
                format!("{:.3} to {:.3}", range.least, range.most),
                beside.map_or("-".to_owned(), |range| format!("{:.3}", range.median)),
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
    let times_of_rounds = measured.get(&(mode.name(), name));
    let each: Vec<_> = times_of_rounds
        .into_iter()
        .flatten()
        .map(|time| time.as_secs_f64() / times(work) as f64 * 1e9)
        .collect();
    let each = Range::of(&each).map_or(0.0, |range| range.median);
    format!(" ({each:.0} ns each on {})", mode.name())
}

/// The machine, the versions, and the day.
fn machine() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let machine = env::var("MACHINE").unwrap_or_else(|_| format!("{cores} cores"));
    let system = fs::read_to_string("/proc/sys/kernel/osrelease").map_or_else(
        |_| env::consts::OS.to_owned(),
        |release| {
            format!("Linux {}", release.split('-').next().unwrap_or_default().trim())
        },
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

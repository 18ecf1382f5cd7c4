//! Two ways to do the same, measured in turn: which needs more CPU time, and how sure is that?
//!
//! Both run in one process, a round of one and a round of the other, and the order changes with each
//! round: what slows the machine down for a while slows both. A round gives one ratio. The median of
//! them is the result; the 10th and the 90th percentile say how far they lie apart.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

const WARM_UP: usize = 3;
const ROUNDS: usize = 61;
const FEWEST: usize = 15;
/// For one row: with fewer rounds, if these are long.
const PATIENCE: Duration = Duration::from_secs(4);

/// How long this process has run on a CPU, all its threads together.
///
/// # Panics
/// Never on Linux: its kernel counts it.
#[must_use]
pub fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(now).expect("time goes forward")
}

/// How much CPU time `work` needs.
pub fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = cpu_time();
    let result = work();
    let end = cpu_time();
    drop(std::hint::black_box(result));
    end.saturating_sub(start)
}

/// What one comparison has found.
#[derive(Clone, Debug)]
struct Row {
    what: String,
    peer: String,
    /// Nanoseconds for each operation, of the listing and of its peer.
    nanos: [f64; 2],
    /// Of all ratios: the 10th percentile, the median, the 90th.
    ratios: [f64; 3],
}

/// The comparisons that a run is to make, and what they have found.
#[derive(Debug, Default)]
pub struct Table {
    wanted: Vec<String>,
    rows: Vec<Row>,
}

impl Table {
    /// Only rows whose name has one of these words in it; all, if there is none.
    #[must_use]
    pub fn of(wanted: impl IntoIterator<Item = String>) -> Self {
        Self { wanted: wanted.into_iter().collect(), rows: Vec::new() }
    }

    /// Compares `ours` with `theirs`, which do `count` operations each, and say how much CPU time these
    /// have needed.
    pub fn compare(
        &mut self,
        what: &str,
        peer: &str,
        count: u32,
        mut ours: impl FnMut() -> Duration,
        mut theirs: impl FnMut() -> Duration,
    ) {
        let name = format!("{what} | {peer}");
        if !self.wanted.is_empty()
            && !self.wanted.iter().any(|word| name.contains(word))
        {
            return;
        }
        for _ in 0..WARM_UP {
            ours();
            theirs();
        }
        let (mut times, mut ratios, start) =
            ([Vec::new(), Vec::new()], Vec::new(), Instant::now());
        for round in 0..ROUNDS {
            if round >= FEWEST && start.elapsed() > PATIENCE {
                break;
            }
            let (one, other) = if round % 2 == 0 {
                let one = ours();
                (one, theirs())
            } else {
                let other = theirs();
                (ours(), other)
            };
            let [one, other] = [one, other].map(|time| time.as_secs_f64());
            times[0].push(one / f64::from(count) * 1e9);
            times[1].push(other / f64::from(count) * 1e9);
            ratios.push(one / other);
        }
        let row = Row {
            what: what.to_owned(),
            peer: peer.to_owned(),
            nanos: times.map(|mut of| percentile(&mut of, 50)),
            ratios: [10, 50, 90].map(|it| percentile(&mut ratios, it)),
        };
        println!("{}", row.line());
        self.rows.push(row);
    }

    /// The rows as a table of Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut table = "| Listing | Peer | Ratio | 10th to 90th percentile | Listing, ns | Peer, ns |\n\
                         |---|---|--:|--:|--:|--:|\n"
            .to_owned();
        for row in &self.rows {
            let _ = writeln!(table, "{}", row.line());
        }
        table
    }
}

impl Row {
    fn line(&self) -> String {
        let Self { what, peer, nanos: [ours, theirs], ratios: [low, median, high] } =
            self;
        let [low, median, high] = [low, median, high].map(|it| three_digits(*it));
        format!(
            "| {what} | {peer} | {median} | {low} to {high} | {ours:.0} | {theirs:.0} |"
        )
    }
}

fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) * percent / 100]
}

fn three_digits(ratio: f64) -> String {
    let digits = match ratio {
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{ratio:.digits$}")
}

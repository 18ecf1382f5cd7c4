//! What a chart is drawn from: what was measured in each round, on a machine that the chart names.
//!
//! Support: no page shows this file.

use serde::{Deserialize, Serialize};

use crate::{Impossible, within};

/// No chart has more groups.
pub const MOST_GROUPS: usize = 20;
/// No group has more rows, no chart more series, and no series more points.
pub const MOST_MODES: usize = 24;
/// Nothing was measured in more rounds.
pub const MOST_ROUNDS: usize = 1_000;
/// No measured value is smaller, and none is larger than one divided by it.
pub const LEAST: f64 = 1e-9;

/// A chart on a logarithmic axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Unchecked")]
pub struct Chart {
    /// What it shows, in a sentence.
    pub title: String,
    /// The machine, the versions, the rounds and the day.
    pub machine: String,
    /// What the values are, with their unit.
    pub measure: String,
    /// The values.
    pub values: Values,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Values {
    /// Several things beside one.
    Ranges {
        /// The value of the one that the others stand beside.
        reference: f64,
        /// The things, in groups.
        groups: Vec<Group>,
    },
    /// How something changes with a number.
    Lines {
        /// What the number counts.
        across: String,
        /// One line for each thing.
        series: Vec<Series>,
    },
}

/// Rows that belong together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// What was done.
    pub name: String,
    /// What did it.
    pub rows: Vec<Measured>,
}

/// One thing, measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// Its name.
    pub name: String,
    /// What each round gave.
    pub rounds: Vec<f64>,
}

/// One thing, measured at several numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// Each number, and what each round gave there.
    pub points: Vec<(u32, Vec<f64>)>,
}

/// The middle of what was measured, and its ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The smallest.
    pub least: f64,
    /// Half of the rounds gave no more; with an even number of rounds, the mean of the two in the middle.
    pub median: f64,
    /// The largest.
    pub most: f64,
}

impl Range {
    /// The range of what the rounds gave; `None` if there were none.
    pub fn of(rounds: &[f64]) -> Option<Self> {
        let mut sorted = rounds.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let half = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[half]
        } else {
            f64::midpoint(sorted[half - 1], sorted[half])
        };
        Some(Self { least, median, most })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    title: String,
    machine: String,
    measure: String,
    values: Values,
}

impl TryFrom<Unchecked> for Chart {
    type Error = Impossible;

    fn try_from(unchecked: Unchecked) -> Result<Self, Impossible> {
        let Unchecked { title, machine, measure, values } = unchecked;
        match &values {
            Values::Ranges { reference, groups } => {
                measured("the reference", &[*reference])?;
                some("groups", groups.len(), MOST_GROUPS)?;
                for group in groups {
                    some("rows", group.rows.len(), MOST_MODES)?;
                    for row in &group.rows {
                        measured(&row.name, &row.rounds)?;
                    }
                }
            }
            Values::Lines { series, .. } => {
                some("series", series.len(), MOST_MODES)?;
                for line in series {
                    some("points", line.points.len(), MOST_MODES)?;
                    let at: Vec<_> = line.points.iter().map(|(at, _)| *at).collect();
                    if at[0] == 0 || at.windows(2).any(|pair| pair[0] >= pair[1]) {
                        return Err(Impossible(format!(
                            "{}: the numbers {at:?} do not grow from 1 on",
                            line.name
                        )));
                    }
                    for (_, rounds) in &line.points {
                        measured(&line.name, rounds)?;
                    }
                }
            }
        }
        Ok(Self { title, machine, measure, values })
    }
}

fn some(what: &str, found: usize, most: usize) -> Result<(), Impossible> {
    if found == 0 {
        return Err(Impossible(format!("no {what}")));
    }
    within(what, found, most)
}

fn measured(name: &str, rounds: &[f64]) -> Result<(), Impossible> {
    some(&format!("rounds of {name}"), rounds.len(), MOST_ROUNDS)?;
    match rounds.iter().find(|value| !(LEAST..=1.0 / LEAST).contains(*value)) {
        None => Ok(()),
        Some(value) => {
            Err(Impossible(format!("{name}: {value} cannot be drawn as a multiple")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = r#"{"title": "A chart", "machine": "16 cores", "measure": "ns", "values":
        {"lines": {"across": "workers", "series": [{"name": "a", "points": [[1, [3.0, 1.0, 2.0]], [16, [4.5]]]}]}}}"#;
    const RANGES: &str = r#"{"title": "A chart", "machine": "2 cores", "measure": "times", "values":
        {"ranges": {"reference": 1.0, "groups": [{"name": "g", "rows": [{"name": "a", "rounds": [0.5, 2.0]}]}]}}}"#;

    fn read(json: &str) -> Result<Chart, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_chart_is_read_as_it_was_written() {
        for json in [LINES, RANGES] {
            let chart = read(json).unwrap();
            assert_eq!(read(&serde_json::to_string(&chart).unwrap()).unwrap(), chart);
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        for (json, old, new, what) in [
            (LINES, "[16, [4.5]]", "[1, [4.5]]", "do not grow"),
            (LINES, "[1, [3.0", "[0, [3.0", "do not grow"),
            (LINES, "[4.5]", "[]", "no rounds of a"),
            (LINES, "4.5", "0.0", "a: 0 cannot be drawn"),
            (LINES, "4.5", "-1.0", "a: -1 cannot be drawn"),
            (LINES, "4.5", "1e12", "cannot be drawn"),
            (LINES, "\"measure\"", "\"colour\": \"red\", \"measure\"", "colour"),
            (RANGES, "\"reference\": 1.0", "\"reference\": 0.0", "the reference: 0"),
            (RANGES, "{\"name\": \"a\", \"rounds\": [0.5, 2.0]}", "", "no rows"),
        ] {
            let bad = json.replacen(old, new, 1);
            assert_ne!(bad, json);
            let error = read(&bad).unwrap_err();
            assert!(error.contains(what), "no `{what}` in: {error}");
        }
        let many = vec!["1.0"; MOST_ROUNDS + 1].join(", ");
        let error = read(&LINES.replace("4.5", &many)).unwrap_err();
        assert!(error.contains("more than"), "{error}");
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        let range = |rounds: &[f64]| Range::of(rounds);
        let of = |least, median, most| Some(Range { least, median, most });
        assert_eq!(range(&[3.0, 1.0, 2.0]), of(1.0, 2.0, 3.0));
        assert_eq!(range(&[4.0, 1.0, 2.0, 3.0]), of(1.0, 2.5, 4.0));
        assert_eq!(range(&[]), None);
    }
}

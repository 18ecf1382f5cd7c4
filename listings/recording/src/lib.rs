//! What a figure is drawn from: a run on the paused clock, in milliseconds since its start; and, in [`chart`], what a
//! chart is drawn from.
//!
//! `backend` records a run, the tool behind the book draws it, and neither trusts the file in between: data that
//! no run can give is refused when it is read.

pub mod chart;

use serde::{Deserialize, Serialize};

/// No figure has more panels.
pub const MOST_PANELS: usize = 20;
/// No panel has more rows.
pub const MOST_ROWS: usize = 100;
/// No row has more calls, polls, items or moments.
pub const MOST_MARKS: usize = 5_000;
/// No run on the paused clock of the book is longer, in milliseconds: ten years.
pub const LONGEST: u64 = 10 * 365 * 86_400_000;
/// No tally counts more at one moment.
pub const MOST_COUNTED: u64 = 1_000_000_000;

/// A figure: one or more runs of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Figure {
    /// What it shows.
    pub title: String,
    /// The runs.
    pub panels: Vec<Panel>,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    /// What was run.
    pub name: String,
    /// When it ended.
    pub end: u64,
    /// What took part in it.
    pub rows: Vec<Row>,
}

/// One thing that took part in a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "row", rename_all = "snake_case", deny_unknown_fields)]
pub enum Row {
    /// One future or task.
    Lane {
        /// Its name.
        name: String,
        /// When it was made.
        from: u64,
        /// When it was gone.
        to: u64,
        /// How it went.
        end: End,
        /// The calls that it made.
        calls: Vec<Call>,
        /// When it was polled.
        polls: Vec<u64>,
    },
    /// One stage of a stream.
    Stream {
        /// Its name.
        name: String,
        /// When it was made.
        from: u64,
        /// When it was gone.
        to: u64,
        /// How it went.
        end: End,
        /// The items that it gave.
        items: Vec<Item>,
    },
    /// When something happened, and how often.
    Tally {
        /// What was counted.
        name: String,
        /// Moments and counts.
        at: Vec<(u64, u64)>,
    },
}

/// How a lane or stream went.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It gave its output, or its last item.
    Done,
    /// Its output was an error.
    Failed,
    /// It was dropped before its end.
    Dropped,
    /// It was still there when the run ended.
    Open,
}

/// A call to a service: it queued, it was in flight, and its answer was there while nobody looked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// When it began to queue.
    pub from: u64,
    /// When it was sent; `None`: never.
    pub sent: Option<u64>,
    /// When its answer was there; `None`: never.
    pub ready: Option<u64>,
    /// When somebody took the answer, or it was dropped.
    pub to: u64,
}

/// An item of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// When it was given.
    pub at: u64,
    /// What stands on its marble.
    pub label: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    title: String,
    panels: Vec<Panel>,
}

impl TryFrom<Unchecked> for Figure {
    type Error = Impossible;

    fn try_from(unchecked: Unchecked) -> Result<Self, Impossible> {
        let Unchecked { title, panels } = unchecked;
        within("panels", panels.len(), MOST_PANELS)?;
        for panel in &panels {
            panel.check()?;
        }
        Ok(Self { title, panels })
    }
}

/// Data that no run can give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impossible(String);

impl std::fmt::Display for Impossible {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Impossible {}

fn within(what: &str, found: usize, most: usize) -> Result<(), Impossible> {
    if found <= most {
        return Ok(());
    }
    Err(Impossible(format!("{found} {what}, more than {most}")))
}

/// Each of these is a time of the run, and none is before the one in front of it.
fn in_order(what: &str, times: &[u64]) -> Result<(), Impossible> {
    match times.windows(2).find(|pair| pair[0] > pair[1]) {
        None => Ok(()),
        Some(pair) => Err(Impossible(format!(
            "{what}: {} ms comes after {} ms",
            pair[0], pair[1]
        ))),
    }
}

impl Panel {
    fn check(&self) -> Result<(), Impossible> {
        in_order(&self.name, &[self.end, LONGEST])?;
        within("rows", self.rows.len(), MOST_ROWS)?;
        for row in &self.rows {
            row.check(self.end)?;
        }
        Ok(())
    }
}

impl Row {
    fn check(&self, end: u64) -> Result<(), Impossible> {
        match self {
            Self::Lane { name, from, to, calls, polls, .. } => {
                in_order(name, &[*from, *to, end])?;
                within("polls", polls.len(), MOST_MARKS)?;
                within("calls", calls.len(), MOST_MARKS)?;
                for poll in polls {
                    in_order(name, &[*from, *poll, *to])?;
                }
                for call in calls {
                    let sent = call.sent.unwrap_or(call.from);
                    let ready = call.ready.unwrap_or(call.to);
                    in_order(name, &[*from, call.from, sent, ready, call.to, *to])?;
                }
                Ok(())
            }
            Self::Stream { name, from, to, items, .. } => {
                in_order(name, &[*from, *to, end])?;
                within("items", items.len(), MOST_MARKS)?;
                items.iter().try_for_each(|item| in_order(name, &[*from, item.at, *to]))
            }
            Self::Tally { name, at } => {
                within("moments", at.len(), MOST_MARKS)?;
                for (moment, count) in at {
                    in_order(name, &[*moment, end])?;
                    if *count > MOST_COUNTED {
                        return Err(Impossible(format!(
                            "{name}: {count} at one moment"
                        )));
                    }
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"title": "A figure", "panels": [{"name": "run", "end": 100, "rows": [
        {"row": "lane", "name": "a", "from": 0, "to": 100, "end": "dropped",
         "calls": [{"from": 0, "sent": 20, "ready": 60, "to": 100}], "polls": [0, 20]},
        {"row": "stream", "name": "s", "from": 0, "to": 90, "end": "done", "items": [{"at": 40, "label": "x"}]},
        {"row": "tally", "name": "t", "at": [[0, 3], [50, 1]]}]}]}"#;

    #[test]
    fn a_figure_is_read_as_it_was_written() {
        let figure: Figure = serde_json::from_str(GOOD).unwrap();
        let again = serde_json::to_string(&figure).unwrap();
        assert_eq!(serde_json::from_str::<Figure>(&again).unwrap(), figure);
        assert!(
            again.starts_with(
                r#"{"title":"A figure","panels":[{"name":"run","end":100,"#
            )
        );
    }

    #[test]
    fn what_no_run_can_give_is_refused() {
        for (old, new, what) in [
            (
                "\"from\": 0, \"to\": 100",
                "\"from\": 90, \"to\": 80",
                "90 ms comes after 80 ms",
            ),
            ("\"end\": 100", "\"end\": 99", "100 ms comes after 99 ms"),
            ("\"end\": 100", "\"end\": 18446744073709551615", "comes after"),
            ("\"sent\": 20", "\"sent\": 70", "70 ms comes after 60 ms"),
            ("\"polls\": [0, 20]", "\"polls\": [0, 120]", "120 ms comes after 100 ms"),
            ("\"at\": 40", "\"at\": 95", "95 ms comes after 90 ms"),
            ("[50, 1]", "[500, 1]", "500 ms comes after 100 ms"),
            ("[50, 1]", "[50, 1000000001]", "at one moment"),
            (
                "\"title\": \"A figure\"",
                "\"title\": \"A figure\", \"colour\": \"red\"",
                "colour",
            ),
            ("\"end\": 100", "\"end\": \"late\"", "expected u64"),
        ] {
            let bad = GOOD.replacen(old, new, 1);
            assert_ne!(bad, GOOD);
            let error = serde_json::from_str::<Figure>(&bad).unwrap_err().to_string();
            assert!(error.contains(what), "no `{what}` in: {error}");
        }
    }

    #[test]
    fn more_than_can_be_drawn_is_refused() {
        let many = |part: &str, count: usize| vec![part; count].join(", ");
        for (old, new, what) in [
            ("[0, 20]", format!("[{}]", many("1", MOST_MARKS + 1)), "polls"),
            (
                "{\"at\": 40, \"label\": \"x\"}",
                many("{\"at\": 1, \"label\": \"\"}", MOST_MARKS + 1),
                "items",
            ),
            ("[0, 3], [50, 1]", many("[1, 1]", MOST_MARKS + 1), "moments"),
            (
                "{\"row\": \"tally\", \"name\": \"t\", \"at\": [[0, 3], [50, 1]]}",
                many(
                    "{\"row\": \"tally\", \"name\": \"t\", \"at\": []}",
                    MOST_ROWS + 1,
                ),
                "rows",
            ),
        ] {
            let bad = GOOD.replacen(old, &new, 1);
            assert_ne!(bad, GOOD);
            let error = serde_json::from_str::<Figure>(&bad).unwrap_err().to_string();
            assert!(error.contains(what) && error.contains("more than"), "{error}");
        }
    }
}

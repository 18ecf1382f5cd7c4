//! What a run gave: the text that a program printed, the data of a figure, or that of a chart.

use recording::Figure;
use recording::chart::Chart;

use crate::layout::{File, Place};
use crate::problem::Problem;

/// A recorded file.
#[derive(Debug)]
pub struct Recording {
    /// Where it stands, and what it is of.
    pub file: File,
    /// What it says.
    pub recorded: Recorded,
}

/// What a recorded file says.
#[derive(Debug)]
pub enum Recorded {
    /// What was printed.
    Text(String),
    /// What a figure is drawn from.
    Figure(Figure),
    /// What a chart is drawn from.
    Chart(Chart),
}

impl Recording {
    /// Reads what `file` says.
    ///
    /// # Errors
    /// It is not what a run gives.
    pub fn parse(file: File, text: &str) -> Result<Self, Vec<Problem>> {
        let (recorded, mend) = match file.place {
            Place::Figure => (
                serde_json::from_str(text).map(Recorded::Figure),
                format!("make it anew with `cargo run -- record {}`", file.topic.name),
            ),
            Place::Chart => (
                serde_json::from_str(text).map(Recorded::Chart),
                "its form is `Chart` in listings/recording/src/chart.rs".to_owned(),
            ),
            _ => (Ok(Recorded::Text(text.to_owned())), String::new()),
        };
        match recorded {
            Ok(recorded) => Ok(Self { file, recorded }),
            Err(error) => Err(vec![Problem::new(
                &file.path,
                error.line(),
                error.to_string(),
                mend,
            )]),
        }
    }

    /// The figure, if it is one.
    pub fn figure(&self) -> Option<&Figure> {
        match &self.recorded {
            Recorded::Figure(figure) => Some(figure),
            Recorded::Text(_) | Recorded::Chart(_) => None,
        }
    }

    /// The chart, if it is one.
    pub fn chart(&self) -> Option<&Chart> {
        match &self.recorded {
            Recorded::Chart(chart) => Some(chart),
            Recorded::Text(_) | Recorded::Figure(_) => None,
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.recorded {
            Recorded::Text(text) => Some(text),
            Recorded::Figure(_) | Recorded::Chart(_) => None,
        }
    }
}

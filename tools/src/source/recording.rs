//! What a run gave: the text that a program printed, or the data of a figure.

use recording::Figure;

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
}

impl Recording {
    /// Reads what `file` says.
    ///
    /// # Errors
    /// It is not what a run gives.
    pub fn parse(file: File, text: &str) -> Result<Self, Vec<Problem>> {
        if file.place != Place::Figure {
            return Ok(Self { file, recorded: Recorded::Text(text.to_owned()) });
        }
        match serde_json::from_str(text) {
            Ok(figure) => Ok(Self { file, recorded: Recorded::Figure(figure) }),
            Err(error) => {
                let mend = format!(
                    "make it anew with `cargo run -- record {}`",
                    file.topic.name
                );
                Err(vec![Problem::new(
                    &file.path,
                    error.line(),
                    error.to_string(),
                    mend,
                )])
            }
        }
    }

    /// The figure, if it is one.
    pub fn figure(&self) -> Option<&Figure> {
        match &self.recorded {
            Recorded::Figure(figure) => Some(figure),
            Recorded::Text(_) => None,
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.recorded {
            Recorded::Text(text) => Some(text),
            Recorded::Figure(_) => None,
        }
    }
}

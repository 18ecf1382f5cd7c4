//! What is wrong with the book, where, and how to mend it.

use std::fmt;

/// One mistake in the book's sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, from the root of the book, with `/` on every system.
    pub file: String,
    /// The line, from 1; 0 when the whole file is meant.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub mend: String,
}

impl Problem {
    /// A problem in a line of a file.
    pub fn new(
        file: impl AsRef<str>,
        line: usize,
        what: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        let file = file.as_ref().to_owned();
        Self { file, line, what: what.into(), mend: mend.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = &self.file;
        match self.line {
            0 => write!(f, "{file}: {}", self.what)?,
            line => write!(f, "{file}:{line}: {}", self.what)?,
        }
        write!(f, "\n    help: {}", self.mend)
    }
}

/// All mistakes found, in the order of the book.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

//! Where the book is.

use std::io;
use std::path::{Path, PathBuf};

/// Why there is no book to work on.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// No `book.toml` in the folder or above it.
    #[error("no book.toml in {} or any folder above it; run this inside the book", .0.display())]
    NoBook(PathBuf),
    /// The folder cannot be looked at.
    #[error("{}: {}", .0.display(), .1)]
    Io(PathBuf, io::Error),
}

/// The nearest folder with a `book.toml`, from `start` upwards.
///
/// # Errors
/// There is none, or `start` is not a folder that exists.
pub fn find(start: &Path) -> Result<PathBuf, RootError> {
    let start =
        start.canonicalize().map_err(|error| RootError::Io(start.to_owned(), error))?;
    let book = start.ancestors().find(|folder| folder.join("book.toml").is_file());
    book.map(Path::to_owned).ok_or(RootError::NoBook(start))
}

//! The sources of the book, parsed: no HTML here, and nothing about how one file refers to another.

pub mod behind;
pub mod compare;
pub mod length;
pub mod listing;
pub mod manifest;
pub mod markup;
pub mod names;
pub mod page;
pub mod paths;
pub mod recording;
pub mod summary;
pub mod tokens;
pub mod traits;
pub mod uses;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::problem::Problem;
use behind::Behind;
use listing::Listing;
use page::Page;
use recording::Recording;

/// Parsed files, kept by path and content: a build parses only what has changed since the last one.
#[derive(Debug, Default)]
pub struct Cache {
    pub(crate) listings: Store<Listing>,
    pub(crate) pages: Store<Page>,
    pub(crate) recordings: Store<Recording>,
    /// What files were behind when they were parsed.
    behind: Behind,
}

impl Cache {
    /// How many files were parsed so far.
    pub fn parses(&self) -> usize {
        self.listings.parses + self.pages.parses + self.recordings.parses
    }

    /// How many files are kept.
    pub fn len(&self) -> usize {
        self.listings.files.len() + self.pages.files.len() + self.recordings.files.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets the files of packages if others of them stand behind a feature now.
    pub(crate) fn behind(&mut self, behind: Behind) -> &Behind {
        if self.behind != behind {
            self.listings.files.clear();
            self.recordings.files.clear();
            self.behind = behind;
        }
        &self.behind
    }

    /// Forgets what the reading that ends here did not ask for.
    pub(crate) fn sweep(&mut self) {
        self.listings.sweep();
        self.pages.sweep();
        self.recordings.sweep();
    }
}

/// What a file is parsed to, or what is wrong with it.
pub type Parsed<T> = Result<Arc<T>, Arc<Vec<Problem>>>;

#[derive(Debug)]
struct Kept<T> {
    text: String,
    parsed: Parsed<T>,
    asked: bool,
}

/// The parsed files of one kind.
#[derive(Debug)]
pub(crate) struct Store<T> {
    files: HashMap<String, Kept<T>>,
    parses: usize,
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self { files: HashMap::new(), parses: 0 }
    }
}

impl<T> Store<T> {
    /// What the file at `path` says, parsed now or before.
    pub(crate) fn get(
        &mut self,
        root: &Path,
        path: &str,
        parse: impl FnOnce(&str) -> Result<T, Vec<Problem>>,
    ) -> Parsed<T> {
        let text = match read(root, path) {
            Ok(text) => text,
            Err(problem) => return Err(Arc::new(vec![problem])),
        };
        if let Some(kept) = self.files.get_mut(path)
            && kept.text == text
        {
            kept.asked = true;
            return kept.parsed.clone();
        }
        self.parses += 1;
        let parsed = parse(&text).map(Arc::new).map_err(Arc::new);
        let kept = Kept { text, parsed: parsed.clone(), asked: true };
        self.files.insert(path.to_owned(), kept);
        parsed
    }

    fn sweep(&mut self) {
        self.files.retain(|_, kept| std::mem::take(&mut kept.asked));
    }
}

/// All files below a folder of the book, sorted; what editors and proptest leave there is passed over.
pub fn below(root: &Path, folder: &str) -> (Vec<String>, Vec<Problem>) {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(root.join(&folder)) {
            Ok(entries) => entries,
            Err(error) => {
                problems.push(Problem::new(
                    folder,
                    0,
                    error.to_string(),
                    "make the folder readable, or restore it",
                ));
                continue;
            }
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                let what = format!("a name that is not text: {}", name.display());
                problems.push(Problem::new(&folder, 0, what, "rename it"));
                continue;
            };
            if is_left_over(name) {
                continue;
            }
            let path = format!("{folder}/{name}");
            if entry.path().is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    (found, problems)
}

/// Why the file of this name, beside `main`, never runs: `main` does not name it as a module.
pub fn not_a_module(root: &Path, main: &str, name: &str) -> Option<String> {
    let text = read(root, main).unwrap_or_default();
    let module = format!("mod {name};");
    let named = text.lines().any(|line| line.trim() == module);
    (!named).then(|| format!("main.rs beside it has no `{module}`"))
}

/// A file of an editor or a tool, which is not meant for the book.
pub fn is_left_over(name: &str) -> bool {
    name.starts_with(['.', '#'])
        || name.ends_with(['~', '#'])
        || name == "proptest-regressions"
        || name == "4913" // what Vim tries to write
        || [".swp", ".swx", ".tmp", ".bak", ".orig", ".rej"].iter().any(|it| name.ends_with(it))
}

/// The text of a file, with line ends as on Unix.
///
/// # Errors
/// It cannot be read, or is not text.
pub fn read(root: &Path, path: &str) -> Result<String, Problem> {
    let text = fs::read_to_string(root.join(path)).map_err(|error| {
        let mend = match error.kind() {
            io::ErrorKind::InvalidData => "make it text in UTF-8",
            io::ErrorKind::NotFound => "write it, or correct the path",
            _ => "make it readable",
        };
        Problem::new(path, 0, error.to_string(), mend)
    })?;
    Ok(text.replace("\r\n", "\n"))
}

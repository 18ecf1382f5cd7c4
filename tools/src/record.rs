//! Runs the programs, the figures and the refused listings again, and rewrites what the pages show.
//!
//! The tests that compare do the writing: with `RECORD=1` (and trybuild's `TRYBUILD=overwrite`) they write
//! what they got instead of comparing it, each file whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// The test targets that compare recordings.
const TARGETS: [&str; 3] = ["figures", "programs", "refused"];

/// Why nothing, or not everything, was recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A name that is no recording.
    #[error("there is no recording `{name}`; there are: {}", known.join(", "))]
    Unknown {
        /// As given.
        name: String,
        /// The recordings that exist.
        known: Vec<String>,
    },
    /// cargo could not be started.
    #[error("cannot start cargo: {0}")]
    Cargo(io::Error),
    /// A run failed.
    #[error("`{command}` failed ({status}); what it could not record is as it was")]
    Failed {
        /// The command.
        command: String,
        /// How it ended.
        status: ExitStatus,
    },
}

/// Records everything, or what is named (`all-at-once`, as pages are), and returns the files that changed.
///
/// # Errors
/// A name is unknown, or a run failed.
pub fn record(root: &Path, names: &[String]) -> Result<Vec<PathBuf>, RecordError> {
    let before = recordings(root);
    check_names(root, names)?;
    cargo(root, &["build", "--workspace", "--examples"])?;
    for target in TARGETS {
        let mut arguments = vec!["test", "--workspace", "--test", target, "--"];
        let filters: Vec<_> = names.iter().map(|name| name.replace('-', "_")).collect();
        // The refused listings are one test, whatever is named.
        if target != "refused" {
            arguments.extend(filters.iter().map(String::as_str));
        }
        cargo(root, &arguments)?;
    }
    let after = recordings(root);
    let changed =
        after.into_iter().filter(|(path, text)| before.get(path) != Some(text));
    Ok(changed.map(|(path, _)| path).collect())
}

/// Whether each name is that of a figure, a program or a refused listing, recorded or not.
fn check_names(root: &Path, names: &[String]) -> Result<(), RecordError> {
    let known: BTreeSet<_> = files_below(&root.join("listings"))
        .iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .filter(|path| {
            let folder = path.parent().unwrap_or(path);
            ["tests/figures", "examples", "ui"].iter().any(|it| folder.ends_with(it))
        })
        .filter_map(|path| Some(path.file_stem()?.to_str()?.replace('_', "-")))
        .filter(|name| name != "main")
        .collect();
    match names.iter().find(|name| !known.contains(&name.replace('_', "-"))) {
        None => Ok(()),
        Some(name) => {
            let known = known.into_iter().collect();
            Err(RecordError::Unknown { name: name.clone(), known })
        }
    }
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<(), RecordError> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(program)
        .args(arguments)
        .current_dir(root)
        .envs([("RECORD", "1"), ("TRYBUILD", "overwrite")])
        .status()
        .map_err(RecordError::Cargo)?;
    if status.success() {
        return Ok(());
    }
    Err(RecordError::Failed {
        command: format!("cargo {}", arguments.join(" ")),
        status,
    })
}

/// Every recorded file below `listings/`, by its path from the root, and what it says.
pub fn recordings(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for path in files_below(&root.join("listings")) {
        let ending = path.extension().and_then(|ending| ending.to_str());
        let in_figures =
            path.parent().is_some_and(|folder| folder.ends_with("figures"));
        let figure = ending == Some("json") && in_figures;
        if figure || matches!(ending, Some("out" | "stderr")) {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let path = path.strip_prefix(root).map(Path::to_owned).unwrap_or(path);
            found.insert(path, text);
        }
    }
    found
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

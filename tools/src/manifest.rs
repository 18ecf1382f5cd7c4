//! What Cargo.toml and Cargo.lock say: the dependencies of a listing, and what the book was verified with.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use toml::{Table, Value};

use crate::problem::Problem;

/// The workspace's dependencies and what they were resolved to.
#[derive(Debug)]
pub struct Manifest {
    repository: String,
    rust_version: String,
    toolchain: String,
    dependencies: BTreeMap<String, Value>,
    locked: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads the manifest, the lock file and the toolchain file of the book.
    ///
    /// # Errors
    /// One of them cannot be read, or lacks what the book takes from it.
    pub fn read(root: &Path) -> Result<Self, Problem> {
        let cargo = read(root, "Cargo.toml")?;
        let package = table(&cargo, "Cargo.toml", &["workspace", "package"])?;
        let dependencies = table(&cargo, "Cargo.toml", &["workspace", "dependencies"])?;
        let toolchain = read(root, "rust-toolchain.toml")?;
        let toolchain = table(&toolchain, "rust-toolchain.toml", &["toolchain"])?;
        Ok(Self {
            repository: string(package, "Cargo.toml", "repository")?,
            rust_version: string(package, "Cargo.toml", "rust-version")?,
            toolchain: string(toolchain, "rust-toolchain.toml", "channel")?,
            dependencies: dependencies.clone().into_iter().collect(),
            locked: locked(&read(root, "Cargo.lock")?),
        })
    }

    /// Where the book's sources are kept.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The `[dependencies]` of a reader's Cargo.toml for these crates; names that are not dependencies
    /// of the workspace (`std`, a module) are passed over.
    pub fn dependencies(&self, crates: &BTreeSet<String>) -> String {
        let mut toml = String::from("[dependencies]\n");
        for (name, value) in
            crates.iter().filter_map(|name| self.dependencies.get_key_value(name))
        {
            toml.push_str(name);
            toml.push_str(" = ");
            match value {
                Value::Table(table) if table.contains_key("path") => {
                    // A crate of the book itself.
                    let _ = write!(toml, "{{ git = \"{}\" }}", self.repository);
                }
                Value::Table(table) => toml.push_str(&inline(table)),
                value => toml.push_str(&value.to_string()),
            }
            toml.push('\n');
        }
        toml
    }

    /// A Markdown table of what the book was verified with.
    pub fn versions(&self) -> String {
        let mut rows = vec![
            ("Rust".to_owned(), self.toolchain.clone()),
            ("oldest Rust that builds it".to_owned(), self.rust_version.clone()),
        ];
        for (name, value) in &self.dependencies {
            let of_the_book = value.get("path").is_some();
            if let (false, Some(version)) = (of_the_book, self.locked.get(name)) {
                rows.push((
                    format!("[{name}](https://docs.rs/{name}/{version})"),
                    version.clone(),
                ));
            }
        }
        let mut table = String::from("| What | Version |\n|---|---|\n");
        for (name, version) in rows {
            let _ = writeln!(table, "| {name} | {version} |");
        }
        table
    }
}

fn read(root: &Path, file: &str) -> Result<Table, Problem> {
    let text = fs::read_to_string(root.join(file)).map_err(|error| {
        Problem::new(file, 0, error.to_string(), "restore it from git")
    })?;
    text.parse::<Table>().map_err(|error| {
        let line = error
            .span()
            .map_or(0, |span| crate::text::Lines::new(&text).of(span.start));
        Problem::new(file, line, error.message().to_owned(), "make it valid TOML")
    })
}

fn table<'a>(from: &'a Table, file: &str, path: &[&str]) -> Result<&'a Table, Problem> {
    let found = path.iter().try_fold(from, |table, key| table.get(*key)?.as_table());
    found.ok_or_else(|| missing(file, &format!("[{}]", path.join("."))))
}

fn string(table: &Table, file: &str, key: &str) -> Result<String, Problem> {
    let found = table.get(key).and_then(Value::as_str);
    found.map(str::to_owned).ok_or_else(|| missing(file, key))
}

fn missing(file: &str, what: &str) -> Problem {
    Problem::new(file, 0, format!("no {what}"), format!("add {what}"))
}

/// The highest version of each package.
fn locked(lock: &Table) -> BTreeMap<String, String> {
    let packages = lock.get("package").and_then(Value::as_array).into_iter().flatten();
    let mut locked: BTreeMap<String, String> = BTreeMap::new();
    for package in packages {
        let get =
            |key: &str| package.get(key).and_then(Value::as_str).map(str::to_owned);
        if let (Some(name), Some(version)) = (get("name"), get("version")) {
            let newest = locked.entry(name).or_default();
            if numbers(&version) > numbers(newest) {
                *newest = version;
            }
        }
    }
    locked
}

fn numbers(version: &str) -> Vec<u64> {
    version.split(['.', '-', '+']).map_while(|part| part.parse().ok()).collect()
}

/// `{ version = "1", features = ["a", "b"] }`, in this order, which readers expect.
fn inline(table: &Table) -> String {
    let keys = ["version", "default-features", "features"];
    let parts: Vec<_> = keys
        .iter()
        .filter_map(|key| Some(format!("{key} = {}", table.get(*key)?)))
        .collect();
    format!("{{ {} }}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let dependencies: Table = r#"
            futures = "0.3"
            policy = { path = "listings/policy" }
            tokio = { features = ["time"], version = "1.54.1", default-features = false }
        "#
        .parse()
        .unwrap();
        let lock: Table = r#"
            package = [{ name = "futures", version = "0.3.9" }, { name = "futures", version = "0.3.34" }]
        "#
        .parse()
        .unwrap();
        Manifest {
            repository: "https://example.org/book".into(),
            rust_version: "1.95".into(),
            toolchain: "1.95.0".into(),
            dependencies: dependencies.into_iter().collect(),
            locked: locked(&lock),
        }
    }

    #[test]
    fn a_listing_needs_what_it_names() {
        let crates = ["futures", "policy", "std", "tokio"].map(str::to_owned).into();
        assert_eq!(
            manifest().dependencies(&crates),
            "[dependencies]\nfutures = \"0.3\"\npolicy = { git = \"https://example.org/book\" }\n\
             tokio = { version = \"1.54.1\", default-features = false, features = [\"time\"] }\n"
        );
    }

    #[test]
    fn the_versions_are_those_of_the_lock_file() {
        let versions = manifest().versions();
        assert!(
            versions.contains("[futures](https://docs.rs/futures/0.3.34) | 0.3.34 |")
        );
        assert!(!versions.contains("policy"), "{versions}");
    }
}

//! What Cargo.toml and Cargo.lock say: the dependencies of a listing, and what the book was verified with.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use semver::Version;
use toml::{Table, Value};

use crate::problem::Problem;
use crate::source;
use crate::text::Lines;

/// Features, by dependency.
type Features = BTreeMap<String, Vec<String>>;

/// What stops Tokio's clock; no service wants it.
const FOR_TESTS: &str = "test-util";

/// The workspace's dependencies and what they were resolved to.
#[derive(Debug, PartialEq)]
pub struct Manifest {
    repository: String,
    rust_version: String,
    toolchain: String,
    dependencies: BTreeMap<String, Value>,
    /// The features that a member adds, by package and dependency.
    members: BTreeMap<String, Features>,
    /// Those that it adds for its tests and programs.
    programs: BTreeMap<String, Features>,
    locked: BTreeMap<String, Version>,
}

impl Manifest {
    /// Reads the manifest, the lock file and the toolchain file of the book, and the manifests of `packages`.
    ///
    /// # Errors
    /// One of them cannot be read, or lacks what the book takes from it.
    pub fn read(root: &Path, packages: &BTreeSet<String>) -> Result<Self, Problem> {
        let cargo = read(root, "Cargo.toml")?;
        let package = table(&cargo, "Cargo.toml", &["workspace", "package"])?;
        let dependencies = table(&cargo, "Cargo.toml", &["workspace", "dependencies"])?;
        let toolchain = read(root, "rust-toolchain.toml")?;
        let toolchain = table(&toolchain, "rust-toolchain.toml", &["toolchain"])?;
        let (mut members, mut programs) = (BTreeMap::new(), BTreeMap::new());
        for package in packages {
            let file = format!("listings/{package}/Cargo.toml");
            let member = read(root, &file)?;
            finds_its_tests(&file, &member)?;
            members.insert(package.clone(), features(&member, "dependencies"));
            programs.insert(package.clone(), features(&member, "dev-dependencies"));
        }
        Ok(Self {
            repository: string(package, "Cargo.toml", "repository")?,
            rust_version: string(package, "Cargo.toml", "rust-version")?,
            toolchain: string(toolchain, "rust-toolchain.toml", "channel")?,
            dependencies: dependencies.clone().into_iter().collect(),
            members,
            programs,
            locked: locked(&read(root, "Cargo.lock")?),
        })
    }

    /// Where the book's sources are kept.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Which of these crates are the book's own, and not in a registry.
    pub fn own(&self, crates: &BTreeSet<String>) -> Vec<&str> {
        let own = self.named(crates).filter(|(_, value)| value.get("path").is_some());
        own.map(|(name, _)| name.as_str()).collect()
    }

    /// Whether it is a dependency of the workspace, from a registry.
    pub fn knows(&self, name: &str) -> bool {
        self.dependencies.get(name).is_some_and(|value| value.get("path").is_none())
    }

    /// The dependencies that are among these crates, whose names are spelled with `-`.
    fn named(
        &self,
        crates: &BTreeSet<String>,
    ) -> impl Iterator<Item = (&String, &Value)> {
        self.dependencies
            .iter()
            .filter(|(name, _)| crates.contains(&name.replace('_', "-")))
    }

    /// The `[dependencies]` of a reader's Cargo.toml for these crates, with the features that these members of
    /// the workspace turn on. Crates of the book itself and names that are no dependencies (`std`, a module) are
    /// passed over.
    pub fn dependencies(
        &self,
        crates: &BTreeSet<String>,
        packages: &BTreeSet<&str>,
    ) -> String {
        self.printed(crates, |name| self.of_members(packages, name).collect())
    }

    /// The `[dependencies]` of a program of `package`, for what it and its listings name: as
    /// [`dependencies`](Self::dependencies), and what the package turns on for its programs. Only a program that
    /// stops the clock gets what Tokio has for that.
    pub fn dependencies_of_program(
        &self,
        crates: &BTreeSet<String>,
        packages: &BTreeSet<&str>,
        package: &str,
        pauses: bool,
    ) -> String {
        let of_programs = self.programs.get(package);
        self.printed(crates, |name| {
            let more = of_programs.and_then(|it| it.get(name)).into_iter().flatten();
            let more = more.filter(|feature| pauses || *feature != FOR_TESTS);
            self.of_members(packages, name).chain(more).collect()
        })
    }

    /// The features that these members turn on for a dependency.
    fn of_members<'a>(
        &'a self,
        packages: &BTreeSet<&str>,
        name: &str,
    ) -> impl Iterator<Item = &'a String> {
        let members = packages.iter().filter_map(|it| self.members.get(*it));
        members.filter_map(move |member| member.get(name)).flatten()
    }

    fn printed<'a>(
        &'a self,
        crates: &BTreeSet<String>,
        added: impl Fn(&str) -> BTreeSet<&'a String>,
    ) -> String {
        let mut toml = String::from("[dependencies]\n");
        for (name, value) in self.named(crates) {
            if value.get("path").is_some() {
                continue;
            }
            let _ = writeln!(toml, "{name} = {}", inline(value, &added(name)));
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
                    version.to_string(),
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
    let text = source::read(root, file)?;
    text.parse::<Table>().map_err(|error| {
        let line = error.span().map_or(0, |span| Lines::new(&text).of(span.start));
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

/// A test that its manifest forgets to name would never run: cargo has to find tests by itself.
fn finds_its_tests(file: &str, member: &Table) -> Result<(), Problem> {
    let package = member.get("package");
    for key in ["autotests", "autoexamples"] {
        if package.and_then(|it| it.get(key)).and_then(Value::as_bool) == Some(false) {
            let what =
                format!("`{key} = false`, so that what is not named here never runs");
            return Err(Problem::new(
                file,
                0,
                what,
                "remove it; cargo finds the files",
            ));
        }
    }
    Ok(())
}

/// The features that a member adds to its dependencies of this kind.
fn features(member: &Table, kind: &str) -> Features {
    let tables = member.get(kind).and_then(Value::as_table);
    let mut found = BTreeMap::new();
    for (name, value) in tables.into_iter().flatten() {
        let features = value.get("features").and_then(Value::as_array);
        let features = features.into_iter().flatten().filter_map(Value::as_str);
        found.insert(name.clone(), features.map(str::to_owned).collect());
    }
    found
}

/// The highest version of each package.
fn locked(lock: &Table) -> BTreeMap<String, Version> {
    let packages = lock.get("package").and_then(Value::as_array).into_iter().flatten();
    let mut locked: BTreeMap<String, Version> = BTreeMap::new();
    for package in packages {
        let get = |key: &str| package.get(key).and_then(Value::as_str);
        let version = get("version").and_then(|version| Version::parse(version).ok());
        if let (Some(name), Some(version)) = (get("name"), version)
            && locked.get(name).is_none_or(|newest| *newest < version)
        {
            locked.insert(name.to_owned(), version);
        }
    }
    locked
}

/// `{ version = "1", features = ["a", "b"] }`, in this order, which readers expect.
fn inline(value: &Value, added: &BTreeSet<&String>) -> String {
    let mut table = match value {
        Value::Table(table) => table.clone(),
        value => Table::from_iter([("version".to_owned(), value.clone())]),
    };
    if !added.is_empty() {
        let own = table.get("features").and_then(Value::as_array).into_iter().flatten();
        let mut all: BTreeSet<String> =
            own.filter_map(Value::as_str).map(str::to_owned).collect();
        all.extend(added.iter().map(|name| (*name).clone()));
        let all = all.into_iter().map(Value::String).collect();
        table.insert("features".to_owned(), Value::Array(all));
    }
    if let (1, Some(version)) = (table.len(), table.get("version")) {
        return version.to_string();
    }
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
            serde_json = "1.0"
            tokio = { features = ["time"], version = "1.54.1", default-features = false }
        "#
        .parse()
        .unwrap();
        let lock: Table = r#"
            package = [{ name = "futures", version = "0.3.9" }, { name = "futures", version = "0.3.34" }]
        "#
        .parse()
        .unwrap();
        let member: Table = r#"
            dependencies.tokio.features = ["sync"]
            dependencies.futures.workspace = true
            dev-dependencies.tokio.features = ["test-util"]
            dev-dependencies.futures.features = ["executor"]
        "#
        .parse()
        .unwrap();
        Manifest {
            repository: "https://example.org/book".into(),
            rust_version: "1.95".into(),
            toolchain: "1.95.0".into(),
            dependencies: dependencies.into_iter().collect(),
            members: BTreeMap::from([(
                "a-pattern".to_owned(),
                features(&member, "dependencies"),
            )]),
            programs: BTreeMap::from([(
                "a-pattern".to_owned(),
                features(&member, "dev-dependencies"),
            )]),
            locked: locked(&lock),
        }
    }

    #[test]
    fn a_listing_needs_what_it_names() {
        let crates = ["futures", "policy", "serde-json", "std", "tokio"]
            .map(str::to_owned)
            .into();
        let printed = |packages: &[&str]| {
            manifest().dependencies(&crates, &packages.iter().copied().collect())
        };
        assert_eq!(
            printed(&[]),
            "[dependencies]\nfutures = \"0.3\"\nserde_json = \"1.0\"\n\
             tokio = { version = \"1.54.1\", default-features = false, features = [\"time\"] }\n"
        );
        assert_eq!(
            printed(&["a-pattern"]),
            "[dependencies]\nfutures = \"0.3\"\nserde_json = \"1.0\"\n\
             tokio = { version = \"1.54.1\", default-features = false, features = [\"sync\", \"time\"] }\n"
        );
        assert_eq!(manifest().own(&crates), ["policy"]);
    }

    #[test]
    fn a_program_gets_what_stops_the_clock_if_it_does_so() {
        let crates = ["futures", "tokio"].map(str::to_owned).into();
        let printed = |pauses| {
            let packages = BTreeSet::from(["a-pattern"]);
            let printed = manifest().dependencies_of_program(
                &crates,
                &packages,
                "a-pattern",
                pauses,
            );
            printed.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
        };
        let futures = "futures = { version = \"0.3\", features = [\"executor\"] }";
        let tokio = |features| {
            format!(
                "tokio = {{ version = \"1.54.1\", default-features = false, features = [{features}] }}"
            )
        };
        assert_eq!(printed(false), [futures.to_owned(), tokio("\"sync\", \"time\"")]);
        let all = "\"sync\", \"test-util\", \"time\"";
        assert_eq!(printed(true), [futures.to_owned(), tokio(all)]);
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

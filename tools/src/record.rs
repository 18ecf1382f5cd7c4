//! Runs the programs, the uses, the figures and the refused listings again, and rewrites what the pages show.
//!
//! The tests that compare do the writing: with `RECORD=1` (and trybuild's `TRYBUILD=overwrite`) they write
//! what they got instead of comparing it, each file whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use crate::layout::{File, Place, module};
use crate::problem::Problems;
use crate::source;
use crate::source::behind::Behind;

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
    /// The sources cannot be looked through.
    #[error("{0}")]
    Sources(#[from] Problems),
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

/// Something that is recorded by a test, and the test target that does it.
const TARGETS: [(&[Place], &str); 3] = [
    (&[Place::Figure], "figures"),
    (&[Place::Program, Place::Use], "programs"),
    (&[Place::Refused], "refused"),
];

/// Records everything, or what is named (`all-at-once`, as pages are), and returns the files that changed.
///
/// # Errors
/// A name is unknown, or a run failed.
pub fn record(root: &Path, names: &[String]) -> Result<Vec<PathBuf>, RecordError> {
    let before = recordings(root)?;
    let known = known(root)?;
    check_names(&known, names)?;
    for command in commands(&known, names) {
        cargo(root, &command)?;
    }
    let after = recordings(root)?;
    let changed =
        after.into_iter().filter(|(path, text)| before.get(path) != Some(text));
    Ok(changed.map(|(path, _)| PathBuf::from(path)).collect())
}

/// Something that can be recorded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Recorded {
    place: Place,
    name: String,
    /// How cargo is told its package and the feature that it is behind.
    behind: Option<String>,
}

/// The calls of cargo that record what is named, or everything, and nothing else.
fn commands(known: &BTreeSet<Recorded>, names: &[String]) -> Vec<Vec<String>> {
    let names: BTreeSet<_> = names.iter().map(|name| module(name)).collect();
    let wanted = known.iter().filter(|it| names.is_empty() || names.contains(&it.name));
    let mut selections: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for recorded in wanted {
        selections.entry(&recorded.behind).or_default().push(recorded);
    }
    let commands = selections.iter().flat_map(|(behind, wanted)| match behind {
        Some(package) => with(&format!("-p {package}"), wanted, false),
        None => with("--workspace", wanted, names.is_empty()),
    });
    commands.collect()
}

/// The calls that record `wanted`, or all of a selection of packages.
fn with(selection: &str, wanted: &[&Recorded], all: bool) -> Vec<Vec<String>> {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let mut commands = vec![words(&format!("build {selection} --examples"))];
    for (places, target) in TARGETS {
        let test = words(&format!("test {selection} --test {target} --"));
        if all {
            commands.push(test);
            continue;
        }
        let wanted = wanted.iter().filter(|it| places.contains(&it.place));
        let wanted = wanted.map(|it| it.name.clone());
        if target == "refused" {
            // They are one test, which trybuild filters by one name at a time.
            let filters =
                wanted.map(|name| words(&format!("the_compiler trybuild={name}.rs")));
            commands.extend(filters.map(|filter| [test.clone(), filter].concat()));
        } else {
            let wanted: Vec<_> = wanted.collect();
            if !wanted.is_empty() {
                commands.push([test, wanted].concat());
            }
        }
    }
    commands
}

/// What can be recorded, recorded before or not: figures by the file that runs them, programs, uses, refused listings.
fn known(root: &Path) -> Result<BTreeSet<Recorded>, Problems> {
    let (paths, problems) = source::below(root, "listings");
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    let files = paths.iter().filter_map(|path| File::at(path));
    let packages = files.map(|file| file.topic.pattern).collect();
    let behind = Behind::read(root, &packages);
    let known = paths.iter().filter_map(|path| {
        let file = File::at(path)?;
        let file = File { behind: behind.of(&file).cloned(), ..file };
        let place = match file.place {
            Place::Support if path.contains("/tests/figures/") => Place::Figure,
            place @ (Place::Program | Place::Use | Place::Refused) => place,
            _ => return None,
        };
        let name = file.topic.module();
        let behind = file.behind.is_some().then(|| file.selection());
        (name != "main").then_some(Recorded { place, name, behind })
    });
    Ok(known.collect())
}

fn check_names(
    known: &BTreeSet<Recorded>,
    names: &[String],
) -> Result<(), RecordError> {
    let all: BTreeSet<_> = known.iter().map(|it| it.name.replace('_', "-")).collect();
    match names.iter().find(|name| !all.contains(&name.replace('_', "-"))) {
        None => Ok(()),
        Some(name) => Err(RecordError::Unknown {
            name: name.clone(),
            known: all.into_iter().collect(),
        }),
    }
}

fn cargo(root: &Path, arguments: &[String]) -> Result<(), RecordError> {
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
fn recordings(root: &Path) -> Result<BTreeMap<String, String>, Problems> {
    let (paths, problems) = source::below(root, "listings");
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    let recorded = paths.into_iter().filter(|path| {
        File::at(path).is_some_and(|file| {
            matches!(file.place, Place::Figure | Place::Output | Place::Message)
        })
    });
    let texts = recorded.map(|path| {
        let text = source::read(root, &path).unwrap_or_default();
        (path, text)
    });
    Ok(texts.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(place: Place, name: &str, behind: Option<&str>) -> Recorded {
        Recorded { place, name: name.to_owned(), behind: behind.map(str::to_owned) }
    }

    fn calls(known: &BTreeSet<Recorded>, names: &[&str]) -> Vec<String> {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        commands(known, &names).iter().map(|words| words.join(" ")).collect()
    }

    #[test]
    fn what_is_named_is_recorded_and_nothing_else() {
        let known = [
            (Place::Figure, "a_topic"),
            (Place::Program, "a_program"),
            (Place::Use, "a_topic"),
            (Place::Use, "another"),
            (Place::Refused, "a_mistake"),
        ];
        let known = known.map(|(place, name)| recorded(place, name, None)).into();
        let commands = |names: &[&str]| calls(&known, names)[1..].to_vec();
        assert_eq!(
            commands(&["a-topic"]),
            [
                "test --workspace --test figures -- a_topic",
                "test --workspace --test programs -- a_topic"
            ]
        );
        assert_eq!(
            commands(&["another"]),
            ["test --workspace --test programs -- another"]
        );
        assert_eq!(
            commands(&["a-mistake", "a-program"]),
            [
                "test --workspace --test programs -- a_program",
                "test --workspace --test refused -- the_compiler trybuild=a_mistake.rs"
            ]
        );
        let all = ["figures", "programs", "refused"];
        assert_eq!(
            commands(&[]),
            all.map(|it| format!("test --workspace --test {it} --"))
        );
    }

    #[test]
    fn what_is_behind_a_feature_is_recorded_with_it() {
        let known = [
            recorded(Place::Use, "a_topic", None),
            recorded(Place::Use, "behind", Some("p --features f")),
        ];
        let known = known.into();
        let behind = [
            "build -p p --features f --examples",
            "test -p p --features f --test programs -- behind",
        ];
        assert_eq!(calls(&known, &["behind"]), behind);
        let all = calls(&known, &[]);
        assert_eq!(all[0], "build --workspace --examples");
        assert_eq!(all[4..], behind);
        assert!(!calls(&known, &["a-topic"]).concat().contains("features"));
    }
}

//! Which modules a plain `cargo test` does not compile: they stand behind a feature that is not on by default.
//!
//! Such a feature brings what not every reader has: another system, or half a minute more to compile. CI turns it on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use toml::{Table, Value};

use crate::layout::{File, Place, module};
use crate::source;
use crate::source::tokens::{self, ItemKind};

/// The features that modules stand behind, by package.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Behind(BTreeMap<String, Modules>);

/// The modules of a package that stand behind a feature.
#[derive(Debug, Default, PartialEq, Eq)]
struct Modules {
    /// Those of `src/lib.rs`.
    listings: BTreeMap<String, String>,
    /// Those of `examples/uses/main.rs`.
    uses: BTreeMap<String, String>,
}

impl Behind {
    /// What the roots of these packages say, and their manifests.
    pub fn read(root: &Path, packages: &BTreeSet<String>) -> Self {
        let of = |package: &String| {
            let text = |file: &str| {
                source::read(root, &format!("listings/{package}/{file}"))
                    .unwrap_or_default()
            };
            let on = on_by_default(&text("Cargo.toml"));
            let modules = Modules {
                listings: modules(&text("src/lib.rs"), &on),
                uses: modules(&text("examples/uses/main.rs"), &on),
            };
            (package.clone(), modules)
        };
        Self(packages.iter().map(of).collect())
    }

    /// The feature without which nobody compiles `file`, or makes it: of a recording, that of its program.
    pub fn of(&self, file: &File) -> Option<&String> {
        let modules = self.0.get(&file.topic.pattern)?;
        let modules = match file.place {
            Place::Listing | Place::Proofs => &modules.listings,
            Place::Use => &modules.uses,
            Place::Output if file.is_of_use() => &modules.uses,
            _ => return None,
        };
        modules.get(&module(&file.topic.name))
    }
}

/// The features that `default` turns on, and those that they turn on.
fn on_by_default(manifest: &str) -> BTreeSet<String> {
    let manifest: Table = manifest.parse().unwrap_or_default();
    let features = manifest.get("features").and_then(Value::as_table);
    let (mut on, mut new) = (BTreeSet::new(), vec!["default"]);
    while let Some(feature) = new.pop() {
        if on.insert(feature.to_owned()) {
            let more = features.and_then(|it| it.get(feature)?.as_array());
            new.extend(more.into_iter().flatten().filter_map(Value::as_str));
        }
    }
    on
}

/// The modules that a root names behind a feature that is not among those that are `on`.
fn modules(root: &str, on: &BTreeSet<String>) -> BTreeMap<String, String> {
    let Ok(tokens) = tokens::tokens(root) else { return BTreeMap::new() };
    let items = tokens::items(&tokens).into_iter();
    let behind = items.filter_map(|item| {
        let ItemKind::Module { name, here: false } = item.kind else { return None };
        let conditions = item.attributes.iter().filter(|(name, _)| name == "cfg");
        let mut features = conditions.filter_map(|(_, all)| feature(all));
        Some((name, features.find(|it| !on.contains(*it))?.to_owned()))
    });
    behind.collect()
}

/// The feature that a condition asks for: `cfg(feature="a")`, or one of `cfg(all(unix,feature="a"))`.
fn feature(condition: &str) -> Option<&str> {
    let asks = !["not(", "any("].iter().any(|it| condition.contains(it));
    let (_, rest) = condition.split_once("feature=\"").filter(|_| asks)?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_default_turns_on_is_on_and_so_is_what_that_turns_on() {
        let manifest =
            "[features]\ndefault = [\"a\"]\na = [\"b\", \"dep:c\"]\nb = []\nd = []\n";
        let on = on_by_default(manifest);
        let is_on = |name| on.contains(name);
        assert_eq!(["a", "b", "d"].map(is_on), [true, true, false]);
        assert_eq!(on_by_default("[package]\n"), BTreeSet::from(["default".into()]));
    }

    #[test]
    fn a_module_behind_a_feature_that_is_off_is_found() {
        let root = "
            #[cfg(feature = \"on\")]
            pub mod a;
            pub mod b;
            /// Doc.
            #[cfg(all(target_os = \"linux\", feature = \"off\"))]
            pub mod c;
            #[cfg(feature = \"off\")]
            mod d;
            #[cfg(not(feature = \"off\"))]
            mod e;
            #[cfg(unix)]
            mod f;
            #[cfg(feature = \"off\")]
            mod g {}
        ";
        let found = modules(root, &BTreeSet::from(["on".to_owned()]));
        let off = |name: &str| (name.to_owned(), "off".to_owned());
        assert_eq!(found, BTreeMap::from(["c", "d"].map(off)));
    }

    #[test]
    fn a_file_is_behind_what_its_module_is_behind() {
        let listings = BTreeMap::from([("a_b".to_owned(), "off".to_owned())]);
        let uses = BTreeMap::from([("c".to_owned(), "off".to_owned())]);
        let behind =
            Behind(BTreeMap::from([("p".to_owned(), Modules { listings, uses })]));
        let is_behind = |path: &str| {
            behind.of(&File::at(&format!("listings/{path}")).unwrap()).is_some()
        };
        for (path, expected) in [
            ("p/src/a_b.rs", true),
            ("p/src/a_b/tests.rs", true),
            ("p/examples/uses/a_b.rs", false),
            ("p/examples/uses/c.rs", true),
            ("p/examples/uses/c.out", true),
            ("p/examples/c.out", false),
            ("p/src/c.rs", false),
            ("q/src/a_b.rs", false),
        ] {
            assert_eq!(is_behind(path), expected, "{path}");
        }
    }
}

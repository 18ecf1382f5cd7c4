//! Names: which file, id and command belong to which topic.
//!
//! The only place that knows how a name is spelled: pages and ids say `a-b`, files of Rust say `a_b`.

use std::fmt;
use std::path::Path;

/// What a page is about: `async-await/task-sets` has the page `src/async-await/task-sets.md`, the listing
/// `listings/async-await/src/task_sets.rs` and the figure `listings/async-await/figures/task_sets.json`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic {
    /// The folder in `src/`, and the package in `listings/`; empty for a page directly in `src/`.
    pub pattern: String,
    /// The name, as pages spell it.
    pub name: String,
}

impl Topic {
    /// A topic by the name of a file, which may be spelled with `-` or `_`.
    pub fn new(pattern: &str, stem: &str) -> Self {
        Self { pattern: pattern.to_owned(), name: stem.replace('_', "-") }
    }

    /// The topic of a page, by its path from the root of the book.
    pub fn of_page(file: &str) -> Self {
        let path = file.strip_prefix("src/").unwrap_or(file);
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        Self::new(folder, name.strip_suffix(".md").unwrap_or(name))
    }

    /// Its name as Rust spells it.
    pub fn module(&self) -> String {
        module(&self.name)
    }

    /// What its ids begin with. Every pattern has an opening page `index`, which goes by the name of the pattern.
    fn stem(&self) -> &str {
        if self.name == "index" && !self.pattern.is_empty() {
            &self.pattern
        } else {
            &self.name
        }
    }

    /// The id of the proof of a promise.
    pub fn promise_id(&self, test: &str) -> String {
        format!("promise-{}-{test}", self.stem())
    }

    /// The id of a figure; the ids inside it begin with it.
    pub fn figure_id(&self) -> String {
        format!("figure-{}", self.stem())
    }

    /// The id of what the listings of a page depend on.
    pub fn dependencies_id(&self) -> String {
        format!("dependencies-{}", self.stem())
    }

    /// The recording of its figure, from the root of the book.
    pub fn figure_file(&self) -> String {
        format!("listings/{}/figures/{}.json", self.pattern, self.module())
    }

    /// The id of a chart; the ids inside it begin with it.
    pub fn chart_id(&self) -> String {
        format!("chart-{}", self.stem())
    }

    /// The data of a chart of this name, from the root of the book.
    pub fn chart_file(&self) -> String {
        format!("listings/{}/data/{}.json", self.pattern, self.module())
    }

    /// Its exercise, from the root of the book.
    pub fn exercise_file(&self) -> String {
        format!("listings/{}/exercises/{}.rs", self.pattern, self.module())
    }

    /// The solution of its exercise, from the root of the book.
    pub fn solution_file(&self) -> String {
        format!("listings/{}/solutions/{}.rs", self.pattern, self.module())
    }

    /// How its figure is drawn again.
    pub fn figure_command(&self) -> String {
        format!("cargo test -p {} --test figures {}", self.pattern, self.module())
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pattern.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}/{}", self.pattern, self.name)
        }
    }
}

/// A name as Rust spells it.
pub fn module(name: &str) -> String {
    name.replace('-', "_")
}

/// What a file of `listings/` is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A topic: `src/<topic>.rs`.
    Listing,
    /// The proofs of a topic: `src/<topic>/tests.rs`.
    Proofs,
    /// Proofs that need a crate of their own: `tests/<topic>.rs`.
    Outside,
    /// A program: `examples/<name>.rs`, or `examples/<name>/main.rs`.
    Program,
    /// A whole use of a topic, or a later step of one: `examples/uses/<topic>.rs`, a module of the program
    /// `<package>-uses`.
    Use,
    /// What a reader mends, with the tests that are red until then: `exercises/<topic>.rs`.
    Exercise,
    /// The same, mended: `solutions/<topic>.rs`.
    Solution,
    /// Code that must not compile: `ui/<name>.rs` of `refused`.
    Refused,
    /// A file of Rust that no page shows: the root of a crate, the runs behind figures, a benchmark.
    Support,
    /// What a program printed or a benchmark measured: `.out`.
    Output,
    /// What the compiler says of refused code: `.stderr`.
    Message,
    /// The recording of a figure: `figures/<topic>.json`.
    Figure,
    /// What a chart is drawn from: `data/<name>.json`.
    Chart,
    /// `Cargo.toml`.
    Manifest,
}

impl Place {
    /// It is a file of Rust that is read.
    pub fn is_rust(self) -> bool {
        matches!(
            self,
            Self::Listing
                | Self::Proofs
                | Self::Outside
                | Self::Program
                | Self::Use
                | Self::Exercise
                | Self::Solution
                | Self::Refused
        )
    }

    /// It can hold tests that pages name.
    pub fn has_proofs(self) -> bool {
        matches!(self, Self::Listing | Self::Proofs | Self::Outside)
    }
}

/// Where the files of a package may stand, for those who put one elsewhere.
pub const PLACES: &str = "src/<topic>.rs, src/<topic>/tests.rs, tests/<topic>.rs, tests/figures/, examples/<name>.rs, \
     examples/<name>/, examples/uses/<topic>.rs, exercises/<topic>.rs, solutions/<topic>.rs, benches/, figures/<topic>.json, data/<name>.json, or ui/ of `refused`";

/// A file of `listings/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// From the root of the book, with `/` on every system.
    pub path: String,
    /// What it is for.
    pub place: Place,
    /// What it is about; a program and a recording go by their own name.
    pub topic: Topic,
    /// The feature of its package without which nobody compiles it, if that is not on by default: see
    /// [`crate::source::behind`].
    pub behind: Option<String>,
}

impl File {
    /// What the file at `path`, from the root of the book, is for; `None` where no file belongs.
    pub fn at(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix("listings/")?.split('/');
        let package = parts.next()?;
        let inside: Vec<_> = parts.collect();
        let (place, stem) = match inside[..] {
            ["Cargo.toml"] => (Place::Manifest, "Cargo"),
            ["src", "lib.rs"] => (Place::Support, "lib"),
            ["tests", "programs.rs"] => (Place::Support, "programs"),
            ["tests", file] if package == "refused" => (Place::Support, rust(file)?),
            ["src", file] => (Place::Listing, rust(file)?),
            ["src", topic, "tests.rs"] => (Place::Proofs, topic),
            ["tests", file] => (Place::Outside, rust(file)?),
            ["ui", file] if package == "refused" => match file.rsplit_once('.')? {
                (stem, "rs") => (Place::Refused, stem),
                (stem, "stderr") => (Place::Message, stem),
                _ => return None,
            },
            ["examples", file] => match file.rsplit_once('.')? {
                (stem, "rs") => (Place::Program, stem),
                (stem, "out") => (Place::Output, stem),
                _ => return None,
            },
            ["examples", "uses", "main.rs"] => (Place::Support, "main"),
            ["examples", "uses", file] => match file.rsplit_once('.')? {
                (stem, "rs") => (Place::Use, stem),
                (stem, "out") => (Place::Output, stem),
                _ => return None,
            },
            ["examples", name, "main.rs"] => (Place::Program, name),
            ["tests", "figures", file] | ["examples", _, file] => {
                (Place::Support, rust(file)?)
            }
            ["benches", file] => match file.rsplit_once('.')? {
                (stem, "rs") => (Place::Support, stem),
                (stem, "out") => (Place::Output, stem),
                _ => return None,
            },
            ["exercises", file] => (Place::Exercise, rust(file)?),
            ["solutions", file] => (Place::Solution, rust(file)?),
            ["figures", file] => (Place::Figure, file.strip_suffix(".json")?),
            ["data", file] => (Place::Chart, file.strip_suffix(".json")?),
            _ => return None,
        };
        let topic = Topic::new(package, stem);
        Some(Self { path: path.to_owned(), place, topic, behind: None })
    }

    /// How a reader runs or tests this file; for a recording, how it is made.
    pub fn command(&self) -> String {
        let (package, name) = (self.selection(), self.topic.module());
        match self.place {
            Place::Refused | Place::Message => "cargo test -p refused".to_owned(),
            Place::Outside => format!("cargo test -p {package} --test {name}"),
            Place::Exercise | Place::Solution => {
                format!("cargo test -p {package} --test {}", self.target())
            }
            Place::Figure => self.topic.figure_command(),
            Place::Output if self.path.contains("/benches/") => {
                format!("cargo bench -p {package} --bench {name}")
            }
            Place::Use | Place::Output if self.is_of_use() => {
                let pattern = &self.topic.pattern;
                format!("cargo run -p {package} --example {pattern}-uses {name}")
            }
            Place::Program | Place::Output => {
                format!("cargo run -p {package} --example {name}")
            }
            _ => format!("cargo test -p {package} {name}"),
        }
    }

    /// How a reader runs a test of this file.
    pub fn test_command(&self, test: &str) -> String {
        match self.place {
            Place::Refused => self.command(),
            _ => format!("cargo test -p {} {test}", self.selection()),
        }
    }

    /// The name that the manifest gives an exercise or a solution, and its id: `exercise-a-topic`.
    pub fn target(&self) -> String {
        let kind = if self.place == Place::Solution { "solution" } else { "exercise" };
        format!("{kind}-{}", self.topic.name)
    }

    /// Its package, as cargo is told behind `-p`, with the feature that it is behind.
    pub fn selection(&self) -> String {
        let package = &self.topic.pattern;
        match &self.behind {
            Some(feature) => format!("{package} --features {feature}"),
            None => package.clone(),
        }
    }

    /// It is a use, or what one printed.
    pub(crate) fn is_of_use(&self) -> bool {
        self.path.contains(USES)
    }

    /// What its ids begin with: a use of a topic has others than the listing of that topic.
    fn stem(&self) -> String {
        let of = if self.is_of_use() { "use-" } else { "" };
        format!("{of}{}", self.topic.stem())
    }

    /// The id of an anchor that a page shows.
    pub fn listing_id(&self, anchor: &str) -> String {
        format!("listing-{}-{anchor}", self.stem())
    }

    /// The id of a use that a page shows whole.
    pub fn use_id(&self) -> String {
        format!("use-{}", self.topic.stem())
    }

    /// The id of a whole file, at the end of its page.
    pub fn whole_id(&self) -> String {
        format!("whole-{}", self.stem())
    }

    /// The id of what a run printed.
    pub fn output_id(&self) -> String {
        format!("output-{}", self.stem())
    }

    /// The recording of what a program or a use prints.
    pub fn output(&self) -> String {
        format!("{}.out", self.path.strip_suffix(".rs").unwrap_or(&self.path))
    }

    /// Its name, without the folders.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The recording that belongs to refused code.
    pub fn message(&self) -> String {
        format!("{}.stderr", self.path.strip_suffix(".rs").unwrap_or(&self.path))
    }

    /// How `cargo test -- --list` names a test of this file.
    pub fn test_path(&self, test: &str) -> String {
        match self.place {
            Place::Outside => test.to_owned(),
            _ => format!("{}::tests::{test}", self.topic.module()),
        }
    }
}

fn rust(file: &str) -> Option<&str> {
    file.strip_suffix(".rs")
}

/// The folder of whole uses, in a package.
const USES: &str = "/examples/uses/";

/// Whether a file is a whole use, or where one would be.
pub fn is_use(file: &str) -> bool {
    file.contains(USES)
}

/// Whether a file is written as a page is.
pub fn is_page(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|ending| ending == "md")
}

/// Whether a page is one to look something up in, which nobody reads through.
pub fn is_looked_up(page: &str) -> bool {
    page.starts_with("src/reference/")
}

/// The address of a page from the root of the book: `a/b.html` of `src/a/b.md`.
pub fn html_path(page: &str) -> String {
    let path = page.strip_prefix("src/").unwrap_or(page);
    format!("{}.html", path.strip_suffix(".md").unwrap_or(path))
}

/// The link from one page to another; both from the root of the book.
pub fn link(from: &str, to: &str) -> String {
    let up = from.matches('/').count().saturating_sub(1);
    format!("{}{}", "../".repeat(up), to.strip_prefix("src/").unwrap_or(to))
}

/// A path as written in the file `from`, made one from the root of the book; `None` when it leads out.
pub fn resolve(from: &str, path: &str) -> Option<String> {
    let mut parts: Vec<_> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_its_listing_and_its_figure_are_of_one_topic() {
        let page = Topic::of_page("src/some-pattern/a-topic.md");
        let listing = File::at("listings/some-pattern/src/a_topic.rs").unwrap();
        let figure = File::at("listings/some-pattern/figures/a_topic.json").unwrap();
        assert_eq!((&listing.topic, &figure.topic), (&page, &page));
        assert_eq!(page.figure_file(), figure.path);
        assert_eq!(listing.command(), "cargo test -p some-pattern a_topic");
        assert_eq!(listing.listing_id("x"), "listing-a-topic-x");
    }

    #[test]
    fn a_use_of_a_topic_has_ids_of_its_own() {
        let file = |path: &str| File::at(&format!("listings/p/{path}")).unwrap();
        let (listing, program) = (file("src/a.rs"), file("examples/a.out"));
        let (of_use, printed) =
            (file("examples/uses/a.rs"), file("examples/uses/a.out"));
        assert_eq!(of_use.topic, listing.topic);
        assert_eq!(of_use.use_id(), "use-a");
        assert_eq!(of_use.listing_id("x"), "listing-use-a-x");
        assert_eq!(of_use.whole_id(), "whole-use-a");
        assert_eq!(
            [printed.output_id(), program.output_id()],
            ["output-use-a", "output-a"]
        );
        assert_eq!(of_use.output(), printed.path);
        let command = "cargo run -p p --example p-uses a";
        assert_eq!([of_use.command(), printed.command()], [command, command]);
    }

    #[test]
    fn what_is_behind_a_feature_is_run_with_it() {
        let file = |path: &str| File {
            behind: Some("f".to_owned()),
            ..File::at(&format!("listings/p/{path}")).unwrap()
        };
        let (listing, of_use) = (file("src/a.rs"), file("examples/uses/a.rs"));
        assert_eq!(listing.command(), "cargo test -p p --features f a");
        assert_eq!(listing.test_command("t"), "cargo test -p p --features f t");
        assert_eq!(of_use.command(), "cargo run -p p --features f --example p-uses a");
    }

    #[test]
    fn the_opening_pages_of_two_patterns_have_ids_of_their_own() {
        let ids = ["src/a/index.md", "src/b/index.md", "src/index.md"]
            .map(|page| Topic::of_page(page).figure_id());
        assert_eq!(ids, ["figure-a", "figure-b", "figure-index"]);
    }

    #[test]
    fn a_file_has_its_place_or_none() {
        let place =
            |path: &str| File::at(&format!("listings/{path}")).map(|file| file.place);
        for (path, expected) in [
            ("p/src/a.rs", Some(Place::Listing)),
            ("p/src/a/tests.rs", Some(Place::Proofs)),
            ("p/src/a/more.rs", None),
            ("p/src/a/tests/further.rs", None),
            ("p/tests/a.rs", Some(Place::Outside)),
            ("p/tests/figures/a.rs", Some(Place::Support)),
            ("p/tests/common/mod.rs", None),
            ("p/examples/a.rs", Some(Place::Program)),
            ("p/examples/a/main.rs", Some(Place::Program)),
            ("p/examples/a/part.rs", Some(Place::Support)),
            ("p/examples/a.out", Some(Place::Output)),
            ("p/examples/uses/a.rs", Some(Place::Use)),
            ("p/examples/uses/a.out", Some(Place::Output)),
            ("p/examples/uses/main.rs", Some(Place::Support)),
            ("p/examples/uses/a.txt", None),
            ("p/examples/a.txt", None),
            ("refused/ui/a.rs", Some(Place::Refused)),
            ("p/ui/a.rs", None),
            ("p/figures/a.json", Some(Place::Figure)),
            ("p/data/a.json", Some(Place::Chart)),
            ("p/Cargo.toml", Some(Place::Manifest)),
            ("p/notes.md", None),
        ] {
            assert_eq!(place(path), expected, "{path}");
        }
        assert_eq!(File::at("listings/p/src/a/tests.rs").unwrap().topic.name, "a");
    }

    #[test]
    fn links_lead_from_page_to_page() {
        assert_eq!(link("src/index.md", "src/a/b.md"), "a/b.md");
        assert_eq!(link("src/a/b.md", "src/c/d.md"), "../c/d.md");
        assert_eq!(resolve("src/a/b.md", "../c.md"), Some("src/c.md".into()));
        assert_eq!(resolve("src/a.md", "../../c.md"), None);
        assert_eq!(html_path("src/a/b.md"), "a/b.html");
    }
}

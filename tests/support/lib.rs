//! What the checks of the book share: the book itself, a small book to make mistakes in, rendered pages.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use scraper::{ElementRef, Html, Selector};
use tempfile::TempDir;

/// The root of the book.
///
/// # Panics
/// When the package has been moved out of it.
pub fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.canonicalize().expect("the tests stand in the book")
}

/// A rendered book, in memory.
#[derive(Debug)]
pub struct Rendered {
    files: BTreeSet<PathBuf>,
    pages: BTreeMap<String, String>,
}

impl Rendered {
    /// Builds the book at `root`.
    ///
    /// # Panics
    /// When it does not build.
    pub fn of(root: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let html = match book::build::build(root, Some(folder.path())) {
            Ok((html, _)) => html,
            Err(error) => panic!("{error:#}"),
        };
        let files = BTreeSet::from_iter(files(&html));
        let pages =
            files.iter().filter(|file| file.extension().is_some_and(|it| it == "html"));
        let pages = pages.map(|file| {
            let text = fs::read_to_string(html.join(file)).expect("a page is text");
            (file.display().to_string().replace('\\', "/"), text)
        });
        Self { pages: pages.collect(), files }
    }

    /// The book itself, built once.
    ///
    /// # Panics
    /// When it does not build.
    pub fn book() -> &'static Self {
        static BOOK: LazyLock<Rendered> = LazyLock::new(|| Rendered::of(&root()));
        &BOOK
    }

    /// The page at this path from the folder of the book, parsed.
    ///
    /// # Panics
    /// When there is none.
    pub fn page(&self, name: &str) -> Html {
        Html::parse_document(&self.pages[name])
    }

    /// All pages, parsed, with their paths.
    pub fn pages(&self) -> impl Iterator<Item = (&str, Html)> {
        self.pages
            .iter()
            .map(|(name, text)| (name.as_str(), Html::parse_document(text)))
    }

    /// Whether there is such a file in the folder of the book.
    pub fn has(&self, file: &str) -> bool {
        self.files.contains(Path::new(file))
    }
}

/// The elements of a page by their ids.
pub fn by_id(page: &Html) -> BTreeMap<&str, ElementRef<'_>> {
    let elements = page.select(&selector("[id]")).collect::<Vec<_>>();
    elements.into_iter().filter_map(|it| Some((it.value().id()?, it))).collect()
}

/// A CSS selector.
///
/// # Panics
/// When it is not one.
pub fn selector(css: &str) -> Selector {
    Selector::parse(css).expect("a CSS selector")
}

/// All files below a folder, from it.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(inside) = folders.pop() {
        for entry in fs::read_dir(&inside).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(path) = path.strip_prefix(folder) {
                found.push(path.to_owned());
            }
        }
    }
    found.sort();
    found
}

/// A small book without mistakes, to make some in.
#[derive(Debug)]
pub struct SmallBook {
    folder: TempDir,
}

/// The page of the small book.
pub const PAGE: &str = "src/some-pattern/a-topic.md";
/// Its listing.
pub const LISTING: &str = "listings/some-pattern/src/a_topic.rs";

const FILES: [(&str, &str); 10] = [
    (
        "book.toml",
        "[book]\ntitle = \"Small\"\n[build]\ncreate-missing = false\n\
         [preprocessor.listings]\ncommand = \"not run\"\nbefore = [\"links\"]\n[output.html.playground]\nrunnable = false\n",
    ),
    (
        "Cargo.toml",
        "[workspace.package]\nrepository = \"https://example.org/book\"\nrust-version = \"1.95\"\n\
         [workspace.dependencies]\ntokio = \"1\"\n",
    ),
    ("Cargo.lock", "[[package]]\nname = \"tokio\"\nversion = \"1.54.1\"\n"),
    ("rust-toolchain.toml", "[toolchain]\nchannel = \"1.95.0\"\n"),
    (
        "src/SUMMARY.md",
        "# Summary\n\n[Home](index.md)\n\n- [A topic](some-pattern/a-topic.md)\n",
    ),
    (
        "src/index.md",
        "# Home\n\nSee [the topic](some-pattern/a-topic.md#what-it-promises).\n",
    ),
    (
        PAGE,
        "# A topic\n\n```rust\n{{#include ../../listings/some-pattern/src/a_topic.rs:an_idea}}\n```\n\n\
         {{#figure a-topic}}\n\n## What it promises\n\n| Promise | Proof |\n|---|---|\n\
         | It is right | `it_is_right` |\n\n```text\n\
         {{#include ../../listings/some-pattern/examples/a_program.out}}\n```\n",
    ),
    (
        LISTING,
        "//! A topic.\n\n// ANCHOR: an_idea\npub fn idea() -> u32 {\n    42\n}\n// ANCHOR_END: an_idea\n\n\
         #[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn it_is_right() {\n        \
         assert_eq!(idea(), 42);\n    }\n\n    #[test]\n    #[ignore]\n    fn it_is_skipped() {}\n}\n",
    ),
    ("listings/some-pattern/examples/a_program.out", "42\n"),
    (
        "listings/some-pattern/figures/a_topic.json",
        "{\"title\": \"A figure\", \"panels\": [{\"name\": \"run\", \"end\": 10, \"rows\": [{\"row\": \
         \"lane\", \"name\": \"a\", \"from\": 0, \"to\": 10, \"end\": \"done\", \"calls\": [], \
         \"polls\": [0]}]}]}\n",
    ),
];

impl Default for SmallBook {
    fn default() -> Self {
        let book = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        for (file, text) in FILES {
            book.write(file, text);
        }
        book
    }
}

impl SmallBook {
    /// Its root.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Writes one of its files.
    ///
    /// # Panics
    /// When that fails.
    pub fn write(&self, file: &str, text: &str) {
        let path = self.root().join(file);
        fs::create_dir_all(path.parent().expect("a file in the book"))
            .expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// What one of its files says.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.root().join(file)).expect("a file")
    }

    /// Replaces `old`, which must be there, in one of its files.
    ///
    /// # Panics
    /// When it is not there.
    #[must_use]
    pub fn with(self, file: &str, old: &str, new: &str) -> Self {
        let text = self.read(file);
        assert!(text.contains(old), "{file} has no {old}");
        self.write(file, &text.replacen(old, new, 1));
        self
    }
}

/// What is wrong with the links and ids of rendered pages.
pub mod links {
    use std::collections::{BTreeMap, BTreeSet};

    use scraper::Html;

    use super::{Rendered, selector};

    /// Each link that leads nowhere and each id that stands twice in a page, as a line of text.
    pub fn problems(rendered: &Rendered) -> Vec<String> {
        let mut problems = Vec::new();
        let pages: BTreeMap<_, _> = rendered.pages().collect();
        let ids: BTreeMap<&str, BTreeSet<&str>> = pages
            .iter()
            .map(|(name, page)| (*name, ids(name, page, &mut problems)))
            .collect();
        for (name, page) in &pages {
            for (element, attribute) in
                [("a", "href"), ("link", "href"), ("img", "src"), ("script", "src")]
            {
                for found in page.select(&selector(&format!("{element}[{attribute}]")))
                {
                    let link = found.value().attr(attribute).unwrap_or_default();
                    if let Some(problem) = check(rendered, &ids, name, link) {
                        problems.push(format!("{name}: {link}: {problem}"));
                    }
                }
            }
        }
        problems
    }

    fn ids<'a>(
        name: &str,
        page: &'a Html,
        problems: &mut Vec<String>,
    ) -> BTreeSet<&'a str> {
        let mut ids = BTreeSet::new();
        for element in page.select(&selector("[id]")) {
            let id = element.value().attr("id").unwrap_or_default();
            if !ids.insert(id) {
                problems.push(format!("{name}: the id {id} stands twice"));
            }
        }
        ids
    }

    fn check(
        rendered: &Rendered,
        ids: &BTreeMap<&str, BTreeSet<&str>>,
        from: &str,
        link: &str,
    ) -> Option<&'static str> {
        let elsewhere = ["http://", "https://", "mailto:", "data:", "javascript:"];
        // The page for missing addresses has absolute links, for the place where the book is published.
        if from == "404.html" || elsewhere.iter().any(|scheme| link.starts_with(scheme))
        {
            return None;
        }
        let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
        let path = path.split('?').next().unwrap_or_default();
        let target =
            if path.is_empty() { Some(from.to_owned()) } else { resolve(from, path) };
        let Some(target) = target else { return Some("leads out of the book") };
        if !rendered.has(&target) {
            return Some("there is no such file");
        }
        let known = ids.get(target.as_str()).is_none_or(|ids| ids.contains(fragment));
        (!fragment.is_empty() && !known).then_some("the page has no such id")
    }

    fn resolve(from: &str, path: &str) -> Option<String> {
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
}

/// What stands in the book and no page uses.
pub mod orphans {
    use std::path::Path;

    use book::listing::{Kind, Listings};
    use book::{build, record, summary};

    use super::files;

    /// A file of `listings/` whose documentation has this line is not meant for a page.
    pub const SUPPORT: &str = "//! Support: no page shows this file";

    /// Each thing that no page uses, and each exemption that is not needed, as a line of text.
    ///
    /// # Panics
    /// When the book has mistakes.
    pub fn of(root: &Path) -> Vec<String> {
        let report = build::report(root).expect("a book without mistakes");
        let listings = Listings::read(root);
        let mut orphans = Vec::new();
        for (path, listing) in &listings.files {
            let named = report.promises.iter().any(|promise| promise.file == *path);
            let shown = report.anchors.iter().any(|(shown, _)| shown == path)
                || listing.kind == Kind::Refused && named;
            let support = listing.whole().lines().any(|line| line.starts_with(SUPPORT));
            if support && shown {
                orphans.push(format!("{path}: a page shows it, so it is not support"));
            }
            let needed = listing.kind != Kind::Tests && !support;
            if needed && !shown {
                orphans.push(format!("{path}: no page shows it"));
            }
            for anchor in listing.anchors.keys() {
                if !report.anchors.contains(&(path.clone(), anchor.clone())) {
                    orphans.push(format!("{path}: no page shows its anchor {anchor}"));
                }
            }
            let test = listing.kind == Kind::Tests;
            if test && !named && !support {
                orphans.push(format!("{path}: no page names a test of it"));
            }
        }
        for path in record::recordings(root).keys() {
            let name = path.display().to_string().replace('\\', "/");
            let stem = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .replace('_', "-");
            // A proof shows what the compiler says.
            let code = name.replace(".stderr", ".rs");
            let named = report.promises.iter().any(|promise| promise.file == code);
            if !report.outputs.contains(&name)
                && !report.figures.contains(&stem)
                && !named
            {
                orphans.push(format!("{name}: no page shows it"));
            }
        }
        let pages = summary::pages(root).expect("a book without mistakes");
        for file in files(&root.join("src")) {
            let page = file.extension().is_some_and(|ending| ending == "md");
            if page && file != Path::new("SUMMARY.md") && !pages.contains(&file) {
                orphans.push(format!(
                    "src/{}: SUMMARY.md does not name it",
                    file.display()
                ));
            }
        }
        orphans
    }
}

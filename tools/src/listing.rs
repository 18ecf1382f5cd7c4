//! A file of `listings/`: its anchors, its tests, what of it is wrong on purpose, the crates it needs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::{panic, thread};

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Attribute, Item};

use crate::problem::Problem;
use crate::text::dedent;

/// An anchor longer than this does not fit on a screen.
pub const MOST_LINES: usize = 40;

/// A line longer than this has to be scrolled.
pub const MOST_COLUMNS: usize = 88;

/// What a file of `listings/` is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A topic: `listings/<pattern>/src/<topic>.rs`.
    Topic,
    /// A program: `listings/<pattern>/examples/<name>.rs`.
    Program,
    /// Code that must not compile: `listings/refused/ui/<name>.rs`.
    Refused,
    /// Tests of a topic that need a crate of their own: `listings/<pattern>/tests/<topic>.rs`.
    Tests,
}

/// A Rust file that a page can show.
#[derive(Debug)]
pub struct Listing {
    /// From the root of the book, with `/` on every system.
    pub path: String,
    /// What it is for.
    pub kind: Kind,
    /// The package it belongs to.
    pub package: String,
    /// The name of the file, as pages spell it: `a-b`.
    pub topic: String,
    /// The anchors by name.
    pub anchors: BTreeMap<String, Anchor>,
    /// The tests, in the order of the file.
    pub tests: Vec<Test>,
    /// The crates that it names outside its tests, with `-` for `_`.
    pub crates: BTreeSet<String>,
    text: String,
}

/// A named part of a listing.
#[derive(Debug)]
pub struct Anchor {
    /// The line of the opening marker, from 1.
    pub line: usize,
    /// What stands between the markers, without markers of other anchors.
    pub code: String,
    /// It shows what most code starts with, kept to be measured.
    pub naive: bool,
}

/// A test function.
#[derive(Debug)]
pub struct Test {
    /// The name of the function.
    pub name: String,
    /// Its source, with attributes, not indented.
    pub source: String,
    /// The line of its first attribute, from 1.
    pub line: usize,
    /// It has `#[ignore]`, so it proves nothing.
    pub ignored: bool,
}

impl Listing {
    /// Reads and parses the file at `path`, from the root of the book.
    ///
    /// # Errors
    /// The file cannot be read, is not Rust, or its anchors do not match.
    pub fn read(root: &Path, path: &str, kind: Kind) -> Result<Self, Problem> {
        let text = fs::read_to_string(root.join(path)).map_err(|error| {
            Problem::new(
                path,
                0,
                error.to_string(),
                "correct the path, or write the file",
            )
        })?;
        Self::parse(path, kind, text.replace("\r\n", "\n"))
    }

    fn parse(path: &str, kind: Kind, text: String) -> Result<Self, Problem> {
        let file = syn::parse_file(&text).map_err(|error| {
            let line = error.span().start().line;
            Problem::new(
                path,
                line,
                format!("not Rust: {error}"),
                "make it compile first",
            )
        })?;
        let mut found = Found::default();
        found.items(&file.items, false);
        let anchors = anchors(path, &text, &found.naive)?;
        let lines: Vec<_> = text.lines().collect();
        let tests =
            found.tests.into_iter().map(|test| test.with_source(&lines)).collect();
        let mut parts = path.split('/').skip(1);
        let package = parts.next().unwrap_or_default().to_owned();
        let stem = Path::new(path).file_stem().unwrap_or_default().to_string_lossy();
        Ok(Self {
            path: path.to_owned(),
            kind,
            package,
            topic: stem.replace('_', "-"),
            anchors,
            tests,
            crates: found.crates,
            text,
        })
    }

    /// The whole file as a page shows it: without the markers of anchors.
    pub fn whole(&self) -> String {
        self.text.lines().filter(|line| marker(line).is_none()).fold(
            String::with_capacity(self.text.len()),
            |mut code, line| {
                code.push_str(line);
                code.push('\n');
                code
            },
        )
    }

    /// How a reader runs or tests this file.
    pub fn command(&self) -> String {
        let (package, name) = (&self.package, self.topic.replace('-', "_"));
        match self.kind {
            Kind::Topic => format!("cargo test -p {package} {name}"),
            Kind::Program => format!("cargo run -p {package} --example {name}"),
            Kind::Refused => "cargo test -p refused".to_owned(),
            Kind::Tests => format!("cargo test -p {package} --test {name}"),
        }
    }
}

/// A marker of mdBook: the name of an anchor, and whether it ends here.
fn marker(line: &str) -> Option<(&str, bool)> {
    let comment = line.trim().strip_prefix("//")?.trim_start();
    if let Some(name) = comment.strip_prefix("ANCHOR_END:") {
        return Some((name.trim(), true));
    }
    comment.strip_prefix("ANCHOR:").map(|name| (name.trim(), false))
}

fn anchors(
    path: &str,
    text: &str,
    naive: &[RangeInclusive<usize>],
) -> Result<BTreeMap<String, Anchor>, Problem> {
    let mut open: BTreeMap<&str, (usize, String)> = BTreeMap::new();
    let mut closed = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        match marker(line) {
            None => {
                for (_, code) in open.values_mut() {
                    code.push_str(line);
                    code.push('\n');
                }
            }
            Some((name, false)) => {
                let twice = closed.contains_key(name) || open.contains_key(name);
                if twice {
                    let what = format!("the anchor `{name}` stands here a second time");
                    return Err(Problem::new(
                        path,
                        number,
                        what,
                        "name it after another idea",
                    ));
                }
                open.insert(name, (number, String::new()));
            }
            Some((name, true)) => {
                let Some((line, code)) = open.remove(name) else {
                    let what = format!("the anchor `{name}` ends here and never began");
                    let mend = format!("add `// ANCHOR: {name}` above");
                    return Err(Problem::new(path, number, what, mend));
                };
                let naive = naive.iter().any(|lines| lines.contains(&line));
                let code = dedent(&code);
                check_size(path, name, line, &code)?;
                closed.insert(name.to_owned(), Anchor { line, code, naive });
            }
        }
    }
    if let Some((name, (line, _))) = open.pop_first() {
        let what = format!("the anchor `{name}` begins here and never ends");
        let mend = format!("add `// ANCHOR_END: {name}` below");
        return Err(Problem::new(path, line, what, mend));
    }
    Ok(closed)
}

fn check_size(path: &str, name: &str, line: usize, code: &str) -> Result<(), Problem> {
    let lines = code.lines().count();
    if code.trim().is_empty() {
        let what = format!("the anchor `{name}` holds nothing");
        return Err(Problem::new(path, line, what, "remove it, or move its markers"));
    }
    if let Some(long) = code.lines().find(|line| line.chars().count() > MOST_COLUMNS) {
        let what = format!(
            "the anchor `{name}` has a line of more than {MOST_COLUMNS} columns"
        );
        return Err(Problem::new(
            path,
            line,
            what,
            format!("break it: {}", long.trim()),
        ));
    }
    if lines > MOST_LINES {
        let what =
            format!("the anchor `{name}` has {lines} lines, more than {MOST_LINES}");
        return Err(Problem::new(
            path,
            line,
            what,
            "show less: the rest stands behind it",
        ));
    }
    Ok(())
}

/// What a walk over the items of a file gathers.
#[derive(Default)]
struct Found {
    tests: Vec<FoundTest>,
    naive: Vec<RangeInclusive<usize>>,
    crates: BTreeSet<String>,
}

struct FoundTest {
    name: String,
    lines: RangeInclusive<usize>,
    ignored: bool,
}

impl FoundTest {
    /// Takes its source from the `lines` of its file.
    fn with_source(self, lines: &[&str]) -> Test {
        let (first, last) = (*self.lines.start(), *self.lines.end());
        let source = dedent(&lines[first - 1..last].join("\n"));
        Test { name: self.name, source, line: first, ignored: self.ignored }
    }
}

impl Found {
    fn items(&mut self, items: &[Item], in_tests: bool) {
        for item in items {
            let attributes = attributes_of(item);
            let in_tests = in_tests || attributes.iter().any(is_cfg_test);
            if !in_tests {
                self.names(quote_tokens(item));
            }
            match item {
                Item::Mod(module) => {
                    if module.ident == "naive" {
                        self.naive.push(lines_of(item.span()));
                    }
                    if let Some((_, items)) = &module.content {
                        self.items(items, in_tests);
                    }
                }
                Item::Fn(function)
                    if attributes.iter().any(|it| is_called(it, "test")) =>
                {
                    self.tests.push(FoundTest {
                        name: function.sig.ident.to_string(),
                        lines: lines_of(item.span()),
                        ignored: attributes.iter().any(|it| is_called(it, "ignore")),
                    });
                }
                Item::Macro(call) if call.mac.path.is_ident("proptest") => {
                    self.properties(call.mac.tokens.clone());
                }
                _ => {}
            }
        }
    }

    /// The tests inside `proptest! { … }`: `#[test] fn name(…) { … }`.
    fn properties(&mut self, tokens: TokenStream) {
        let mut first = None;
        let (mut tested, mut name) = (false, None);
        for token in tokens {
            match &token {
                TokenTree::Punct(punct)
                    if punct.as_char() == '#' && first.is_none() =>
                {
                    first = Some(punct.span().start().line);
                }
                TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
                    tested |= group.stream().to_string() == "test";
                }
                TokenTree::Ident(ident) if *ident != "fn" && name.is_none() => {
                    name = Some(ident.to_string());
                }
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    if let (Some(first), Some(name), true) =
                        (first, name.take(), tested)
                    {
                        let lines = first..=group.span_close().end().line;
                        self.tests.push(FoundTest { name, lines, ignored: false });
                    }
                    (first, tested, name) = (None, false, None);
                }
                _ => {}
            }
        }
    }

    /// Every `name` that is followed by `::` and not preceded by one may be a crate.
    fn names(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let is_colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.names(group.stream()),
                TokenTree::Ident(name) => {
                    let begins = at == 0 || !is_colon(at - 1);
                    if begins && is_colon(at + 1) && is_colon(at + 2) {
                        self.crates.insert(name.to_string().replace('_', "-"));
                    }
                }
                _ => {}
            }
        }
    }
}

fn attributes_of(item: &Item) -> &[Attribute] {
    match item {
        Item::Fn(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        _ => &[],
    }
}

fn quote_tokens(item: &Item) -> TokenStream {
    // A module is walked item by item, so that its tests can be left out.
    match item {
        Item::Mod(_) => TokenStream::new(),
        item => item.to_token_stream(),
    }
}

fn is_called(attribute: &Attribute, name: &str) -> bool {
    attribute.path().segments.last().is_some_and(|segment| segment.ident == name)
}

fn is_cfg_test(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute.parse_args::<syn::Ident>().is_ok_and(|flag| flag == "test")
}

fn lines_of(span: Span) -> RangeInclusive<usize> {
    span.start().line..=span.end().line
}

/// The files of `listings/` that pages can show, read once.
#[derive(Debug)]
pub struct Listings {
    /// The folders of `listings/`.
    pub packages: Vec<String>,
    /// By path from the root of the book.
    pub files: BTreeMap<String, Listing>,
    /// What is wrong with files that could not be taken.
    pub problems: Vec<Problem>,
}

impl Listings {
    /// Reads every file that a page can show or name.
    pub fn read(root: &Path) -> Self {
        let packages = folders(&root.join("listings"));
        let mut files = Vec::new();
        for package in &packages {
            // Support for the listings; a page that shows some of it names the file, see `show`.
            for (folder, kind) in [
                ("src", Kind::Topic),
                ("examples", Kind::Program),
                ("ui", Kind::Refused),
                ("tests", Kind::Tests),
            ] {
                for file in
                    rust_files(&root.join("listings").join(package).join(folder))
                {
                    if file == "lib.rs"
                        || (package == "refused" && kind != Kind::Refused)
                    {
                        continue;
                    }
                    files.push((format!("listings/{package}/{folder}/{file}"), kind));
                }
            }
        }
        let mut read = read_all(root, &files);
        // In an order that no scheduler decides, for the problems.
        read.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut listings =
            Self { packages, files: BTreeMap::new(), problems: Vec::new() };
        for (path, read) in read {
            match read {
                Ok(listing) => {
                    listings.files.insert(path, listing);
                }
                Err(problem) => listings.problems.push(problem),
            }
        }
        listings
    }

    /// The listings of these topics: `src/`, `tests/` or `ui/` files with their names.
    pub fn of_topics(&self, topics: &BTreeSet<String>) -> Vec<&Listing> {
        self.files
            .values()
            .filter(|listing| {
                topics.contains(&listing.topic) && listing.kind != Kind::Program
            })
            .collect()
    }
}

/// Reads the files, on all cores: parsing is the greater part of what a build costs.
fn read_all(
    root: &Path,
    files: &[(String, Kind)],
) -> Vec<(String, Result<Listing, Problem>)> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..cores)
            .map(|core| {
                // Dealt like cards, as neighbours are of a size.
                let hand = files.iter().skip(core).step_by(cores);
                let read = move |(path, kind): &(String, Kind)| {
                    (path.clone(), Listing::read(root, path, *kind))
                };
                scope.spawn(move || hand.map(read).collect::<Vec<_>>())
            })
            .collect();
        readers
            .into_iter()
            .flat_map(|reader| {
                reader.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
            })
            .collect()
    })
}

fn folders(folder: &Path) -> Vec<String> {
    names(folder, Path::is_dir)
}

fn rust_files(folder: &Path) -> Vec<String> {
    names(folder, |path| path.extension().is_some_and(|ending| ending == "rs"))
}

fn names(folder: &Path, wanted: impl Fn(&Path) -> bool) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path: &PathBuf| wanted(path))
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r"
use tokio::time::sleep;

// ANCHOR: outer
pub fn outer() {
    // ANCHOR: inner
    let wait = std::time::Duration::ZERO;
    // ANCHOR_END: inner
    let _ = sleep(wait);
}
// ANCHOR_END: outer

pub mod naive {
    // ANCHOR: wrong
    pub fn wrong() { tokio_util::nothing(); }
    // ANCHOR_END: wrong
}

#[cfg(test)]
mod tests {
    use backend::Site;

    /// What it is.
    #[tokio::test(start_paused = true)]
    async fn it_holds() {
        assert!(true);
    }

    #[test]
    #[ignore]
    fn it_is_skipped() {}

    proptest! {
        #![proptest_config(x)]

        #[test]
        fn it_always_holds(n in 0..3u32) {
            assert!(n < 3);
        }
    }
}
";

    fn parse(source: &str) -> Result<Listing, Problem> {
        Listing::parse(
            "listings/some-pattern/src/a_topic.rs",
            Kind::Topic,
            source.to_owned(),
        )
    }

    #[test]
    fn anchors_are_cut_without_markers_and_know_what_is_naive() {
        let listing = parse(SOURCE).unwrap();
        let code = |name: &str| listing.anchors[name].code.as_str();
        assert_eq!(code("inner"), "let wait = std::time::Duration::ZERO;\n");
        assert!(!code("outer").contains("ANCHOR"), "{}", code("outer"));
        assert!(listing.anchors["wrong"].naive && !listing.anchors["outer"].naive);
        assert!(!listing.whole().contains("ANCHOR"));
    }

    #[test]
    fn tests_are_found_with_their_source() {
        let listing = parse(SOURCE).unwrap();
        let names: Vec<_> =
            listing.tests.iter().map(|test| test.name.as_str()).collect();
        assert_eq!(names, ["it_holds", "it_is_skipped", "it_always_holds"]);
        assert!(listing.tests[0].source.starts_with("/// What it is.\n#[tokio::test"));
        assert!(listing.tests[0].source.ends_with("}\n"));
        assert_eq!(
            listing.tests.iter().map(|test| test.ignored).collect::<Vec<_>>(),
            [false, true, false]
        );
        assert!(listing.tests[2].source.contains("fn it_always_holds(n in 0..3u32)"));
        assert!(
            listing.tests[2].source.contains("#[test]"),
            "{}",
            listing.tests[2].source
        );
    }

    #[test]
    fn crates_are_those_named_outside_tests() {
        let listing = parse(SOURCE).unwrap();
        let wanted = ["tokio", "tokio-util"];
        assert!(
            wanted.iter().all(|name| listing.crates.contains(*name)),
            "{:?}",
            listing.crates
        );
        assert!(!listing.crates.contains("backend"));
    }

    #[test]
    fn the_place_of_a_file_tells_its_package_topic_and_command() {
        let listing = parse(SOURCE).unwrap();
        assert_eq!((&*listing.package, &*listing.topic), ("some-pattern", "a-topic"));
        assert_eq!(listing.command(), "cargo test -p some-pattern a_topic");
    }

    #[test]
    fn anchors_that_do_not_match_are_refused() {
        for (source, line, what) in [
            ("// ANCHOR: a\nfn f() {}\n", 1, "never ends"),
            ("fn f() {}\n// ANCHOR_END: a\n", 2, "never began"),
            (
                "// ANCHOR: a\nfn f() {}\n// ANCHOR_END: a\n// ANCHOR: a\n",
                4,
                "a second time",
            ),
            ("// ANCHOR: a\n// ANCHOR_END: a\n", 1, "holds nothing"),
        ] {
            let problem = parse(source).unwrap_err();
            assert_eq!(problem.line, line, "{problem}");
            assert!(problem.what.contains(what), "{problem}");
        }
        let long =
            format!("// ANCHOR: a\n{}// ANCHOR_END: a\n", "fn f() {}\n".repeat(41));
        assert!(parse(&long).unwrap_err().what.contains("41 lines"));
        let wide = format!("// ANCHOR: a\n// {}\n// ANCHOR_END: a\n", "x".repeat(86));
        assert!(parse(&wide).unwrap_err().what.contains("88 columns"));
    }

    #[test]
    fn what_is_not_rust_is_refused_with_its_line() {
        let problem = parse("fn f() {}\nfn g( {}\n").unwrap_err();
        assert_eq!(problem.line, 2, "{problem}");
    }
}

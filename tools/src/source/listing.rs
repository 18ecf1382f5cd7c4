//! A file of `listings/`: its anchors, its tests, what of it is wrong on purpose, the crates it needs.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::layout::{File, Place};
use crate::problem::Problem;
use crate::source::paths;
use crate::source::tokens::{self, ItemKind, Token};
use crate::source::uses::{Names, Needs, Uses};
use crate::text::dedent;

/// An anchor longer than this does not fit on a screen.
pub const MOST_LINES: usize = 40;

/// A line longer than this has to be scrolled.
pub const MOST_COLUMNS: usize = 88;

/// The documentation of a file that is not meant for a page has this line.
pub const SUPPORT: &str = "//! Support: no page shows this file";

/// A Rust file that a page can show, or whose tests it can name.
#[derive(Debug)]
pub struct Listing {
    /// Where it stands, and what it is for.
    pub file: File,
    /// The anchors by name.
    pub anchors: BTreeMap<String, Anchor>,
    /// The tests, in the order of the file.
    pub tests: Vec<Test>,
    /// The crates that it names outside its tests, with `-` for `_`.
    pub crates: BTreeSet<String>,
    /// The first two names of each path outside its tests, and the line of the first: `tokio`, `time`.
    pub paths: BTreeMap<(String, String), usize>,
    /// The first path that leads out of the file, and its line: see [`paths::outward`].
    pub outward: Option<(usize, String)>,
    /// It says that it is not meant for a page.
    pub support: bool,
    /// The whole file as a page shows it and a reader pastes it: without markers and proofs.
    pub whole: String,
    /// What it imports and defines; empty if it has no anchors.
    pub uses: Uses,
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
    /// The line of the closing marker.
    pub last_line: usize,
    /// What it takes from the rest of the file.
    pub needs: Needs,
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
    /// The attribute for which it does not run, so that it proves nothing.
    pub skipped: Option<String>,
}

impl Listing {
    /// Whether it stops Tokio's clock.
    pub fn pauses(&self) -> bool {
        let ways = ["start_paused", "time::pause", "time::advance"];
        ways.iter().any(|way| self.whole.contains(way))
    }

    /// Reads what `file` says.
    ///
    /// # Errors
    /// It is not Rust, or its anchors do not match.
    pub fn parse(file: File, text: &str) -> Result<Self, Vec<Problem>> {
        Self::read(file, text).map_err(|problem| vec![problem])
    }

    /// Whether this part is wrong on purpose.
    pub fn is_wrong(&self, anchor: &str) -> bool {
        let naive = self.anchors.get(anchor).is_some_and(|anchor| anchor.naive);
        naive || self.file.place == Place::Refused
    }

    fn read(file: File, text: &str) -> Result<Self, Problem> {
        let own = match file.place {
            Place::Use => paths::as_main(text),
            _ => text.into(),
        };
        let text = &*own;
        let tokens = tokens::tokens(text).map_err(|(line, what)| {
            let what = format!("not Rust: {what}");
            Problem::new(&file.path, line, what, "make it compile first")
        })?;
        let lines: Vec<_> = text.lines().collect();
        let (mut naive, mut tests, mut paths) =
            (Vec::new(), Vec::new(), BTreeMap::new());
        let mut left_out = Vec::new();
        let items = tokens::items(&tokens);
        for item in &items {
            let inside = &tokens[item.tokens.clone()];
            let span = lines_of(inside);
            match &item.kind {
                ItemKind::Module { name, here } => {
                    if name == "naive" {
                        naive.push(span.clone());
                    }
                    if item.in_tests && !here {
                        left_out.push(span);
                    }
                }
                ItemKind::Function(name) if item.has("test") => {
                    let source = lines[span.start() - 1..*span.end()].join("\n");
                    tests.push(Test {
                        name: name.clone(),
                        source: dedent(&source),
                        line: *span.start(),
                        skipped: skipped(item),
                    });
                }
                _ if item.in_tests => {}
                _ => {
                    for (root, next, line) in paths::paths(inside) {
                        let path = (root.to_owned(), next.to_owned());
                        paths.entry(path).or_insert(line);
                    }
                }
            }
        }
        let mut anchors = anchors(&file.path, text, &naive)?;
        let mut uses = Uses::default();
        if !anchors.is_empty() {
            let names = Names::read(text, &tokens, &items);
            for anchor in anchors.values_mut() {
                anchor.needs = names.needs(&(anchor.line..=anchor.last_line));
            }
            uses = names.uses;
        }
        Ok(Self {
            anchors,
            uses,
            support: lines.iter().any(|line| line.starts_with(SUPPORT)),
            whole: whole(&lines, &left_out),
            crates: paths.keys().map(|(root, _)| root.replace('_', "-")).collect(),
            outward: paths::outward(&tokens, &items),
            file,
            tests,
            paths,
        })
    }
}

/// The attribute for which a test does not run: `ignore`, also by a condition, or a condition that never holds.
fn skipped(item: &tokens::Item) -> Option<String> {
    let skips = |(name, all): &&(String, String)| match name.as_str() {
        "ignore" => true,
        "cfg_attr" => all.contains(",ignore"),
        "cfg" => all == "cfg(any())" || all == "cfg(false)",
        _ => false,
    };
    item.attributes.iter().find(skips).map(|(_, all)| format!("#[{all}]"))
}

fn lines_of(tokens: &[Token<'_>]) -> RangeInclusive<usize> {
    let first = tokens.first().map_or(1, |token| token.line);
    first..=tokens.last().map_or(first, |token| token.last_line)
}

/// The file without the markers of anchors, and without `left_out`.
fn whole(lines: &[&str], left_out: &[RangeInclusive<usize>]) -> String {
    let mut whole = String::new();
    for (index, line) in lines.iter().enumerate() {
        let out = left_out.iter().any(|lines| lines.contains(&(index + 1)));
        if !out && marker(line).is_none() {
            whole.push_str(line);
            whole.push('\n');
        }
    }
    let used = whole.trim_end().len();
    whole.truncate(used);
    whole.push('\n');
    whole
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
                let (last_line, needs) = (number, Needs::default());
                let anchor = Anchor { line, code, naive, last_line, needs };
                closed.insert(name.to_owned(), anchor);
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
    if code.trim().is_empty() {
        let what = format!("the anchor `{name}` holds nothing");
        return Err(Problem::new(path, line, what, "remove it, or move its markers"));
    }
    let less = "show less: the rest stands behind it";
    match too_large(&format!("the anchor `{name}`"), code, less) {
        Some((what, mend)) => Err(Problem::new(path, line, what, mend)),
        None => Ok(()),
    }
}

/// Why code does not fit on a screen, and what to do: `less`, if it has too many lines.
pub fn too_large(subject: &str, code: &str, less: &str) -> Option<(String, String)> {
    if let Some(long) = code.lines().find(|line| line.chars().count() > MOST_COLUMNS) {
        let what = format!("{subject} has a line of more than {MOST_COLUMNS} columns");
        return Some((what, format!("break it: {}", long.trim())));
    }
    let lines = code.lines().count();
    (lines > MOST_LINES).then(|| {
        let what = format!("{subject} has {lines} lines, more than {MOST_LINES}");
        (what, less.to_owned())
    })
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
        let file = File::at("listings/some-pattern/src/a_topic.rs").unwrap();
        Listing::read(file, source)
    }

    #[test]
    fn anchors_are_cut_without_markers_and_know_what_is_naive() {
        let listing = parse(SOURCE).unwrap();
        let code = |name: &str| listing.anchors[name].code.as_str();
        assert_eq!(code("inner"), "let wait = std::time::Duration::ZERO;\n");
        assert!(!code("outer").contains("ANCHOR"), "{}", code("outer"));
        assert!(listing.anchors["wrong"].naive && !listing.anchors["outer"].naive);
        assert!(!listing.whole.contains("ANCHOR"));
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
            listing.tests.iter().map(|test| test.skipped.is_some()).collect::<Vec<_>>(),
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
    fn what_is_pasted_has_no_proofs_of_its_own_file() {
        let listing =
            parse("//! A topic.\n\npub fn f() {}\n\n#[cfg(test)]\nmod tests;\n")
                .unwrap();
        assert_eq!(listing.whole, "//! A topic.\n\npub fn f() {}\n");
    }

    #[test]
    fn a_test_that_never_runs_says_why() {
        for attribute in [
            "#[ignore]",
            "#[ignore = \"slow\"]",
            "#[cfg_attr(unix, ignore)]",
            "#[cfg(any())]",
        ] {
            let listing = parse(&format!("#[test]\n{attribute}\nfn it_holds() {{}}\n"));
            let skipped = listing.unwrap().tests[0].skipped.clone();
            assert!(skipped.is_some(), "{attribute}");
        }
        let listing = parse("#[test]\n#[cfg(unix)]\nfn it_holds() {}\n").unwrap();
        assert_eq!(listing.tests[0].skipped, None);
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

//! What *Copy* gives of a whole use: the program, and below it the listings that it calls. It builds alone.
//!
//! A program names a listing by its path, `use some_pattern::a_topic::idea;`. In one file this path leads to a
//! module of the same name, so that nobody has to change a line. What those listings call of the book comes
//! along; crates of a registry stand in the `[dependencies]` beside the program.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::layout::{File, module};
use crate::problem::Problem;
use crate::source;
use crate::source::listing::{self, Listing};
use crate::source::tokens::{self, Token};

/// A use that a page shows whole, and what it calls of the book.
#[derive(Debug)]
pub struct Paste {
    /// The program.
    pub program: Arc<Listing>,
    /// What stands below it.
    below: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Whole(Arc<Listing>),
}

impl Paste {
    /// The file that a reader pastes.
    pub fn text(&self) -> String {
        let mut text = self.program.whole.clone();
        for piece in &self.below {
            text.push_str(match piece {
                Piece::Text(text) => text,
                Piece::Whole(listing) => &listing.whole,
            });
        }
        text
    }

    /// What stands below the program, as JSON: text, and the ids of whole files, which the page has already.
    pub fn below(&self) -> Value {
        let pieces = self.below.iter().map(|piece| match piece {
            Piece::Text(text) => json!(text),
            Piece::Whole(listing) => json!({ "file": listing.file.whole_id() }),
        });
        pieces.collect()
    }

    /// The listings that it calls, and those that they call.
    pub fn files(&self) -> impl Iterator<Item = &Arc<Listing>> {
        self.below.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Whole(listing) => Some(listing),
        })
    }

    /// All that is in it: the program and its listings.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Listing>> {
        [&self.program].into_iter().chain(self.files())
    }

    /// Whether a part of it is compiled only with a feature that is not on by default.
    pub fn is_behind(&self) -> bool {
        self.all().any(|listing| listing.file.behind.is_some())
    }

    /// Whether it is made of the same parsed files as another one, in the same way.
    pub fn is_as(&self, other: &Self) -> bool {
        let same = |(one, other): (&Piece, &Piece)| match (one, other) {
            (Piece::Text(one), Piece::Text(other)) => one == other,
            (Piece::Whole(one), Piece::Whole(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        Arc::ptr_eq(&self.program, &other.program)
            && self.below.len() == other.below.len()
            && self.below.iter().zip(&other.below).all(same)
    }

    /// Whether it stops the clock, for which Tokio has to be told: it is a feature for tests.
    pub fn pauses(&self) -> bool {
        self.program.pauses()
    }

    /// What `program` needs, found in the book at `root`, whose packages and listings are these.
    ///
    /// # Errors
    /// It does not fit on a screen, or could not be built alone.
    pub fn of(program: &Arc<Listing>, book: &Shelf<'_>) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let less = "show less: a later step is a use of its own, shown by an anchor";
        let told = listing::too_large("the use", &program.whole, less);
        let path = &program.file.path;
        problems.extend(told.map(|(what, mend)| Problem::new(path, 0, what, mend)));
        if let Some((line, path)) = &program.outward {
            let what =
                format!("`{path}` leads out of the use, and nothing is around it");
            let mend = "move here what it names; or show it by an anchor, as a step of another use";
            problems.push(Problem::new(&program.file.path, *line, what, mend));
        }
        let mut called = BTreeMap::new();
        let mut waiting = VecDeque::from([Arc::clone(program)]);
        while let Some(listing) = waiting.pop_front() {
            for (package, name, line) in book.named_by(&listing) {
                match book.find(package, name) {
                    Ok(Some(found)) => {
                        let key = (package.to_owned(), found.file.topic.module());
                        if let Entry::Vacant(place) = called.entry(key) {
                            place.insert(Arc::clone(found));
                            problems.extend(alone(found));
                            waiting.push_back(Arc::clone(found));
                        }
                    }
                    // What is wrong with the file is told already.
                    Ok(None) => {}
                    Err((what, mend)) => {
                        let path = &listing.file.path;
                        problems.push(Problem::new(path, line, what, mend));
                    }
                }
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self { program: Arc::clone(program), below: below(program, called, book) })
    }
}

/// What a paste is made of: the packages of the book, and their listings.
#[derive(Debug)]
pub struct Shelf<'a> {
    /// The root of the book.
    pub root: &'a Path,
    /// The names of the packages.
    pub packages: &'a BTreeSet<String>,
    /// The listings, by path.
    pub listings: &'a BTreeMap<String, Arc<Listing>>,
    /// Files with mistakes of their own, by path.
    pub broken: &'a BTreeSet<String>,
}

type Told = (String, &'static str);

impl<'a> Shelf<'a> {
    /// What a file names of the packages of the book: the package, what of it, the line.
    fn named_by<'l>(
        &self,
        listing: &'l Listing,
    ) -> impl Iterator<Item = (&'a str, &'l str, usize)> {
        listing.paths.iter().filter_map(|((root, name), line)| {
            let package = self.packages.iter().find(|it| module(it) == *root)?;
            Some((package.as_str(), name.as_str(), *line))
        })
    }

    /// The listing of `package` that is, or has, what `name` says at the root of the package.
    fn find(
        &self,
        package: &str,
        name: &str,
    ) -> Result<Option<&'a Arc<Listing>>, Told> {
        let path = |name: &str| format!("listings/{package}/src/{name}.rs");
        let mut wanted = path(name);
        if !self.listings.contains_key(&wanted) && !self.broken.contains(&wanted) {
            let again = self.shared(package);
            let again = again.iter().find(|it| it.names.iter().any(|it| it == name));
            let Some(again) = again else {
                let what = format!("`{package}` has no `{name}` that can be pasted");
                return Err((
                    what,
                    "name a listing by its path, `package::topic::name`",
                ));
            };
            wanted = path(&again.module);
        }
        match self.listings.get(&wanted) {
            Some(found) if found.support => {
                let what = format!("{wanted} is not for readers, and a use is pasted");
                Err((what, "use listings and crates of a registry only"))
            }
            found => Ok(found),
        }
    }

    /// What the root of a package gives a shorter path.
    fn shared(&self, package: &str) -> Vec<Shared> {
        let path = format!("listings/{package}/src/lib.rs");
        let text = source::read(self.root, &path).unwrap_or_default();
        let Ok(tokens) = tokens::tokens(&text) else { return Vec::new() };
        let items = tokens::items(&tokens).into_iter();
        items.filter_map(|item| shared(&text, &tokens[item.tokens])).collect()
    }
}

/// `pub use module::{A, B};` in the root of a package.
struct Shared {
    module: String,
    names: Vec<String>,
    text: String,
}

fn shared(text: &str, tokens: &[Token<'_>]) -> Option<Shared> {
    let [public, word, module, .., last] = tokens else { return None };
    if (public.text, word.text) != ("pub", "use") {
        return None;
    }
    let names = tokens[3..].iter().filter(|token| token.is_name);
    Some(Shared {
        module: module.text.to_owned(),
        names: names.map(|token| token.text.to_owned()).collect(),
        text: text[public.at..=last.at].to_owned(),
    })
}

/// Why a listing cannot stand in a module of another file.
fn alone(listing: &Listing) -> Option<Problem> {
    let (line, path) = listing.outward.as_ref()?;
    let what = format!("`{path}` leads elsewhere where a reader pastes this file");
    let mend =
        format!("name it by the package, `{}::…`", module(&listing.file.topic.pattern));
    Some(Problem::new(&listing.file.path, *line, what, mend))
}

/// The modules below the program: its own package first.
fn below(
    program: &Listing,
    called: BTreeMap<(String, String), Arc<Listing>>,
    book: &Shelf<'_>,
) -> Vec<Piece> {
    let mut packages: Vec<(String, Vec<Arc<Listing>>)> = Vec::new();
    for ((package, _), listing) in called {
        match packages.last_mut() {
            Some((last, listings)) if *last == package => listings.push(listing),
            _ => packages.push((package, vec![listing])),
        }
    }
    packages.sort_by_key(|(package, _)| *package != program.file.topic.pattern);
    let mut pieces = Vec::new();
    let mut text = String::new();
    for (package, listings) in packages {
        let _ = write!(
            text,
            "\n// From the book; it has more than the program calls.\n\
             #[allow(dead_code, unused_imports)]\nmod {} {{\n",
            module(&package)
        );
        for listing in &listings {
            let name = listing.file.topic.module();
            let _ = write!(text, "\n// {}\npub mod {name} {{\n", listing.file.path);
            pieces.push(Piece::Text(std::mem::take(&mut text)));
            pieces.push(Piece::Whole(Arc::clone(listing)));
            let names: BTreeSet<_> =
                book.named_by(listing).map(|(package, ..)| module(package)).collect();
            for name in names {
                let _ = write!(text, "\nuse crate::{name};\n");
            }
            text.push_str("}\n");
        }
        let is_here =
            |it: &Shared| listings.iter().any(|l| l.file.topic.module() == it.module);
        for shared in book.shared(&package).iter().filter(|it| is_here(it)) {
            let _ = write!(text, "\n{}\n", shared.text);
        }
        text.push_str("}\n");
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    pieces
}

/// Why a use never runs, or nobody looks at what it prints, as lines of text.
pub fn never_runs(root: &Path, file: &File, recorded: bool) -> Vec<String> {
    let (package, name) = (&file.topic.pattern, file.topic.module());
    let main = format!("listings/{package}/examples/uses/main.rs");
    let mut reasons = Vec::from_iter(source::not_a_module(root, &main, &name));
    let tests = format!("listings/{package}/tests/programs.rs");
    let tests = source::read(root, &tests).unwrap_or_default();
    let lists = tests.split("check_uses!(").skip(1);
    let mut checked = lists.flat_map(|list| {
        let list = list.split(')').next().unwrap_or_default();
        list.split(',').map(str::trim)
    });
    if !checked.any(|checked| checked == name) {
        reasons.push("`check_uses!` in tests/programs.rs does not name it".to_owned());
    }
    if !recorded {
        reasons.push(format!("there is no {}: `cargo run -- record`", file.output()));
    }
    reasons.into_iter().map(|reason| format!("{}: {reason}", file.path)).collect()
}

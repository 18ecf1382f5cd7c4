//! The preprocessor `listings`: puts the book's proofs, recordings and figures into its pages.
//!
//! It runs before mdBook's `links`. The includes of pages have mdBook's own syntax; those of listings are
//! expanded here, because mdBook passes over an anchor that does not exist and keeps the indentation of
//! the file. Whole recordings are left to mdBook.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use mdbook_preprocessor::book::{Book as MdBook, BookItem};
use mdbook_preprocessor::errors::Result as MdResult;
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};

use crate::figure::Figure;
use crate::highlight;
use crate::listing::{Kind, Listing, Listings};
use crate::manifest::Manifest;
use crate::page::{Page, ProofName, Show, Shown};
use crate::problem::{Problem, Problems};
use crate::text::{Edits, fence, html};

/// The name of the renderer for which listings become what skeptic compiles.
pub const SKEPTIC: &str = "skeptic";

/// The sources that pages take from.
#[derive(Debug)]
pub struct Sources {
    root: PathBuf,
    /// The files of `listings/`.
    pub listings: Listings,
    manifest: Manifest,
}

/// A page before and after: its path from `src/`, and its Markdown.
pub type PageText = (PathBuf, String);

/// What the pages of a book show, for the checks in `tests/`.
#[derive(Debug, Default)]
pub struct Report {
    /// Paths of listings and the anchors shown.
    pub anchors: BTreeSet<(String, String)>,
    /// Paths of recorded files shown.
    pub outputs: BTreeSet<String>,
    /// Names of figures drawn.
    pub figures: BTreeSet<String>,
    /// Tests that prove something, once each.
    pub promises: Vec<Promise>,
}

/// A test that a page names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promise {
    /// The page, from the root of the book.
    pub page: PathBuf,
    /// The line in the page.
    pub line: usize,
    /// The file that the test stands in, from the root of the book.
    pub file: String,
    /// The name of the test function; for a refused listing, of its file.
    pub test: String,
}

impl Sources {
    /// Reads what pages can show.
    ///
    /// # Errors
    /// Cargo.toml or Cargo.lock cannot be used. What is wrong with a listing is told by
    /// [`Sources::expand`].
    pub fn read(root: &Path) -> Result<Self, Problems> {
        let manifest = Manifest::read(root)?;
        Ok(Self { root: root.to_owned(), listings: Listings::read(root), manifest })
    }

    /// The pages with everything put in, and what they show.
    ///
    /// # Errors
    /// All mistakes in the pages and their listings.
    pub fn expand(
        &self,
        pages: &[PageText],
        renderer: &str,
    ) -> Result<(Vec<String>, Report), Problems> {
        let mut problems = self.listings.problems.clone();
        let mut parsed = Vec::new();
        for (path, text) in pages {
            let (page, found) = Page::read(&Path::new("src").join(path), text);
            problems.extend(found);
            parsed.push(page);
        }
        let mut book = Expansion {
            sources: self,
            skeptic: renderer == SKEPTIC,
            report: Report::default(),
            promises: HashMap::new(),
            homes: parsed.iter().flat_map(homes).collect(),
            ids: HashMap::new(),
            problems,
        };
        let texts: Vec<_> = parsed.iter().map(|page| book.page(page)).collect();
        if book.problems.is_empty() {
            Ok((texts, book.report))
        } else {
            Err(Problems(book.problems))
        }
    }
}

/// The work on one book.
struct Expansion<'a> {
    sources: &'a Sources,
    skeptic: bool,
    report: Report,
    /// Where the proof of each promise stands, by id.
    promises: HashMap<String, PathBuf>,
    /// The page of its own topic for each proof that is named there: the proof stands on that page, whoever
    /// names it first.
    homes: HashMap<String, PathBuf>,
    /// Where each other id was given.
    ids: HashMap<String, String>,
    problems: Vec<Problem>,
}

impl<'a> Expansion<'a> {
    fn page(&mut self, page: &Page) -> String {
        let mut edits = Edits::default();
        let mut files = BTreeMap::new();
        for shown in &page.shown {
            if let Some(text) = self.shown(page, shown, &mut files) {
                edits.replace(shown.range.clone(), text);
            }
        }
        for table in &page.proofs {
            let mut proofs = String::new();
            for name in &table.names {
                if let Some((link, proof)) = self.proof(page, name, &files) {
                    edits.replace(name.range.clone(), link);
                    proofs.push_str(&proof);
                }
            }
            if !proofs.is_empty() {
                let count = proofs.matches("<details class=\"proof\"").count();
                let what = if count == 1 { "proof" } else { "proofs" };
                let proofs = format!(
                    "\n<details class=\"proofs\"><summary>{count} {what}</summary>\n\n{proofs}</details>\n\n"
                );
                edits.replace(table.end..table.end, proofs);
            }
        }
        let mut text = edits.apply(&page.text);
        self.appendix(page, &files, &mut text);
        text
    }

    fn problem(
        &mut self,
        page: &Page,
        at: usize,
        what: String,
        mend: impl Into<String>,
    ) {
        self.problems.push(Problem::new(&page.file, page.lines.of(at), what, mend));
    }

    /// Claims an id, which must be unique in the book.
    fn claim(&mut self, page: &Page, at: usize, id: &str) -> bool {
        let here = format!("{}:{}", page.file.display(), page.lines.of(at));
        if let Some(there) = self.ids.insert(id.to_owned(), here) {
            let what = format!(
                "`{id}` stands in {there} already, and ids are unique in the book"
            );
            self.problem(
                page,
                at,
                what,
                "show it once and link to it; or name the anchor anew",
            );
            return false;
        }
        true
    }

    fn shown(
        &mut self,
        page: &Page,
        shown: &Shown,
        files: &mut BTreeMap<String, &'a Listing>,
    ) -> Option<String> {
        let at = shown.range.start;
        match &shown.what {
            Show::Listing { path, anchor } => {
                let listing = self.listing(page, at, path)?;
                files.insert(path.clone(), listing);
                self.anchor(page, at, listing, anchor)
            }
            Show::Output { path } => {
                let recording = self.recorded(page, at, path)?;
                let code = &page.text[shown.range.clone()];
                self.report.outputs.insert(path.clone());
                Some(format!("{recording}{}\n</figure>\n\n", block(code)))
            }
            Show::Figure(name) => {
                self.report.figures.insert(name.clone());
                self.figure(page, at, name)
            }
            Show::Versions => Some(format!("{}\n", self.sources.manifest.versions())),
        }
    }

    fn listing(&mut self, page: &Page, at: usize, path: &str) -> Option<&'a Listing> {
        let found = self.sources.listings.files.get(path);
        let broken =
            self.problems.iter().any(|problem| problem.file == Path::new(path));
        if found.is_none() && !broken {
            let what = format!("there is no listing {path}");
            let mend = "a listing is a .rs file in src/, examples/ or ui/ of a crate in listings/";
            self.problem(page, at, what, mend);
        }
        found
    }

    fn anchor(
        &mut self,
        page: &Page,
        at: usize,
        listing: &Listing,
        name: &str,
    ) -> Option<String> {
        let Some(anchor) = listing.anchors.get(name) else {
            let known: Vec<_> = listing.anchors.keys().map(String::as_str).collect();
            let what = format!("{} has no anchor `{name}`", listing.path);
            let mend = match known[..] {
                [] => format!(
                    "mark it with `// ANCHOR: {name}` and `// ANCHOR_END: {name}`"
                ),
                _ => format!("one of: {}", known.join(", ")),
            };
            self.problem(page, at, what, mend);
            return None;
        };
        let id = format!("listing-{}-{name}", listing.topic);
        if !self.claim(page, at, &id) {
            return None;
        }
        self.report.anchors.insert((listing.path.clone(), name.to_owned()));
        if self.skeptic {
            // Part of a file, which skeptic compiles whole, at the end of the page.
            return Some(String::new());
        }
        let (class, verdict) = match (listing.kind, anchor.naive) {
            (Kind::Refused, _) => ("listing wrong", "Wrong: the compiler refuses it"),
            (_, true) => ("listing wrong", "Wrong, kept to be measured"),
            (_, false) => ("listing", ""),
        };
        let mut out = format!(
            "<figure class=\"{class}\" id=\"{id}\" data-file=\"{}\">\n",
            whole_id(listing)
        );
        if !verdict.is_empty() {
            let _ = writeln!(out, "<p class=\"verdict\">{verdict}</p>");
        }
        let _ = write!(
            out,
            "\n{}\n<figcaption><a href=\"{}\"><code>{}</code></a> <code class=\"command\">{}</code>\
             {}</figcaption>\n</figure>\n\n",
            highlight::rust(&anchor.code),
            self.source(&listing.path, anchor.line),
            listing.path,
            listing.command(),
            permalink(&id, "listing")
        );
        Some(out)
    }

    /// Where a file is kept.
    fn source(&self, path: &str, line: usize) -> String {
        format!("{}/blob/main/{path}#L{line}", self.sources.manifest.repository())
    }

    /// The head of a figure around a recorded file.
    fn recorded(&mut self, page: &Page, at: usize, path: &str) -> Option<String> {
        let path_buf = Path::new(path);
        let ending =
            path_buf.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let stem = path_buf.file_stem().unwrap_or_default().to_string_lossy();
        let caption = match ending {
            "out" => path.split('/').nth(1).map(|package| {
                let (verb, command, target) = if path.contains("/benches/") {
                    ("Measured", "bench", "bench")
                } else {
                    ("Printed", "run", "example")
                };
                format!(
                    "{verb} by <code>cargo {command} -p {package} --{target} {stem}</code>"
                )
            }),
            "stderr" => Some("What the compiler says".to_owned()),
            _ => None,
        };
        let Some(caption) = caption.filter(|_| path.starts_with("listings/")) else {
            let what = format!("{path} is not a recording");
            self.problem(
                page,
                at,
                what,
                "include a .out or .stderr file below listings/",
            );
            return None;
        };
        if !self.sources.root.join(path).is_file() {
            let mend = "correct the path, or make the file with `cargo run -- record`";
            self.problem(page, at, format!("there is no {path}"), mend);
            return None;
        }
        let id = format!("output-{}", stem.replace('_', "-"));
        self.claim(page, at, &id).then(|| {
            format!(
                "<figure class=\"output\" id=\"{id}\">\n<p class=\"verdict\">{caption} {}</p>\n\n",
                permalink(&id, "output")
            )
        })
    }

    fn figure(&mut self, page: &Page, at: usize, name: &str) -> Option<String> {
        let file = format!("figures/{}.json", name.replace('-', "_"));
        let packages = self.sources.listings.packages.iter();
        let path = packages
            .map(|package| (package, format!("listings/{package}/{file}")))
            .find(|(_, path)| self.sources.root.join(path).is_file());
        let Some((package, path)) = path else {
            let what = format!("there is no recorded figure `{name}`");
            let mend = format!("record it: a crate in listings/ has {file}");
            self.problem(page, at, what, mend);
            return None;
        };
        let json = fs::read_to_string(self.sources.root.join(&path));
        let figure = json
            .map_err(|error| error.to_string())
            .and_then(|json| Figure::parse(&json).map_err(|error| error.to_string()));
        match figure {
            Err(error) => {
                let mend = "make it anew with `cargo run -- record`";
                self.problems.push(Problem::new(path, 0, error, mend));
                None
            }
            Ok(_) if self.skeptic => None,
            Ok(figure) => {
                let test = name.replace('-', "_");
                let command = format!("cargo test -p {package} --test figures {test}");
                let id = format!("figure-{name}");
                self.claim(page, at, &id)
                    .then(|| format!("{}\n", figure.html(name, &command)))
            }
        }
    }

    /// What stands in a *Proof* column, and the proof itself where this page is the first to name it.
    fn proof(
        &mut self,
        page: &Page,
        name: &ProofName,
        files: &BTreeMap<String, &'a Listing>,
    ) -> Option<(String, String)> {
        let at = name.range.start;
        let proof = match self.find_proof(page, &name.name, files) {
            Ok(proof) => proof,
            Err((what, mend)) => {
                if !self.in_broken_listing(page, &name.name) {
                    self.problem(page, at, what, mend);
                }
                return None;
            }
        };
        let id = promise_id(&proof.listing.topic, &proof.test);
        let owner = self.homes.get(&id).or_else(|| self.promises.get(&id));
        let elsewhere = owner.filter(|owner| **owner != page.file);
        let target = match elsewhere {
            Some(owner) => format!("{}#{id}", relative(&page.file, owner)),
            None => format!("#{id}"),
        };
        // A name may break after each word of it.
        let link =
            format!("[<code>{}</code>]({target})", proof.test.replace('_', "_<wbr>"));
        if elsewhere.is_some() || self.promises.contains_key(&id) || self.skeptic {
            return Some((link, String::new()));
        }
        self.promises.insert(id.clone(), page.file.clone());
        self.report.promises.push(Promise {
            page: page.file.clone(),
            line: page.lines.of(at),
            file: proof.listing.path.clone(),
            test: proof.test.clone(),
        });
        let details = format!(
            "<details class=\"proof\"><summary><code>{}</code></summary>\n<div id=\"{id}\">\n\n\
             {}\n<p class=\"source\"><a href=\"{}\"><code>{}</code></a> {}</p>\n</div>\n</details>\n\n",
            html(&proof.test).replace('_', "_<wbr>"),
            proof.shown(&self.sources.root),
            self.source(&proof.listing.path, proof.line),
            proof.listing.path,
            permalink(&id, "proof")
        );
        Some((link, details))
    }

    /// The listing that may hold the test has a mistake of its own, which is told already.
    fn in_broken_listing(&self, page: &Page, name: &str) -> bool {
        let topic = name.split_once("::").map_or(&*page.topic, |(topic, _)| topic);
        let wanted = topic.replace('-', "_");
        self.sources.listings.problems.iter().any(|problem| {
            problem
                .file
                .file_stem()
                .is_some_and(|stem| stem.to_string_lossy() == wanted)
        })
    }

    fn find_proof(
        &self,
        page: &Page,
        name: &str,
        files: &BTreeMap<String, &'a Listing>,
    ) -> Result<Proof<'a>, (String, String)> {
        let listings = &self.sources.listings;
        let (topics, test) = if let Some((topic, test)) = name.split_once("::") {
            (BTreeSet::from([topic.replace('_', "-")]), test)
        } else {
            let shown = files.values().map(|listing| listing.topic.clone());
            (shown.chain([page.topic.clone()]).collect(), name)
        };
        let mut found: Vec<Proof<'_>> = listings
            .of_topics(&topics)
            .into_iter()
            .flat_map(|listing| listing.tests.iter().map(move |it| (listing, it)))
            .filter(|(_, it)| it.name == test)
            .map(|(listing, it)| Proof {
                listing,
                test: it.name.clone(),
                source: it.source.clone(),
                line: it.line,
                ignored: it.ignored,
            })
            .collect();
        let refused = listings.files.values().filter(|listing| {
            listing.kind == Kind::Refused && listing.topic.replace('-', "_") == test
        });
        found.extend(refused.map(|listing| Proof {
            listing,
            test: test.to_owned(),
            source: listing.whole(),
            line: 1,
            ignored: false,
        }));
        let topics: Vec<_> =
            topics.iter().map(|topic| topic.replace('-', "_")).collect();
        match found.len() {
            0 => {
                let what = format!("no test `{test}` in {}", topics.join(", "));
                Err((
                    what,
                    "write it, correct its name, or name its topic: `topic::test`"
                        .into(),
                ))
            }
            1 if found[0].ignored => {
                let what =
                    format!("the test `{test}` is ignored, so it proves nothing");
                Err((what, format!("remove #[ignore] in {}", found[0].listing.path)))
            }
            1 => Ok(found.remove(0)),
            _ => {
                let where_: Vec<_> =
                    found.iter().map(|it| it.listing.path.as_str()).collect();
                let what = format!("`{test}` is a test in {}", where_.join(" and in "));
                Err((what, "say which: `topic::test`, or rename one".into()))
            }
        }
    }

    /// What each page ends with: what its listings need, the files whole, where to report a mistake.
    fn appendix(
        &self,
        page: &Page,
        files: &BTreeMap<String, &'a Listing>,
        text: &mut String,
    ) {
        let whole: Vec<_> =
            files.values().filter(|it| it.kind != Kind::Refused).collect();
        if !whole.is_empty() && !self.skeptic {
            let crates =
                whole.iter().flat_map(|it| it.crates.iter().cloned()).collect();
            let toml = fence("toml", &self.sources.manifest.dependencies(&crates));
            let _ = write!(
                text,
                "\n<section class=\"dependencies\" id=\"dependencies-{}\">\n\n\
                 The listings on this page need, in your `Cargo.toml`:\n\n{toml}\n</section>\n",
                page.topic
            );
        }
        for listing in whole {
            let code = listing.whole();
            if self.skeptic {
                let _ = write!(text, "\n{}", skeptic_block(listing, &code));
                continue;
            }
            let _ = write!(
                text,
                "\n<details class=\"whole\"><summary>The whole file: <code>{}</code></summary>\n\
                 <div id=\"{}\">\n\n{}\n</div>\n</details>\n",
                listing.path,
                whole_id(listing),
                highlight::folded(&code)
            );
        }
        if !self.skeptic {
            let repository = self.sources.manifest.repository();
            let file = page.file.display().to_string().replace('\\', "/");
            let _ = write!(
                text,
                "\n<footer class=\"colophon\">\n\n[The source of this page]({repository}/blob/main/{file}) \
                 · [Report a mistake]({repository}/issues/new?title={file})\n\n</footer>\n"
            );
        }
    }
}

/// A test that was found.
struct Proof<'a> {
    listing: &'a Listing,
    test: String,
    source: String,
    line: usize,
    ignored: bool,
}

impl Proof<'_> {
    /// The test; of a refused listing, the code and what the compiler says.
    fn shown(&self, root: &Path) -> String {
        let code = highlight::folded(&self.source);
        let message = Path::new(&self.listing.path).with_extension("stderr");
        match fs::read_to_string(root.join(message)) {
            Ok(message) if self.listing.kind == Kind::Refused => {
                format!("{code}\n{}", fence("text", &message.replace("\r\n", "\n")))
            }
            _ => code,
        }
    }
}

/// The proofs that a page names of its own topic, by id.
fn homes(page: &Page) -> Vec<(String, PathBuf)> {
    let own = page.topic.replace('-', "_");
    let names = page.proofs.iter().flat_map(|table| &table.names);
    let tests = names.filter_map(|name| match name.name.split_once("::") {
        None => Some(name.name.as_str()),
        Some((topic, test)) => (topic == own).then_some(test),
    });
    tests.map(|test| (promise_id(&page.topic, test), page.file.clone())).collect()
}

/// The id of the proof of a promise.
fn promise_id(topic: &str, test: &str) -> String {
    format!("promise-{topic}-{test}")
}

/// The id of a whole file, at the end of its page.
fn whole_id(listing: &Listing) -> String {
    format!("whole-{}", listing.topic)
}

/// A link to what it stands in, to be copied.
fn permalink(id: &str, what: &str) -> String {
    format!(
        "<a class=\"permalink\" href=\"#{id}\" aria-label=\"Link to this {what}\">#</a>"
    )
}

/// What skeptic compiles of a file: a program runs, a listing only has to compile by itself.
fn skeptic_block(listing: &Listing, code: &str) -> String {
    match listing.kind {
        Kind::Program => fence("rust", code),
        _ => fence("rust,no_run", &format!("{code}\nfn main() {{}}\n")),
    }
}

/// A fence, on lines of its own.
fn block(code: &str) -> String {
    format!("{}\n", code.trim_end())
}

/// The link from one page to another; both from the root of the book.
fn relative(from: &Path, to: &Path) -> String {
    let up = from.components().count().saturating_sub(2);
    let to: PathBuf = to.components().skip(1).collect();
    format!("{}{}", "../".repeat(up), to.display().to_string().replace('\\', "/"))
}

/// The preprocessor as mdBook knows it.
#[derive(Debug, Default)]
pub struct ListingsPreprocessor;

impl Preprocessor for ListingsPreprocessor {
    fn name(&self) -> &'static str {
        "listings"
    }

    fn run(&self, context: &PreprocessorContext, mut book: MdBook) -> MdResult<MdBook> {
        let mut pages = Vec::new();
        book.for_each_mut(|item| {
            if let BookItem::Chapter(chapter) = item
                && let Some(path) = &chapter.source_path
            {
                pages.push((path.clone(), std::mem::take(&mut chapter.content)));
            }
        });
        let (texts, _) =
            Sources::read(&context.root)?.expand(&pages, &context.renderer)?;
        let mut texts = texts.into_iter();
        book.for_each_mut(|item| {
            if let BookItem::Chapter(chapter) = item
                && chapter.source_path.is_some()
                && let Some(text) = texts.next()
            {
                chapter.content = text;
                // The theme's list of pages has these paths, and cannot change their ending itself.
                if let Some(path) = &mut chapter.path {
                    path.set_extension("html");
                }
            }
        });
        Ok(book)
    }
}

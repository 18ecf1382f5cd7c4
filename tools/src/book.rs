//! The whole book: each include, proof, figure, id and link of its pages, found once.
//!
//! [`Book::read`] tells all mistakes at once. What has become a [`Book`] has none, so that
//! [`crate::render`] cannot fail.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::differences::{self, Line};
use crate::imports;
use crate::layout::{self, File, PLACES, Place, Topic};
use crate::paste::{self, Paste, Shelf};
use crate::problem::{Problem, Problems};
use crate::source::behind::Behind;
use crate::source::listing::{Anchor, Listing};
use crate::source::manifest::Manifest;
use crate::source::page::{Page, Wanted};
use crate::source::recording::Recording;
use crate::source::{self, Cache, summary};

/// The line of an exercise below which its tests stand.
pub const EXERCISE_TESTS: &str =
    "\n// Do not change what follows: it tests what you wrote.\n";

/// A book without mistakes.
#[derive(Debug)]
pub struct Book {
    /// What its listings depend on.
    pub manifest: Manifest,
    /// Its pages, in the order of SUMMARY.md.
    pub pages: Vec<BookPage>,
    /// The tests that prove something, each once.
    pub promises: Vec<Promise>,
    /// The files of Rust that pages can show, by path.
    pub listings: BTreeMap<String, Arc<Listing>>,
    /// What runs gave, by path.
    pub recordings: BTreeMap<String, Arc<Recording>>,
}

/// A page, and what it refers to.
#[derive(Debug)]
pub struct BookPage {
    /// As it was read.
    pub page: Arc<Page>,
    /// What stands in the place of its blocks, in its order.
    pub blocks: Vec<Block>,
    /// Its pairs, wrong and right, in its order.
    pub pairs: Vec<[Half; 2]>,
    /// The proofs that it names, in its order.
    pub proofs: Vec<Named>,
    /// The files of which it shows a part, except refused ones, and those that its uses call, by path.
    pub files: Vec<Arc<Listing>>,
}

/// What a page takes from elsewhere.
#[derive(Debug)]
pub struct Block {
    /// The part of the page that makes room for it.
    pub range: Range<usize>,
    /// What it is.
    pub what: Shown,
    /// The `use` lines that it needs, of a listing.
    pub imports: String,
}

/// What is shown in a page.
#[derive(Debug)]
pub enum Shown {
    /// A part of a listing.
    Listing {
        /// The file.
        listing: Arc<Listing>,
        /// The name of the part, which the file has.
        anchor: String,
    },
    /// A whole use.
    Use(Paste),
    /// What a program printed, or the compiler said.
    Output(Arc<Recording>),
    /// A figure.
    Figure(Arc<Recording>),
    /// A chart.
    Chart(Arc<Recording>),
    /// A test, whole: which of [`Book::promises`].
    Test(usize),
    /// An exercise.
    Exercise {
        /// What a reader mends.
        task: Arc<Listing>,
        /// The same, mended.
        solution: Arc<Listing>,
    },
    /// What stands in a Cargo.toml for these crates.
    Dependencies(BTreeSet<String>),
    /// The table of versions.
    Versions,
}

impl Shown {
    /// The code of a listing.
    pub fn code(&self) -> &str {
        match self {
            Self::Listing { listing, anchor } => {
                listing.anchors.get(anchor).map_or("", |anchor| &anchor.code)
            }
            Self::Use(paste) => &paste.program.whole,
            Self::Exercise { task, .. } => &task.whole,
            Self::Output(_)
            | Self::Figure(_)
            | Self::Chart(_)
            | Self::Test(_)
            | Self::Dependencies(_)
            | Self::Versions => "",
        }
    }
}

impl BookPage {
    /// Whether all its blocks were found; what was not found is told.
    fn is_whole(&self) -> bool {
        self.blocks.len() == self.page.blocks.len()
    }

    /// Whether it is rendered as `before`, the page of `book` that stood in its place: made of the same parsed
    /// files, with its proofs in the same places. `false` for two that are equal by chance.
    pub fn is_as(&self, of: &Book, before: &Self, book: &Book) -> bool {
        let same_promise = |one: usize, other: usize| {
            let (one, other) = (&of.promises[one], &book.promises[other]);
            Arc::ptr_eq(&one.listing, &other.listing)
                && (&one.page, &one.test) == (&other.page, &other.test)
                && is_same(one.message.as_ref(), other.message.as_ref())
        };
        let same_block = |(one, other): (&Block, &Block)| {
            let same = match (&one.what, &other.what) {
                (
                    Shown::Listing { listing, anchor },
                    Shown::Listing { listing: other, anchor: named },
                ) => Arc::ptr_eq(listing, other) && anchor == named,
                (Shown::Use(one), Shown::Use(other)) => one.is_as(other),
                (Shown::Output(one), Shown::Output(other))
                | (Shown::Figure(one), Shown::Figure(other)) => Arc::ptr_eq(one, other),
                (Shown::Test(one), Shown::Test(other)) => same_promise(*one, *other),
                (
                    Shown::Exercise { task, solution },
                    Shown::Exercise { task: before, solution: solved },
                ) => Arc::ptr_eq(task, before) && Arc::ptr_eq(solution, solved),
                (Shown::Versions, Shown::Versions) => true,
                _ => false,
            };
            same && one.imports == other.imports
        };
        let same_proof = |(one, other): (&Named, &Named)| {
            one.stands_here == other.stands_here
                && same_promise(one.promise, other.promise)
        };
        Arc::ptr_eq(&self.page, &before.page)
            && self.files.len() == before.files.len()
            && self.files.iter().zip(&before.files).all(|(it, of)| Arc::ptr_eq(it, of))
            && self.blocks.iter().zip(&before.blocks).all(same_block)
            && self.proofs.iter().zip(&before.proofs).all(same_proof)
    }

    /// Its whole uses, which a reader copies by one click each.
    pub fn uses(&self) -> impl Iterator<Item = &Paste> {
        uses(&self.blocks)
    }

    /// The code that everybody sees who reads the page: where each block stands, and how many lines it shows. Of a
    /// pair, what is left out does not count. `promises` are those of the book.
    pub fn open_code(
        &self,
        promises: &[Promise],
    ) -> impl Iterator<Item = (usize, usize)> {
        let pairs: BTreeMap<_, _> =
            self.pairs.iter().flatten().map(|half| (half.block, &half.lines)).collect();
        self.page.length.code.iter().map(move |range| {
            let block = self.blocks.iter().position(|it| it.range == *range);
            let Some(block) = block else {
                // Typed into the page, between its fences.
                let typed = self.page.text[range.clone()].strip_prefix("```");
                let lines = typed.map_or(0, |it| it.lines().count().saturating_sub(2));
                return (range.start, lines);
            };
            let lines = match (&self.blocks[block].what, pairs.get(&block)) {
                (_, Some(lines)) => {
                    lines.iter().filter(|line| **line != Line::LeftOut).count()
                }
                (Shown::Test(test), None) => promises[*test].source.lines().count(),
                (what, None) => what.code().lines().count(),
            };
            (range.start, lines)
        })
    }
}

fn is_same<T>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

/// The whole uses among blocks.
fn uses(blocks: &[Block]) -> impl Iterator<Item = &Paste> {
    blocks.iter().filter_map(|block| match &block.what {
        Shown::Use(paste) => Some(paste),
        _ => None,
    })
}

/// One side of a pair.
#[derive(Debug)]
pub struct Half {
    /// Which of [`BookPage::blocks`].
    pub block: usize,
    /// What its lines are beside the other side.
    pub lines: Vec<Line>,
}

/// A place that names a proof.
#[derive(Debug)]
pub struct Named {
    /// The mark, or the code span with the name.
    pub range: Range<usize>,
    /// Which of [`Book::promises`].
    pub promise: usize,
    /// The proof itself stands at the end of this section.
    pub stands_here: bool,
}

/// A test that a page names.
#[derive(Clone, Debug)]
pub struct Promise {
    /// The page that the proof stands on, from the root of the book.
    pub page: String,
    /// The line there that names it first.
    pub line: usize,
    /// The file that the test stands in.
    pub listing: Arc<Listing>,
    /// The name of the test function; of refused code, of its file.
    pub test: String,
    /// The test; of refused code, the code.
    pub source: String,
    /// Its line in the file.
    pub source_line: usize,
    /// What the compiler says of refused code.
    pub message: Option<Arc<Recording>>,
}

impl Promise {
    /// The id of the proof.
    pub fn id(&self) -> String {
        self.listing.file.topic.promise_id(&self.test)
    }

    /// How a reader runs it.
    pub fn command(&self) -> String {
        self.listing.file.test_command(&self.test)
    }
}

impl Book {
    /// Reads the book at `root`; what `cache` holds and has not changed is not parsed again.
    ///
    /// # Errors
    /// All mistakes in the book, in its order.
    pub fn read(root: &Path, cache: &mut Cache) -> Result<Self, Problems> {
        let names = summary::pages(root)?;
        let (files, mut problems) = files(root);
        let mut sources = Sources::default();
        let packages = files.iter().map(|file| file.topic.pattern.clone()).collect();
        let behind = cache.behind(Behind::read(root, &packages));
        let files: Vec<_> = files
            .into_iter()
            .map(|file| File { behind: behind.of(&file).cloned(), ..file })
            .collect();
        for file in files {
            sources.take(root, cache, file, &mut problems);
        }
        sources.sort();
        sources.broken = problems.iter().map(|problem| problem.file.clone()).collect();
        let packages = sources.manifests.clone();
        let manifest = Manifest::read(root, &packages).map_err(|problem| {
            problems.push(problem);
        });
        let mut pages = Vec::new();
        for name in &names {
            match cache.pages.get(root, name, |text| Page::parse(name, text)) {
                Ok(page) => pages.push(page),
                Err(found) => problems.extend(found.iter().cloned()),
            }
        }
        cache.sweep();
        let mut resolver = Resolver {
            sources: &sources,
            manifest: manifest.as_ref().ok(),
            root,
            names: names.iter().map(String::as_str).collect(),
            pages: &pages,
            ids: HashMap::new(),
            promises: Vec::new(),
            known: HashMap::new(),
            problems,
        };
        let mut found: Vec<_> =
            (0..pages.len()).map(|index| resolver.page(index)).collect();
        resolver.homes(&mut found);
        resolver.links();
        resolver.lengths(&found);
        let Resolver { promises, problems, .. } = resolver;
        let (Ok(manifest), true) = (manifest, problems.is_empty()) else {
            return Err(Problems(problems));
        };
        let Sources { listings, recordings, .. } = sources;
        Ok(Self { manifest, pages: found, promises, listings, recordings })
    }

    /// Everything in the book that no page uses, and each exemption that is not needed, as a line of text.
    pub fn orphans(&self, root: &Path) -> Vec<String> {
        // Parts of files, and whole files, that pages use.
        let (mut parts, mut files) = (BTreeSet::new(), BTreeSet::new());
        for block in self.pages.iter().flat_map(|page| &page.blocks) {
            match &block.what {
                Shown::Listing { listing, anchor } => {
                    parts.insert((&listing.file.path, anchor));
                }
                Shown::Use(paste) => {
                    files.insert(&paste.program.file.path);
                }
                Shown::Exercise { task, solution } => {
                    files.extend([&task.file.path, &solution.file.path]);
                }
                Shown::Output(recording)
                | Shown::Figure(recording)
                | Shown::Chart(recording) => {
                    files.insert(&recording.file.path);
                }
                Shown::Test(_) | Shown::Dependencies(_) | Shown::Versions => {}
            }
        }
        for promise in &self.promises {
            files.insert(&promise.listing.file.path);
            files.extend(promise.message.iter().map(|message| &message.file.path));
        }
        let mut orphans = Vec::new();
        for (path, listing) in &self.listings {
            let has_part =
                listing.anchors.keys().any(|anchor| parts.contains(&(path, anchor)));
            let is_named = files.contains(path);
            let can_be_whole = matches!(
                listing.file.place,
                Place::Refused | Place::Use | Place::Exercise | Place::Solution
            );
            let shown = has_part || can_be_whole && is_named;
            let has_proofs =
                matches!(listing.file.place, Place::Proofs | Place::Outside);
            // The tests of what is no listing prove nothing to a reader.
            let of_support = self.listings.values().any(|it| {
                it.support
                    && it.file.place == Place::Listing
                    && it.file.topic == listing.file.topic
            });
            if listing.file.place == Place::Proofs && of_support {
                continue;
            }
            if listing.support {
                if shown {
                    orphans
                        .push(format!("{path}: a page shows it, so it is not support"));
                }
            } else if has_proofs && !is_named {
                orphans.push(format!("{path}: no page names a test of it"));
            } else if !has_proofs && !shown {
                orphans.push(format!("{path}: no page shows it"));
            }
            for anchor in listing.anchors.keys() {
                if !parts.contains(&(path, anchor)) {
                    orphans.push(format!("{path}: no page shows its anchor {anchor}"));
                }
            }
        }
        // What a later step prints may stay out of the page: its test compares it all the same.
        let of_step = |path: &str| {
            let program = path.strip_suffix(".out").map(|path| format!("{path}.rs"));
            let program = program.and_then(|path| self.listings.get(&path));
            program.is_some_and(|it| {
                let path = &it.file.path;
                it.file.place == Place::Use
                    && it.anchors.keys().any(|anchor| parts.contains(&(path, anchor)))
            })
        };
        let recorded = self.recordings.keys();
        let recorded = recorded.filter(|path| !files.contains(path) && !of_step(path));
        orphans.extend(recorded.map(|path| format!("{path}: no page shows it")));
        orphans.extend(figures_that_never_run(root));
        for file in self.listings.values().map(|it| &it.file) {
            if file.place == Place::Use {
                let recorded = self.recordings.contains_key(&file.output());
                orphans.extend(paste::never_runs(root, file, recorded));
            }
        }
        let pages: BTreeSet<_> =
            self.pages.iter().map(|it| it.page.file.as_str()).collect();
        let (below, _) = source::below(root, "src");
        for file in below.iter().filter(|file| layout::is_page(file)) {
            if file != summary::FILE && !pages.contains(file.as_str()) {
                orphans.push(format!("{file}: SUMMARY.md does not name it"));
            }
        }
        orphans
    }
}

/// A file of `tests/figures` is a module of its `main.rs`, or it never runs.
fn figures_that_never_run(root: &Path) -> Vec<String> {
    let (files, _) = source::below(root, "listings");
    let runs = files.iter().filter_map(|path| {
        let (folder, name) = path.split_once("/tests/figures/")?;
        let name = name.strip_suffix(".rs").filter(|name| *name != "main")?;
        let main = format!("{folder}/tests/figures/main.rs");
        let why = source::not_a_module(root, &main, name)?;
        Some(format!("{path}: {why}"))
    });
    runs.collect()
}

/// What pages can refer to.
#[derive(Default)]
struct Sources {
    listings: BTreeMap<String, Arc<Listing>>,
    recordings: BTreeMap<String, Arc<Recording>>,
    /// The packages that have a manifest.
    manifests: BTreeSet<String>,
    /// Files with a mistake of their own, which is told already.
    broken: BTreeSet<String>,
    /// The listings of each topic that can hold proofs.
    with_proofs: BTreeMap<Topic, Vec<Arc<Listing>>>,
    /// The topics of each name, of those.
    named: BTreeMap<String, BTreeSet<Topic>>,
    /// What the compiler refuses, by the module of its topic.
    refused: BTreeMap<String, Vec<Arc<Listing>>>,
    /// The files that a page can show a part of, by the id of the whole file.
    wholes: BTreeMap<String, Vec<String>>,
}

impl Sources {
    /// Sorts the listings by what pages look for.
    fn sort(&mut self) {
        for listing in self.listings.values() {
            let topic = &listing.file.topic;
            if listing.file.place.has_proofs() {
                let of_topic = self.with_proofs.entry(topic.clone()).or_default();
                of_topic.push(Arc::clone(listing));
                self.named.entry(topic.name.clone()).or_default().insert(topic.clone());
            }
            if listing.file.place == Place::Refused {
                let of_module = self.refused.entry(topic.module()).or_default();
                of_module.push(Arc::clone(listing));
            } else if !listing.anchors.is_empty() {
                let of_id = self.wholes.entry(listing.file.whole_id()).or_default();
                of_id.push(listing.file.path.clone());
            }
        }
    }

    fn take(
        &mut self,
        root: &Path,
        cache: &mut Cache,
        file: File,
        problems: &mut Vec<Problem>,
    ) {
        let path = file.path.clone();
        let told = match file.place {
            Place::Support => Ok(()),
            Place::Manifest => {
                self.manifests.insert(file.topic.pattern);
                Ok(())
            }
            place if place.is_rust() => {
                let read =
                    cache.listings.get(root, &path, |text| Listing::parse(file, text));
                read.map(|listing| drop(self.listings.insert(path, listing)))
            }
            _ => {
                let read = cache
                    .recordings
                    .get(root, &path, |text| Recording::parse(file, text));
                read.map(|recording| drop(self.recordings.insert(path, recording)))
            }
        };
        if let Err(found) = told {
            problems.extend(found.iter().cloned());
        }
    }

    /// The listings of a topic that can hold proofs.
    fn of_topic<'a>(
        &'a self,
        topic: &'a Topic,
    ) -> impl Iterator<Item = &'a Arc<Listing>> {
        self.with_proofs.get(topic).into_iter().flatten()
    }

    /// The topics of this name: the one of `pattern`, or where it has none, those of other packages.
    fn topics(&self, pattern: &str, name: &str) -> BTreeSet<Topic> {
        let own = Topic::new(pattern, name);
        if self.of_topic(&own).next().is_some() {
            return BTreeSet::from([own]);
        }
        self.named.get(&own.name).cloned().unwrap_or_default()
    }
}

/// The files of `listings/`, and those that have no place there.
fn files(root: &Path) -> (Vec<File>, Vec<Problem>) {
    let (paths, mut problems) = source::below(root, "listings");
    let mut files = Vec::new();
    for path in paths {
        if let Some(file) = File::at(&path) {
            files.push(file);
        } else {
            let what = "a file that the book does not know what to do with";
            problems.push(Problem::new(path, 0, what, format!("move it: {PLACES}")));
        }
    }
    (files, problems)
}

struct Resolver<'a> {
    sources: &'a Sources,
    /// Unless it has a mistake of its own, which is told already.
    manifest: Option<&'a Manifest>,
    root: &'a Path,
    /// The pages of SUMMARY.md, those with mistakes included.
    names: BTreeSet<&'a str>,
    pages: &'a [Arc<Page>],
    /// Who has each id that is unique in the book: page and line.
    ids: HashMap<String, (usize, usize)>,
    promises: Vec<Promise>,
    /// The promises by file and test.
    known: HashMap<(String, String), usize>,
    problems: Vec<Problem>,
}

impl<'a> Resolver<'a> {
    fn problem(
        &mut self,
        page: usize,
        at: usize,
        what: String,
        mend: impl Into<String>,
    ) {
        let page = &self.pages[page];
        self.problems.push(Problem::new(&page.file, page.lines.of(at), what, mend));
    }

    fn page(&mut self, index: usize) -> BookPage {
        let page = &self.pages[index];
        let (mut blocks, mut files) = (Vec::new(), BTreeMap::new());
        for block in &page.blocks {
            let at = block.range.start;
            if let Some((what, id)) = self.block(index, at, &block.what, &files) {
                if let Shown::Listing { listing, .. } = &what {
                    files.insert(listing.file.path.clone(), Arc::clone(listing));
                }
                if id.is_some_and(|id| !self.claim(index, at, &id)) {
                    continue;
                }
                let imports = self.imports(index, at, &block.uses, &what);
                blocks.push(Block { range: block.range.clone(), what, imports });
            }
        }
        imports::once(&mut blocks);
        self.problems.extend(imports::not_shown(page, &blocks));
        let proofs = page.proofs.iter();
        let proofs: Vec<_> = proofs
            .filter_map(|name| {
                let promise =
                    self.proof(index, name.range.start, &name.name, &files)?;
                let range = name.range.clone();
                Some(Named { range, promise, stands_here: false })
            })
            .collect();
        files.retain(|_, listing| listing.file.place != Place::Refused);
        let pasted = uses(&blocks).flat_map(Paste::files);
        files.extend(pasted.map(|it| (it.file.path.clone(), Arc::clone(it))));
        for listing in files.values() {
            let id = listing.file.whole_id();
            self.claim_whole(index, &id, &listing.file.path);
        }
        if !files.is_empty() {
            self.claim(index, 0, &page.topic.dependencies_id());
        }
        BookPage {
            page: Arc::clone(page),
            pairs: self.pairs(index, &blocks),
            blocks,
            proofs,
            files: files.into_values().collect(),
        }
    }

    /// The imports of a block.
    fn imports(
        &mut self,
        page: usize,
        at: usize,
        hints: &[String],
        what: &Shown,
    ) -> String {
        let Shown::Listing { listing, anchor } = what else { return String::new() };
        let Some(anchor) = listing.anchors.get(anchor) else { return String::new() };
        imports::lines(listing, anchor, hints).unwrap_or_else(|(what, mend)| {
            self.problem(page, at, what, mend);
            String::new()
        })
    }

    /// Claims an id, which must be unique in the book.
    fn claim(&mut self, page: usize, at: usize, id: &str) -> bool {
        let line = self.pages[page].lines.of(at);
        let Some((there, other)) = self.ids.insert(id.to_owned(), (page, line)) else {
            return true;
        };
        let there = format!("{}:{other}", self.pages[there].file);
        let what =
            format!("`{id}` stands in {there} already, and ids are unique in the book");
        let mend = "show it once and link to it; or give the page, the file or the anchor another name";
        self.problem(page, at, what, mend);
        false
    }

    /// A file is whole on each page that shows a part of it; two files of one name cannot be told apart.
    fn claim_whole(&mut self, page: usize, id: &str, path: &str) {
        let mut same = self.sources.wholes.get(id).into_iter().flatten();
        if let Some(other) = same.find(|other| *other != path) {
            let what = format!("{path} and {other} have the same name");
            self.problem(page, 0, what, "rename one: ids in the book come from it");
        }
    }

    /// What a block shows, and its id.
    fn block(
        &mut self,
        page: usize,
        at: usize,
        wanted: &Wanted,
        files: &BTreeMap<String, Arc<Listing>>,
    ) -> Option<(Shown, Option<String>)> {
        match wanted {
            Wanted::Listing { path, anchor } => {
                let listing = Arc::clone(self.listing(page, at, path)?);
                self.anchor(page, at, &listing, anchor)?;
                let id = listing.file.listing_id(anchor);
                Some((Shown::Listing { listing, anchor: anchor.clone() }, Some(id)))
            }
            Wanted::Use { path } => {
                let program = self.listing(page, at, path)?;
                let sources = self.sources;
                let library = Shelf {
                    root: self.root,
                    packages: &sources.manifests,
                    listings: &sources.listings,
                    broken: &sources.broken,
                };
                match Paste::of(program, &library) {
                    Ok(paste) => {
                        let id = paste.program.file.use_id();
                        Some((Shown::Use(paste), Some(id)))
                    }
                    Err(problems) => {
                        for problem in problems {
                            if !self.problems.contains(&problem) {
                                self.problems.push(problem);
                            }
                        }
                        None
                    }
                }
            }
            Wanted::Output { path } => {
                let recording = self.recorded(page, at, path)?;
                let id = recording.file.output_id();
                Some((Shown::Output(recording), Some(id)))
            }
            Wanted::Figure(name) => {
                let recording = self.figure(page, at, name)?;
                let id = recording.file.topic.figure_id();
                Some((Shown::Figure(recording), Some(id)))
            }
            Wanted::Chart(name) => {
                let recording = self.chart(page, at, name)?;
                let id = recording.file.topic.chart_id();
                Some((Shown::Chart(recording), Some(id)))
            }
            // Its id is that of the proof, which stands here: see `homes`.
            Wanted::Test(name) => {
                let promise = self.proof(page, at, name, files)?;
                Some((Shown::Test(promise), None))
            }
            Wanted::Exercise(name) => {
                let (task, solution) = self.exercise(page, at, name)?;
                let id = task.file.target();
                Some((Shown::Exercise { task, solution }, Some(id)))
            }
            Wanted::Dependencies(names) => {
                let manifest = self.manifest?;
                if let Some(name) = names.iter().find(|name| !manifest.knows(name)) {
                    let what = format!("there is no dependency `{name}`");
                    let mend = "one of `[workspace.dependencies]` in Cargo.toml that is in a registry";
                    self.problem(page, at, what, mend);
                    return None;
                }
                Some((Shown::Dependencies(names.clone()), None))
            }
            Wanted::Versions => Some((Shown::Versions, None)),
        }
    }

    fn listing(
        &mut self,
        page: usize,
        at: usize,
        path: &str,
    ) -> Option<&'a Arc<Listing>> {
        let found = self.sources.listings.get(path);
        if found.is_none() && !self.sources.broken.contains(path) {
            let mend = "a listing is a .rs file in src/, examples/ or ui/ of a crate in listings/";
            self.problem(page, at, format!("there is no listing {path}"), mend);
        }
        found
    }

    fn anchor<'l>(
        &mut self,
        page: usize,
        at: usize,
        listing: &'l Listing,
        name: &str,
    ) -> Option<&'l Anchor> {
        let found = listing.anchors.get(name);
        if found.is_none() {
            let known: Vec<_> = listing.anchors.keys().map(String::as_str).collect();
            let mend = match known[..] {
                [] => format!(
                    "mark it with `// ANCHOR: {name}` and `// ANCHOR_END: {name}`"
                ),
                _ => format!("one of: {}", known.join(", ")),
            };
            let what = format!("{} has no anchor `{name}`", listing.file.path);
            self.problem(page, at, what, mend);
        }
        found
    }

    fn recorded(
        &mut self,
        page: usize,
        at: usize,
        path: &str,
    ) -> Option<Arc<Recording>> {
        let place = File::at(path).map(|file| file.place);
        let Some(Place::Output | Place::Message) = place else {
            let mend = "include a .out or .stderr file below listings/";
            self.problem(page, at, format!("{path} is not a recording"), mend);
            return None;
        };
        let found = self.sources.recordings.get(path).cloned();
        if found.is_none() && !self.sources.broken.contains(path) {
            let mend = if path.contains("/benches/") {
                let command =
                    File::at(path).map(|file| file.command()).unwrap_or_default();
                format!("correct the path, or measure it: RECORD=1 {command}")
            } else {
                "correct the path, or make the file with `cargo run -- record`"
                    .to_owned()
            };
            self.problem(page, at, format!("there is no {path}"), mend);
        }
        found
    }

    /// A figure by its name: of the pattern of the page, or of the one pattern that has it.
    fn figure(&mut self, page: usize, at: usize, name: &str) -> Option<Arc<Recording>> {
        let of_page = &self.pages[page].topic.pattern;
        let (pattern, stem) = name.split_once('/').unwrap_or((of_page, name));
        let own = Topic::new(pattern, stem).figure_file();
        if let Some(found) = self.sources.recordings.get(&own) {
            return Some(Arc::clone(found));
        }
        if self.sources.broken.contains(&own) {
            return None;
        }
        let elsewhere: Vec<_> = self
            .sources
            .recordings
            .values()
            .filter(|it| it.file.place == Place::Figure && it.file.topic.name == stem)
            .collect();
        match elsewhere[..] {
            [found] if !name.contains('/') => Some(Arc::clone(found)),
            [] | [_] => {
                let what = format!("there is no recorded figure `{name}`");
                let file = format!("figures/{}.json", layout::module(stem));
                let mend = format!("record it: a crate in listings/ has {file}");
                self.problem(page, at, what, mend);
                None
            }
            _ => {
                let all: Vec<_> =
                    elsewhere.iter().map(|it| format!("`{}`", it.file.topic)).collect();
                let what = format!("`{name}` is a figure of several patterns");
                self.problem(page, at, what, format!("say which: {}", all.join(", ")));
                None
            }
        }
    }

    /// The data of a chart by its name: of the pattern of the page.
    fn chart(&mut self, page: usize, at: usize, name: &str) -> Option<Arc<Recording>> {
        let file = Topic::new(&self.pages[page].topic.pattern, name).chart_file();
        let found = self.sources.recordings.get(&file).cloned();
        if found.is_none() && !self.sources.broken.contains(&file) {
            let what = format!("there is no chart `{name}`");
            self.problem(page, at, what, format!("its data is looked for in {file}"));
        }
        found
    }

    /// An exercise by its name, of the pattern of the page, and its solution: both end with the same tests.
    fn exercise(
        &mut self,
        page: usize,
        at: usize,
        name: &str,
    ) -> Option<(Arc<Listing>, Arc<Listing>)> {
        let topic = Topic::new(&self.pages[page].topic.pattern, name);
        let both = [topic.exercise_file(), topic.solution_file()];
        let [task, solution] = both.map(|path| {
            let found = self.sources.listings.get(&path).cloned();
            if found.is_none() && !self.sources.broken.contains(&path) {
                let what = format!("there is no {path}");
                let mend =
                    "an exercise has both: what a reader mends, and the same, mended";
                self.problem(page, at, what, mend);
            }
            found
        });
        let (task, solution) = (task?, solution?);
        let [asked, given] =
            [&task, &solution].map(|it| it.whole.split_once(EXERCISE_TESTS));
        let Some(((asked, tests), (given, same))) = asked.zip(given) else {
            let what = format!("{} or its solution lacks a line", task.file.path);
            let mend =
                format!("above the tests, write in both: {}", EXERCISE_TESTS.trim());
            self.problem(page, at, what, mend);
            return None;
        };
        if tests != same {
            let what =
                format!("the tests of {} and of its solution differ", task.file.path);
            let mend = "copy them from one to the other: a solution passes what the exercise asks";
            self.problem(page, at, what, mend);
            return None;
        }
        if asked == given {
            let what = format!("{} is solved already", task.file.path);
            self.problem(page, at, what, "take the mend out of the exercise");
            return None;
        }
        Some((task, solution))
    }

    /// The promise that `name` proves, which is told as a mistake if there is none.
    fn proof(
        &mut self,
        page: usize,
        at: usize,
        name: &str,
        files: &BTreeMap<String, Arc<Listing>>,
    ) -> Option<usize> {
        match self.find_proof(page, name, files) {
            Ok(found) => {
                let key = (found.listing.file.path.clone(), found.test.clone());
                let promise = *self.known.entry(key).or_insert_with(|| {
                    self.promises.push(found);
                    self.promises.len() - 1
                });
                Some(promise)
            }
            Err(told) => {
                if let Some((what, mend)) = told {
                    self.problem(page, at, what, mend);
                }
                None
            }
        }
    }

    /// The test of this name: in the files that the page shows and in those of its own topic, or in the topic
    /// that the name says. `None` for a mistake that is told already.
    fn find_proof(
        &self,
        page: usize,
        name: &str,
        files: &BTreeMap<String, Arc<Listing>>,
    ) -> Result<Promise, Option<(String, String)>> {
        let own = &self.pages[page].topic;
        let (topics, test) = if let Some((topic, test)) = name.split_once("::") {
            (self.sources.topics(&own.pattern, topic), test)
        } else {
            let shown = files.values().map(|listing| listing.file.topic.clone());
            let mut topics = self.sources.topics(&own.pattern, &own.name);
            topics.extend(shown);
            (topics, name)
        };
        let mut found = Vec::new();
        for listing in topics.iter().flat_map(|topic| self.sources.of_topic(topic)) {
            for it in listing.tests.iter().filter(|it| it.name == test) {
                if let Some(skipped) = &it.skipped {
                    let what = match skipped.as_str() {
                        it if it.starts_with("#[ignore") => {
                            format!(
                                "the test `{test}` is ignored, so it proves nothing"
                            )
                        }
                        it => {
                            format!("the test `{test}` has {it}, so it proves nothing")
                        }
                    };
                    let mend = format!("remove {skipped} in {}", listing.file.path);
                    return Err(Some((what, mend)));
                }
                found.push(Promise {
                    page: String::new(),
                    line: 0,
                    listing: Arc::clone(listing),
                    test: test.to_owned(),
                    source: it.source.clone(),
                    source_line: it.line,
                    message: None,
                });
            }
        }
        let refused = self.sources.refused.get(test).into_iter().flatten();
        found.extend(refused.map(|listing| Promise {
            page: String::new(),
            line: 0,
            listing: Arc::clone(listing),
            test: test.to_owned(),
            source: listing.whole.clone(),
            source_line: 1,
            message: self.sources.recordings.get(&listing.file.message()).cloned(),
        }));
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => {
                let wanted = name
                    .split_once("::")
                    .map_or(own.module(), |(topic, _)| topic.to_owned());
                let is_broken = |path: &String| {
                    File::at(path).is_some_and(|file| {
                        file.topic.module() == layout::module(&wanted)
                    })
                };
                if self.sources.broken.iter().any(is_broken) {
                    return Err(None);
                }
                let mut all: BTreeSet<_> = topics.iter().map(Topic::module).collect();
                all.insert(layout::module(&wanted));
                let all: Vec<_> = all.into_iter().collect();
                let what = format!("no test `{test}` in {}", all.join(", "));
                let mend =
                    "write it, correct its name, or name its topic: `topic::test`";
                Err(Some((what, mend.to_owned())))
            }
            _ => {
                let all: Vec<_> =
                    found.iter().map(|it| it.listing.file.path.as_str()).collect();
                let same = all.iter().all(|path| *path == all[0]);
                let what = format!("`{test}` is a test in {}", all.join(" and in "));
                let mend = if same {
                    "rename one: they stand in two modules of one file".to_owned()
                } else {
                    "say which: `topic::test`, or rename one".to_owned()
                };
                Err(Some((what, mend)))
            }
        }
    }

    /// Finds where each proof stands: where a page shows the test, or on the page of its own topic if that names
    /// it, or on the first that does.
    fn homes(&mut self, pages: &mut [BookPage]) {
        let topics: BTreeSet<_> = self.pages.iter().map(|page| &page.topic).collect();
        let is_own = |promise: &Promise, page: &Topic| {
            let topic = &promise.listing.file.topic;
            page == topic || page.name == topic.name && !topics.contains(topic)
        };
        let mut shown = Vec::new();
        // For each promise: whether its home is the page of its topic, and the home.
        let mut homes: Vec<Option<(bool, &mut Named, usize)>> = Vec::new();
        homes.resize_with(self.promises.len(), || None);
        for (index, page) in pages.iter_mut().enumerate() {
            for block in &page.blocks {
                if let Shown::Test(promise) = block.what {
                    shown.push((promise, index, block.range.start));
                }
            }
            for named in &mut page.proofs {
                let own = is_own(&self.promises[named.promise], &page.page.topic);
                let home = &mut homes[named.promise];
                if home.as_ref().is_none_or(|(is_own, ..)| own && !is_own) {
                    *home = Some((own, named, index));
                }
            }
        }
        for (promise, page, at) in shown {
            homes[promise] = None;
            self.home(promise, page, at);
        }
        for (_, named, page) in homes.into_iter().flatten() {
            named.stands_here = true;
            self.home(named.promise, page, named.range.start);
        }
    }

    /// The proof stands there.
    fn home(&mut self, promise: usize, page: usize, at: usize) {
        let promise = &mut self.promises[promise];
        promise.page.clone_from(&self.pages[page].file);
        promise.line = self.pages[page].lines.of(at);
        let id = promise.id();
        self.claim(page, at, &id);
    }

    /// The pairs of a page. The right half of each is no code that is wrong, and not the wrong half.
    fn pairs(&mut self, index: usize, blocks: &[Block]) -> Vec<[Half; 2]> {
        let page = &self.pages[index];
        if blocks.len() != page.blocks.len() {
            return Vec::new(); // what was not found is told
        }
        let mut pairs = Vec::new();
        for pair in &page.pairs {
            let (wrong, right) = (&blocks[pair.wrong], &blocks[pair.right]);
            if let Shown::Listing { listing, anchor } = &right.what
                && listing.is_wrong(anchor)
            {
                let what = format!("`{anchor}` is wrong in {}", listing.file.path);
                let mend = "show under **Right:** what is right, and no code of `mod naive` or ui/";
                self.problem(index, right.range.start, what, mend);
            }
            let lines = differences::between(wrong.what.code(), right.what.code());
            if let Some([left, other]) = lines {
                pairs.push([
                    Half { block: pair.wrong, lines: left },
                    Half { block: pair.right, lines: other },
                ]);
            } else {
                let what = "wrong and right are the same code".to_owned();
                let mend = "show two anchors that differ in more than white space";
                self.problem(index, pair.open.start, what, mend);
            }
        }
        pairs
    }

    /// Each page can be read at one sitting, or says why not.
    fn lengths(&mut self, pages: &[BookPage]) {
        for (index, page) in pages.iter().enumerate().filter(|(_, it)| it.is_whole()) {
            let has_no_limit = layout::is_looked_up(&page.page.file);
            let code = page.open_code(&self.promises);
            let mistake = page.page.length.mistake(code, has_no_limit);
            if let Some((at, what, mend)) = mistake {
                self.problem(index, at, what, mend);
            }
        }
    }

    /// Each link leads to a page and a place in it, or to a file beside the pages.
    fn links(&mut self) {
        let mut ids: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for page in self.pages {
            let typed = page.ids.keys().map(String::as_str).collect();
            ids.insert(&page.file, typed);
        }
        for (id, (page, _)) in &self.ids {
            ids.entry(&self.pages[*page].file).or_default().insert(id);
        }
        let mut problems = Vec::new();
        for (index, page) in self.pages.iter().enumerate() {
            for link in &page.links {
                if let Some((what, mend)) = self.link(&ids, &page.file, &link.target) {
                    problems.push(Problem::new(&page.file, link.line, what, mend));
                }
            }
            for (id, line) in &page.ids {
                if let Some((there, other)) =
                    self.ids.get(id).filter(|it| it.0 == index)
                {
                    let there = format!("{}:{other}", self.pages[*there].file);
                    let what = format!("the id `{id}` is what {there} is called");
                    let mend = "give the heading an id of its own: { #name }";
                    problems.push(Problem::new(&page.file, *line, what, mend));
                }
            }
        }
        self.problems.extend(problems);
    }

    fn link(
        &self,
        ids: &BTreeMap<&str, BTreeSet<&str>>,
        from: &str,
        target: &str,
    ) -> Option<(String, String)> {
        let has_scheme = target.split_once(':').is_some_and(|(scheme, _)| {
            !scheme.is_empty()
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+')
        });
        if has_scheme {
            return None;
        }
        let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
        let path = path.split('?').next().unwrap_or_default();
        let inside = if path.is_empty() {
            Some(from.to_owned())
        } else {
            layout::resolve(from, path)
                .filter(|it| it.starts_with("src/") && !path.starts_with('/'))
        };
        let Some(found) = inside else {
            let what = format!("the link `{target}` leads out of the book");
            return Some((what, "link to a page of the book, or to https://…".into()));
        };
        // Links to rendered pages work, too.
        let as_page = found.strip_suffix(".html").map(|stem| format!("{stem}.md"));
        let page = [Some(found.clone()), as_page].into_iter().flatten();
        let Some(page) = page.into_iter().find(|it| self.names.contains(it.as_str()))
        else {
            let made = ["src/print.html", "src/index.html"].contains(&found.as_str());
            if made || self.root.join(&found).is_file() && !layout::is_page(&found) {
                return None;
            }
            let what =
                format!("the link `{target}` leads to {found}, which is no page");
            return Some((what, "correct it, or add the page to SUMMARY.md".into()));
        };
        // A page with mistakes of its own is not among those with ids.
        let known = ids.get(page.as_str())?;
        if fragment.is_empty() || known.contains(fragment) {
            return None;
        }
        let near =
            known.iter().filter(|id| id.contains(fragment) || fragment.contains(**id));
        let near: Vec<_> = near.take(3).copied().collect();
        let what = format!("the link `{target}`: {page} has no id `{fragment}`");
        let mend = if near.is_empty() {
            "correct it; the ids of headings are their words in small letters"
                .to_owned()
        } else {
            format!("perhaps: {}", near.join(", "))
        };
        Some((what, mend))
    }
}

//! What the checks of the book share: the book itself, a small book to make mistakes in, rendered pages.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use book::book::{Book, Shown};
use book::mdbook;
use book::source::Cache;
use scraper::{ElementRef, Html, Selector};
use serde_json::Value;
use tempfile::TempDir;

/// The root of the book. Asked when it is run, since clones may share what was compiled.
///
/// # Panics
/// When it is not run by cargo.
pub fn root() -> PathBuf {
    let package =
        std::env::var_os("CARGO_MANIFEST_DIR").expect("run this by `cargo test`");
    let root = Path::new(&package).join("..");
    root.canonicalize().expect("the tests stand in the book")
}

/// The book itself, read once.
///
/// # Panics
/// When it has mistakes.
pub fn the_book() -> &'static Book {
    static BOOK: LazyLock<Book> = LazyLock::new(|| read(&root()));
    &BOOK
}

/// The book at `root`.
///
/// # Panics
/// When it has mistakes.
pub fn read(root: &Path) -> Book {
    Book::read(root, &mut Cache::default())
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// The anchors, recordings and figures that the pages of a book show.
pub fn shown(book: &Book) -> impl Iterator<Item = &Shown> {
    book.pages.iter().flat_map(|page| &page.blocks).map(|block| &block.what)
}

/// A rendered book, in memory.
#[derive(Debug)]
pub struct Rendered {
    files: BTreeSet<PathBuf>,
    pages: BTreeMap<String, Page>,
}

/// A rendered page. It is parsed once, for all tests that look at it: they take turns.
#[derive(Debug)]
struct Page {
    text: String,
    html: Mutex<Option<Html>>,
}

/// A page of a rendered book, parsed. While one test has it, others wait for it.
#[derive(Debug)]
pub struct Parsed<'a>(MutexGuard<'a, Option<Html>>);

impl Deref for Parsed<'_> {
    type Target = Html;

    fn deref(&self) -> &Html {
        self.0.as_ref().expect("`Page::parsed` has put it there")
    }
}

impl Page {
    fn parsed(&self) -> Parsed<'_> {
        // A test that fails with a page in its hand has not changed the page.
        let mut html = self.html.lock().unwrap_or_else(PoisonError::into_inner);
        html.get_or_insert_with(|| Html::parse_document(&self.text));
        Parsed(html)
    }
}

impl Rendered {
    /// Builds the book at `root`.
    ///
    /// # Panics
    /// When it does not build.
    pub fn of(root: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let built =
            mdbook::build_for_serving(root, folder.path(), &mut Cache::default());
        let html = match built {
            Ok(built) => built.html,
            Err(error) => panic!("{error:#}"),
        };
        Self::read(&html)
    }

    /// What stands in a folder of rendered pages.
    ///
    /// # Panics
    /// When a page cannot be read.
    pub fn read(html: &Path) -> Self {
        let files = BTreeSet::from_iter(files(html));
        let pages =
            files.iter().filter(|file| file.extension().is_some_and(|it| it == "html"));
        let pages = pages.map(|file| {
            let text = fs::read_to_string(html.join(file)).expect("a page is text");
            let name = file.display().to_string().replace('\\', "/");
            (name, Page { text, html: Mutex::default() })
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
    pub fn page(&self, name: &str) -> Parsed<'_> {
        self.pages[name].parsed()
    }

    /// All pages, parsed, with their paths.
    pub fn pages(&self) -> impl Iterator<Item = (&str, Parsed<'_>)> {
        self.pages.iter().map(|(name, page)| (name.as_str(), page.parsed()))
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

/// What *Copy* gives of a whole use, put together from what a rendered page has: as `theme/book.js` does.
///
/// # Panics
/// When the page lacks a part of it.
pub fn pasted(page: &Html, id: &str) -> String {
    let elements = by_id(page);
    let code = |id: &str| -> String {
        let code = elements.get(id).and_then(|it| it.select(&selector("code")).next());
        code.unwrap_or_else(|| panic!("no code in {id}")).text().collect()
    };
    let below = elements.get(id).and_then(|it| it.attr("data-below"));
    let below: Vec<Value> =
        serde_json::from_str(below.expect("a whole use")).expect("JSON");
    let mut text = format!("{}\n", code(id));
    for piece in below {
        match piece["file"].as_str() {
            Some(file) => text.extend([&*code(file), "\n"]),
            None => text.push_str(piece.as_str().expect("text")),
        }
    }
    text
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
/// Its whole use.
pub const USE: &str = "listings/some-pattern/examples/uses/a_topic.rs";

impl Default for SmallBook {
    /// A copy of `tests/small-book`.
    fn default() -> Self {
        let book = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        let original = root().join("tests/small-book");
        for file in files(&original) {
            let text =
                fs::read_to_string(original.join(&file)).expect("a file of text");
            book.write(&file.display().to_string().replace('\\', "/"), &text);
        }
        book
    }
}

impl SmallBook {
    /// The same with the settings and the theme of the book.
    ///
    /// # Panics
    /// When a file of the theme cannot be copied.
    pub fn in_the_theme() -> Self {
        let book = Self::default();
        let theme = root().join("theme");
        for file in files(&theme) {
            let copy = book.root().join("theme").join(&file);
            fs::create_dir_all(copy.parent().expect("a folder")).expect("a folder");
            fs::copy(theme.join(&file), copy).expect("a copy");
        }
        let settings = fs::read_to_string(root().join("book.toml"));
        book.write("book.toml", &settings.expect("a file of text"));
        book
    }

    /// The same with an exercise in the place of its figure: what a reader mends, and the same, mended.
    ///
    /// # Panics
    /// When the figure cannot be taken away.
    #[must_use]
    pub fn with_an_exercise(task: &str, solution: &str) -> Self {
        let book =
            Self::default().with(PAGE, "{{#figure a-topic}}", "{{#exercise a_topic}}");
        for (folder, text) in [("exercises", task), ("solutions", solution)] {
            if !text.is_empty() {
                book.write(&format!("listings/some-pattern/{folder}/a_topic.rs"), text);
            }
        }
        fs::remove_dir_all(book.root().join("listings/some-pattern/figures"))
            .expect("its figure is there");
        book
    }

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

    use book::layout::resolve;
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
}

//! The book as it is served: rendered once, and after an edit only where it has changed.
//!
//! mdBook renders a whole book into an empty folder. So what is around the text of a page, its *frame* (the head, the
//! contents, the ways to the pages before and after), stays as the first build wrote it: the pages that an edit changes
//! are given to mdBook as a book of their own, with the part of the template that holds the text, and their text
//! is put into their frames. A change of SUMMARY.md, of book.toml, of the theme or of a file beside the pages is a change
//! of frames, and builds the book anew.
//!
//! The page for print and the search index need all pages, and are made when somebody asks for them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context as _;
use mdbook_driver::config::Config;
use mdbook_preprocessor::book::{Book as MdBook, BookItem, Chapter};
use mdbook_renderer::RenderContext;

use crate::book::Book;
use crate::destination::Scratch;
use crate::layout::html_path;
use crate::mdbook::{self, AT_THE_ROOT};
use crate::render::{html, search};
use crate::source::{self, Cache, summary};

/// The page for print, beside the others.
const PRINT: &str = "print.html";

/// Where the text of a page begins and ends in the template, and in what is made of it.
const TEXT: (&str, &str) = ("<main", "</main>");

/// A book that is served, and follows its sources.
#[derive(Debug)]
pub struct Live {
    root: PathBuf,
    cache: Cache,
    good: Good,
}

/// The last good book, whole.
#[derive(Debug)]
struct Good {
    frames: Frames,
    book: Book,
    /// The text of each page, by its path from `src/`, for mdBook.
    texts: BTreeMap<String, String>,
    /// What mdBook made the pages of: the same after its preprocessors, the settings, the folder of the pages.
    context: RenderContext,
    /// The part of the template that holds the text; `None` without a theme of the book's own that has one.
    template: Option<String>,
    /// Goes away with the book.
    folder: Scratch,
}

/// What an edit did.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// All pages were rendered, into another folder.
    All,
    /// These pages were, by their paths in the folder.
    Pages(Vec<String>),
}

impl Live {
    /// What is made when somebody asks for it.
    pub const ON_DEMAND: [&str; 2] = [PRINT, search::FILE];

    /// Builds the book at `root`, but what is made on demand, into a temporary folder.
    ///
    /// # Errors
    /// The book has mistakes, or there is no place for it.
    pub fn build(root: &Path) -> anyhow::Result<Self> {
        let mut cache = Cache::default();
        let good = Good::build(root, &mut cache, Frames::of(root))?;
        Ok(Self { root: root.to_owned(), cache, good })
    }

    /// Where the pages are. What is made on demand may be missing there: see [`on_demand`](Self::on_demand).
    pub fn html(&self) -> &Path {
        &self.good.context.destination
    }

    /// Reads the sources again, and renders what has changed. A page is replaced as a whole, by renaming.
    ///
    /// # Errors
    /// The book has mistakes; the last good one stays as it is.
    pub fn follow(&mut self) -> anyhow::Result<Change> {
        let frames = Frames::of(&self.root);
        if frames != self.good.frames || self.good.template.is_none() {
            self.good = Good::build(&self.root, &mut self.cache, frames)?;
            return Ok(Change::All);
        }
        let book = Book::read(&self.root, &mut self.cache)?;
        let changed = self.good.changed_texts(&book);
        let rendered = self.render(changed.clone())?;
        let mut names = Vec::new();
        for (name, text) in rendered {
            self.good.replace(&name, &text)?;
            names.push(name);
        }
        if !changed.is_empty() {
            for made in Self::ON_DEMAND {
                remove(&self.html().join(made))?;
            }
        }
        self.good.texts.extend(changed);
        self.good.book = book;
        Ok(Change::Pages(names))
    }

    /// Makes the file of this name, by its path in the folder, if it is one that is made on demand.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn on_demand(&self, name: &str) -> anyhow::Result<()> {
        let good = &self.good;
        let file = self.html().join(name);
        if file.exists() {
            return Ok(());
        }
        if name == search::FILE && mdbook::has_search(&good.context.config)? {
            let titles = mdbook::titles(&good.context.book);
            let script = search::script(&good.book, &titles);
            good.replace(name, &script)
        } else if name == PRINT {
            let scratch = scratch()?;
            let mut context = good.context.clone();
            context.config.set("output.html.print.enable", true)?;
            context.destination = scratch.path().join("html");
            mdbook::render_html(&context)?;
            fs::rename(context.destination.join(PRINT), &file)
                .with_context(|| format!("cannot write {}", file.display()))
        } else {
            Ok(())
        }
    }

    /// The pages with these texts, by their paths in the folder, each in its frame.
    fn render(
        &mut self,
        texts: BTreeMap<String, String>,
    ) -> anyhow::Result<Vec<(String, String)>> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let mut driver = mdbook::load(&self.root)?;
        let names: BTreeSet<_> = texts.keys().cloned().collect();
        driver.book = MdBook::new_with_items(
            driver
                .book
                .chapters()
                .filter(|it| names.contains(&path(it)))
                .map(alone)
                .collect(),
        );
        let pages = mdbook::preprocess(&mut driver, texts)?;
        let scratch = scratch()?;
        self.good.only_the_text(&self.root, scratch.path())?;
        let mut config = self.good.context.config.clone();
        for (key, value) in [("theme", "theme"), ("input-404", "")] {
            config.set(format!("output.html.{key}"), value)?;
        }
        for key in ["additional-css", "additional-js"] {
            config.set(format!("output.html.{key}"), Vec::<String>::new())?;
        }
        config.set("output.html.hash-files", false)?;
        let html = scratch.path().join("html");
        let context = RenderContext::new(scratch.path(), pages, config, &html);
        mdbook::render_html(&context)?;
        let mut rendered = Vec::new();
        for chapter in context.book.chapters() {
            let name = html_path(&format!("src/{}", path(chapter)));
            let text = fs::read_to_string(html.join(&name))?;
            let frame = fs::read_to_string(self.html().join(&name))?;
            rendered.push((
                name,
                in_frame(&frame, &text).context("the theme has no <main>")?,
            ));
        }
        for chapter in context.book.chapters() {
            let (path, text) = (chapter.path.clone(), chapter.content.clone());
            self.good.context.book.for_each_mut(|item| {
                if let BookItem::Chapter(it) = item
                    && it.path == path
                {
                    it.content.clone_from(&text);
                }
            });
        }
        Ok(rendered)
    }
}

impl Good {
    fn build(root: &Path, cache: &mut Cache, frames: Frames) -> anyhow::Result<Self> {
        let book = Book::read(root, cache)?;
        let mut driver = mdbook::load(root)?;
        let folder = scratch()?;
        let (key, value) = AT_THE_ROOT;
        driver.config.set(key, value)?;
        let template =
            fs::read_to_string(theme(root, &driver.config).join("index.hbs")).ok();
        let template = template.and_then(|it| Some(it[text_of(&it)?].to_owned()));
        if template.is_some() {
            driver.config.set("output.html.print.enable", false)?;
        }
        let texts = html::pages(&book);
        let context = mdbook::render_pages(&mut driver, folder.path(), texts.clone())?;
        Ok(Self { frames, book, texts, context, template, folder })
    }

    /// Makes a book's folder of `folder`, with a theme that renders the text of a page and nothing else.
    fn only_the_text(&self, root: &Path, folder: &Path) -> anyhow::Result<()> {
        let (ours, theme) = (theme(root, &self.context.config), folder.join("theme"));
        fs::create_dir_all(theme.join("fonts"))?;
        fs::create_dir_all(folder.join(&self.context.config.book.src))?;
        // mdBook would copy its own.
        fs::write(theme.join("fonts/fonts.css"), "")?;
        let header = ours.join("header.hbs");
        if header.is_file() {
            fs::copy(header, theme.join("header.hbs"))?;
        }
        fs::write(
            theme.join("index.hbs"),
            self.template.as_deref().unwrap_or_default(),
        )?;
        Ok(())
    }

    /// The texts of the pages of `book` that are not as they were.
    fn changed_texts(&self, book: &Book) -> BTreeMap<String, String> {
        let same_manifest = self.book.manifest == book.manifest;
        let mut changed = BTreeMap::new();
        for (page, before) in book.pages.iter().zip(&self.book.pages) {
            if same_manifest && page.is_as(book, before, &self.book) {
                continue;
            }
            let path = page.page.file.trim_start_matches("src/").to_owned();
            let text = html::page(book, page);
            if self.texts.get(&path) != Some(&text) {
                changed.insert(path, text);
            }
        }
        changed
    }

    /// Puts a file in its place, whole.
    fn replace(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let (next, file) =
            (self.folder.path().join("next"), self.context.destination.join(name));
        fs::write(&next, text)
            .and_then(|()| fs::rename(&next, &file))
            .with_context(|| format!("cannot write {}", file.display()))
    }
}

fn scratch() -> anyhow::Result<Scratch> {
    Scratch::beside(&std::env::temp_dir().join("book"))
        .context("cannot make a temporary folder")
}

/// The folder of the theme, as mdBook finds it.
fn theme(root: &Path, config: &Config) -> PathBuf {
    let named = config.html_config().and_then(|it| it.theme);
    root.join(named.unwrap_or_else(|| "theme".into()))
}

fn remove(file: &Path) -> anyhow::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", file.display()))
        }
        _ => Ok(()),
    }
}

/// The path of a chapter from `src/`.
fn path(chapter: &Chapter) -> String {
    let path = chapter.source_path.as_deref().unwrap_or(Path::new(""));
    path.display().to_string().replace('\\', "/")
}

/// A chapter without those below it.
fn alone(chapter: &Chapter) -> BookItem {
    BookItem::Chapter(Chapter { sub_items: Vec::new(), ..chapter.clone() })
}

/// Where the text of a page stands.
fn text_of(page: &str) -> Option<std::ops::Range<usize>> {
    let (opens, closes) = TEXT;
    let from = page.find(opens)?;
    let to = page.rfind(closes)? + closes.len();
    (from < to).then_some(from..to)
}

/// The frame of one page, with the text of another in it.
fn in_frame(frame: &str, page: &str) -> Option<String> {
    let (old, new) = (text_of(frame)?, text_of(page)?);
    Some([&frame[..old.start], &page[new], &frame[old.end..]].concat())
}

/// What frames are made of: SUMMARY.md, book.toml, the theme, and what stands beside the pages; with sizes and times, as
/// cargo looks at them.
#[derive(Debug, PartialEq, Eq)]
struct Frames(Vec<(PathBuf, Option<(u64, SystemTime)>)>);

impl Frames {
    fn of(root: &Path) -> Self {
        let pages: BTreeSet<_> =
            summary::pages(root).unwrap_or_default().into_iter().collect();
        let (beside, _) = source::below(root, "src");
        let (theme, _) = source::below(root, "theme");
        let beside = beside.into_iter().filter(|file| !pages.contains(file));
        let files = beside.chain(theme).chain(["book.toml".to_owned()]);
        let files = files.map(|file| {
            let file = root.join(file);
            let found = fs::metadata(&file).ok();
            let stamp = found.and_then(|it| Some((it.len(), it.modified().ok()?)));
            (file, stamp)
        });
        Self(files.collect())
    }
}

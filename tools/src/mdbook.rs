//! The book as mdBook knows it: its preprocessor, its renderer, and a build in this process.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use mdbook_driver::MDBook;
use mdbook_driver::config::Config;
use mdbook_html::HtmlHandlebars;
use mdbook_preprocessor::book::{Book as MdBook, BookItem, Chapter, SectionNumber};
use mdbook_preprocessor::errors::Result as MdResult;
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};
use mdbook_renderer::{RenderContext, Renderer};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::book::Book;
use crate::destination::Destination;
use crate::render::{html, search};
use crate::source::Cache;

/// The name of the preprocessor, as in `[preprocessor.listings]`.
pub const PREPROCESSOR: &str = "listings";

/// The name of the renderer, as in `[output.search]`.
pub const SEARCH: &str = "search";

/// The renderers that the preprocessor works for.
const RENDERERS: [&str; 2] = ["html", SEARCH];

/// Whether the preprocessor works for this renderer.
pub fn supports(renderer: &str) -> bool {
    RENDERERS.contains(&renderer)
}

/// A finished build.
#[derive(Debug)]
pub struct Built {
    /// The folder of the pages.
    pub html: PathBuf,
    /// How long it took.
    pub took: Duration,
}

/// Builds the book at `root` into `dest` (`None`: where `book.toml` says). A book with a mistake, or a build that
/// does not end, leaves what stands in `dest` as it was.
///
/// # Errors
/// The book has mistakes, or `dest` is not a folder for it.
pub fn build(
    root: &Path,
    dest: Option<&Path>,
    cache: &mut Cache,
) -> anyhow::Result<Built> {
    let start = Instant::now();
    let book = Book::read(root, cache)?;
    let driver = load(root)?;
    let dest = match dest {
        Some(dest) => dest.to_owned(),
        None => root.join(&driver.config.build.build_dir),
    };
    let destination = Destination::open(root, &dest)?;
    let html = render(&book, driver, destination.scratch(), &[])?;
    let inside = html.strip_prefix(destination.scratch()).map(Path::to_owned)?;
    let dest = destination.publish()?;
    Ok(Built { html: dest.join(inside), took: start.elapsed() })
}

/// Builds the book into a folder that is the caller's own and empty, for a server that has the book at `/`.
///
/// # Errors
/// The book has mistakes, or the folder cannot be written.
pub fn build_for_serving(
    root: &Path,
    folder: &Path,
    cache: &mut Cache,
) -> anyhow::Result<Built> {
    let start = Instant::now();
    let book = Book::read(root, cache)?;
    let html = render(&book, load(root)?, folder, &[AT_THE_ROOT])?;
    Ok(Built { html, took: start.elapsed() })
}

/// The setting of a book that is at `/` of its server.
pub(crate) const AT_THE_ROOT: (&str, &str) = ("output.html.site-url", "/");

/// The book as mdBook reads it.
pub(crate) fn load(root: &Path) -> anyhow::Result<MDBook> {
    listening(|| {
        MDBook::load(root)
            .context("help: correct book.toml; the mdBook guide says what it may hold")
    })
}

/// Renders into `folder`, and says where the pages are. The preprocessors run once, for all renderers.
fn render(
    book: &Book,
    mut driver: MDBook,
    folder: &Path,
    settings: &[(&str, &str)],
) -> anyhow::Result<PathBuf> {
    for (key, value) in settings {
        driver.config.set(key, value)?;
    }
    let mut context = render_pages(&mut driver, folder, html::pages(book))?;
    let html = context.destination.clone();
    if has_search(&context.config)? {
        context.destination = driver.build_dir_for(SEARCH);
        write_search(book, &context)?;
    }
    Ok(html)
}

/// Renders the pages with these texts, by their paths from `src/`, into `folder`, and gives what was rendered.
pub(crate) fn render_pages(
    driver: &mut MDBook,
    folder: &Path,
    texts: BTreeMap<String, String>,
) -> anyhow::Result<RenderContext> {
    driver.config.set("build.build-dir", folder)?;
    let pages = preprocess(driver, texts)?;
    let html = driver.build_dir_for("html");
    let context =
        RenderContext::new(driver.root.clone(), pages, driver.config.clone(), html);
    render_html(&context)?;
    Ok(context)
}

/// Whether the book has an index of ours.
pub(crate) fn has_search(config: &Config) -> anyhow::Result<bool> {
    Ok(config.outputs::<toml::Value>()?.contains_key(SEARCH))
}

/// The pages of the driver with these texts, by their paths from `src/`, as mdBook's preprocessors leave them.
pub(crate) fn preprocess(
    driver: &mut MDBook,
    texts: BTreeMap<String, String>,
) -> anyhow::Result<MdBook> {
    driver.with_preprocessor(Listings { texts: Some(texts) });
    listening(|| Ok(driver.preprocess_book(&HtmlHandlebars::new())?.0))
}

/// Runs mdBook's renderer.
pub(crate) fn render_html(context: &RenderContext) -> anyhow::Result<()> {
    listening(|| HtmlHandlebars::new().render(context))
}

/// The preprocessor: it puts the book's proofs, recordings and figures into its pages.
///
/// It runs before mdBook's `links`, because mdBook passes over an anchor that does not exist and keeps the
/// indentation of the file.
#[derive(Debug, Default)]
pub struct Listings {
    /// The pages by their paths from `src/`; read when it is asked, if they are not here.
    texts: Option<BTreeMap<String, String>>,
}

impl Preprocessor for Listings {
    fn name(&self) -> &'static str {
        PREPROCESSOR
    }

    fn run(
        &self,
        context: &PreprocessorContext,
        mut pages: MdBook,
    ) -> MdResult<MdBook> {
        let read;
        let texts = if let Some(texts) = &self.texts {
            texts
        } else {
            read = html::pages(&Book::read(&context.root, &mut Cache::default())?);
            &read
        };
        pages.for_each_mut(|item| {
            let BookItem::Chapter(chapter) = item else { return };
            keep_the_number_of_the_opening(chapter);
            if let Some(path) = &chapter.source_path
                && let Some(text) =
                    texts.get(&path.display().to_string().replace('\\', "/"))
            {
                chapter.content.clone_from(text);
                // The theme's list of pages has these paths, and cannot change their ending itself.
                if let Some(path) = &mut chapter.path {
                    path.set_extension("html");
                }
            }
        });
        Ok(pages)
    }
}

/// The theme lists beside a page those that have its number, the openings, and those without one: it can compare numbers,
/// and cannot take them apart. So a pattern has one number, and a page that is in none has none.
fn keep_the_number_of_the_opening(chapter: &mut Chapter) {
    let in_a_pattern =
        !chapter.parent_names.is_empty() || !chapter.sub_items.is_empty();
    let first = chapter.number.take().and_then(|number| number.first().copied());
    chapter.number =
        first.filter(|_| in_a_pattern).map(|first| SectionNumber::new([first]));
}

/// The renderer `search`, for stock mdBook: it writes the index beside the pages, and marks the folder as ours.
#[derive(Debug, Default)]
pub struct SearchIndex;

impl Renderer for SearchIndex {
    fn name(&self) -> &'static str {
        SEARCH
    }

    fn render(&self, context: &RenderContext) -> MdResult<()> {
        let book = Book::read(&context.root, &mut Cache::default())?;
        write_search(&book, context)?;
        let folder = context.destination.parent().context("a folder of its own")?;
        Destination::mark(folder)?;
        Ok(())
    }
}

fn write_search(book: &Book, context: &RenderContext) -> anyhow::Result<()> {
    let titles = titles(&context.book);
    // With two renderers, each has a folder below the one of the book.
    let file = context.destination.with_file_name("html").join(search::FILE);
    // mdBook makes it for a renderer that is a command, too.
    fs::create_dir_all(&context.destination)?;
    fs::write(&file, search::script(book, &titles))
        .with_context(|| format!("cannot write {}", file.display()))
}

/// The names of the pages in SUMMARY.md, in its order.
pub(crate) fn titles(pages: &MdBook) -> Vec<String> {
    pages.chapters().map(|chapter| chapter.name.clone()).collect()
}

/// Runs `work`; what mdBook warns of meanwhile is a mistake, since it goes on without what is wrong.
fn listening<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let heard = Heard::default();
    let subscriber = tracing_subscriber::registry().with(heard.clone());
    let result = tracing::subscriber::with_default(subscriber, work);
    let said =
        std::mem::take(&mut *heard.said.lock().unwrap_or_else(PoisonError::into_inner));
    match (result, said.is_empty()) {
        (result, true) => result,
        (Err(error), false) => Err(error.context(said.join("\n"))),
        (Ok(_), false) => Err(anyhow::anyhow!(
            "mdBook: {}\n    help: correct the page or book.toml; mdBook itself goes on without what is wrong",
            said.join("\n")
        )),
    }
}

/// Warnings and errors of mdBook.
#[derive(Clone, Default)]
struct Heard {
    said: Arc<Mutex<Vec<String>>>,
}

impl<S: Subscriber> Layer<S> for Heard {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let of_mdbook = event.metadata().target().starts_with("mdbook");
        if *event.metadata().level() <= Level::WARN && of_mdbook {
            let mut message = Message(String::new());
            event.record(&mut message);
            self.said.lock().unwrap_or_else(PoisonError::into_inner).push(message.0);
        }
    }
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

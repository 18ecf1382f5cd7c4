//! Builds the book in this process.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use mdbook_driver::MDBook;
use mdbook_renderer::errors::Result as MdResult;
use mdbook_renderer::{RenderContext, Renderer};

use crate::preprocess::{ListingsPreprocessor, PageText, Report, SKEPTIC, Sources};
use crate::problem::Problems;
use crate::search::{self, SearchIndex};
use crate::summary;

/// Builds the book at `root` into `dest` (`None`: where `book.toml` says) and says how long that took.
/// A book with a mistake leaves what stands in `dest` as it was.
///
/// # Errors
/// The book has mistakes, or `dest` cannot be written.
pub fn build(root: &Path, dest: Option<&Path>) -> anyhow::Result<(PathBuf, Duration)> {
    run(root, dest, |_| Ok(()))
}

/// Like [`build`], for a server that has the book at `/`.
///
/// # Errors
/// As for [`build`].
pub fn build_for_serving(
    root: &Path,
    dest: &Path,
) -> anyhow::Result<(PathBuf, Duration)> {
    run(root, Some(dest), |book| book.config.set("output.html.site-url", "/"))
}

fn run(
    root: &Path,
    dest: Option<&Path>,
    configure: impl FnOnce(&mut MDBook) -> anyhow::Result<()>,
) -> anyhow::Result<(PathBuf, Duration)> {
    let start = Instant::now();
    let mut book = load(root)?;
    if let Some(dest) = dest {
        book.config.set("build.build-dir", dest)?;
    }
    configure(&mut book)?;
    let dest = book.build_dir_for("html");
    if book.config.outputs::<toml::Value>()?.contains_key(search::NAME) {
        book.with_renderer(SearchIndex);
    }
    book.build()?;
    Ok((dest, start.elapsed()))
}

/// The chapters as skeptic is to see them: path from `src/`, and Markdown with all includes expanded.
///
/// # Errors
/// The book has mistakes.
pub fn for_skeptic(root: &Path) -> anyhow::Result<Vec<PageText>> {
    let (book, _) = load(root)?.preprocess_book(&SkepticRenderer)?;
    let pages = book.chapters().filter_map(|chapter| {
        Some((chapter.source_path.clone()?, chapter.content.clone()))
    });
    Ok(pages.collect())
}

/// What the pages of the book show.
///
/// # Errors
/// The book has mistakes.
pub fn report(root: &Path) -> Result<Report, Problems> {
    let mut pages = Vec::new();
    for path in summary::pages(root)? {
        // SUMMARY.md was checked: the page is there.
        let text = fs::read_to_string(root.join("src").join(&path)).unwrap_or_default();
        pages.push((path, text));
    }
    Ok(Sources::read(root)?.expand(&pages, "html")?.1)
}

fn load(root: &Path) -> anyhow::Result<MDBook> {
    summary::pages(root)?;
    let mut book = MDBook::load(root).context("book.toml or SUMMARY.md")?;
    book.with_preprocessor(ListingsPreprocessor);
    Ok(book)
}

/// Stands for skeptic while the preprocessors run; it renders nothing.
struct SkepticRenderer;

impl Renderer for SkepticRenderer {
    fn name(&self) -> &'static str {
        SKEPTIC
    }

    fn render(&self, _: &RenderContext) -> MdResult<()> {
        Ok(())
    }
}

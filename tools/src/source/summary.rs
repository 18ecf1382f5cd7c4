//! SUMMARY.md, read before mdBook does, which does not tell the line of a missing chapter.

use std::collections::HashMap;
use std::path::Path;

use mdbook_markdown::pulldown_cmark::{Event, Parser, Tag};

use crate::layout;
use crate::problem::{Problem, Problems};
use crate::source;
use crate::text::Lines;

/// Where it stands.
pub const FILE: &str = "src/SUMMARY.md";

/// The pages that SUMMARY.md names, from the root of the book, in its order.
///
/// # Errors
/// SUMMARY.md cannot be read or names no page; an entry has no page, leads out of `src/`, or names a page that
/// another entry names too.
pub fn pages(root: &Path) -> Result<Vec<String>, Problems> {
    let text = source::read(root, FILE)?;
    let lines = Lines::new(&text);
    let mut seen = HashMap::new();
    let (mut pages, mut problems) = (Vec::new(), Vec::new());
    for (event, range) in Parser::new(&text).into_offset_iter() {
        let Event::Start(Tag::Link { dest_url, .. }) = event else { continue };
        let line = lines.of(range.start);
        match entry(root, &dest_url) {
            Err((what, mend)) => {
                let mend = format!("{mend}: {}", &text[range]);
                problems.push(Problem::new(FILE, line, what, mend));
            }
            Ok(page) => {
                // mdBook makes `index.html` of both.
                let html = layout::html_path(&page.replace("README.md", "index.md"));
                if let Some(first) = seen.insert(html, line) {
                    let what =
                        format!("{page} gives a page that line {first} gives already");
                    let mend = "keep one of the two entries";
                    problems.push(Problem::new(FILE, line, what, mend));
                } else {
                    pages.push(page);
                }
            }
        }
    }
    if pages.is_empty() && problems.is_empty() {
        let mend = "add an entry: - [Title](page.md)";
        problems.push(Problem::new(FILE, 0, "no entry names a page", mend));
    }
    if problems.is_empty() { Ok(pages) } else { Err(Problems(problems)) }
}

/// The page that an entry names.
fn entry(root: &Path, target: &str) -> Result<String, (String, &'static str)> {
    if target.is_empty() {
        return Err((
            "an entry without a page".into(),
            "write the page, or remove the entry",
        ));
    }
    let inside = !target.starts_with('/') && !target.contains(['\\', ':']);
    let page = layout::resolve(FILE, target)
        .filter(|page| inside && page.starts_with("src/"))
        .ok_or_else(|| {
            let what = format!("`{target}` leads out of src/");
            (what, "name a page of the book, by its path from src/")
        })?;
    if target.split('/').any(|part| matches!(part, "." | ".." | "")) {
        let what = format!("`{target}` is another spelling of {page}");
        return Err((what, "write the path from src/ without `.` and `..`"));
    }
    if !layout::is_page(&page) {
        return Err((
            format!("{page} is not Markdown"),
            "name a file that ends in .md",
        ));
    }
    if !root.join(&page).is_file() {
        return Err((
            format!("there is no page {page}"),
            "write it, or correct the path",
        ));
    }
    Ok(page)
}

//! SUMMARY.md, read before mdBook does, which does not tell the line of a missing chapter.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{Event, Parser, Tag};

use crate::problem::{Problem, Problems};
use crate::text::Lines;

/// The pages that SUMMARY.md names, from `src/`, in its order.
///
/// # Errors
/// SUMMARY.md cannot be read; an entry has no page, or names one that another entry names too.
pub fn pages(root: &Path) -> Result<Vec<PathBuf>, Problems> {
    let file = Path::new("src/SUMMARY.md");
    let text = fs::read_to_string(root.join(file)).map_err(|error| {
        Problem::new(
            file,
            0,
            error.to_string(),
            "every book has one; see the mdBook guide",
        )
    })?;
    let lines = Lines::new(&text);
    let mut seen = HashMap::new();
    let (mut pages, mut problems) = (Vec::new(), Vec::new());
    for (event, range) in Parser::new(&text).into_offset_iter() {
        let Event::Start(Tag::Link { dest_url, .. }) = event else { continue };
        let line = lines.of(range.start);
        if dest_url.is_empty() {
            let mend = format!("write the page, or remove the entry: {}", &text[range]);
            problems.push(Problem::new(file, line, "an entry without a page", mend));
        } else if !root.join("src").join(&*dest_url).is_file() {
            let what = format!("there is no page src/{dest_url}");
            problems.push(Problem::new(
                file,
                line,
                what,
                "write it, or correct the path",
            ));
        } else if let Some(first) = seen.insert(dest_url.to_string(), line) {
            let what = format!("src/{dest_url} stands in line {first} already");
            problems.push(Problem::new(
                file,
                line,
                what,
                "keep one of the two entries",
            ));
        } else {
            pages.push(PathBuf::from(&*dest_url));
        }
    }
    if problems.is_empty() { Ok(pages) } else { Err(Problems(problems)) }
}

//! How long the pages are, as `build --lengths` prints it.

use std::fmt::Write as _;

use crate::book::Book;
use crate::layout;
use crate::source::length::{MOST_LINES, MOST_WORDS};

/// A line for each page, in the order of the book, and one for all.
pub fn table(book: &Book) -> String {
    let mut table = format!(
        "words  code  of a page; {MOST_WORDS} and {MOST_LINES} at most, or a reason\n"
    );
    let mut all = (0, 0);
    for page in &book.pages {
        let length = &page.page.length;
        let code: usize = page.open_code(&book.promises).map(|(_, lines)| lines).sum();
        all = (all.0 + length.words, all.1 + code);
        let note = match &length.excuse {
            Some((_, reason)) => format!("  long: {reason}"),
            None if layout::is_looked_up(&page.page.file) => "  no limit".to_owned(),
            None => String::new(),
        };
        let (words, file) = (length.words, &page.page.file);
        let _ = writeln!(table, "{words:>5} {code:>5}  {file}{note}");
    }
    let (words, code) = all;
    let pages = book.pages.len();
    let _ = writeln!(table, "{words:>5} {code:>5}  {pages} pages");
    table
}

//! The pages as skeptic is to see them: of each, the files that it shows, whole.
//!
//! skeptic 0.14.2 does not expand includes, and compiles a block as a crate of its own. Parts of a file are left
//! out, since the file compiles whole; what must not compile is left to trybuild.

use std::fmt::Write as _;

use crate::book::{Book, BookPage};
use crate::layout::Place;
use crate::text::fence;

/// A page for skeptic, and the name of its file: skeptic names its tests after it, so the whole path keeps them
/// apart, and `page_` keeps a digit from the start.
pub fn pages(book: &Book) -> impl Iterator<Item = (String, String)> {
    book.pages.iter().map(|page| {
        let path = page.page.file.trim_start_matches("src/").trim_end_matches(".md");
        (format!("page_{}.md", path.replace(['/', '-'], "_")), text(page))
    })
}

/// A program runs, a listing only has to compile by itself.
fn text(page: &BookPage) -> String {
    let mut text = String::new();
    for listing in &page.files {
        let block = if listing.file.place == Place::Program {
            fence("rust", &listing.whole)
        } else {
            fence("rust,no_run", &format!("{}\nfn main() {{}}\n", listing.whole))
        };
        let _ = write!(text, "\n{block}");
    }
    text
}

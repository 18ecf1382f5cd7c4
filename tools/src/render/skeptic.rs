//! The pages as skeptic is to see them: of each, its uses as a reader pastes them, and the files that it shows, whole.
//!
//! skeptic 0.14.2 does not expand includes, and compiles a block as a crate of its own. Parts of a file are left
//! out, since the file compiles whole; what must not compile is left to trybuild.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::book::{Book, BookPage};
use crate::layout::Place;
use crate::paste::Paste;
use crate::source::listing::Listing;
use crate::text::fence;

/// A page for skeptic, and the name of its file: skeptic names its tests after it, so the whole path keeps them
/// apart, and `page_` keeps a digit from the start.
pub fn pages(book: &Book) -> impl Iterator<Item = (String, String)> {
    book.pages.iter().map(|page| {
        let path = page.page.file.trim_start_matches("src/").trim_end_matches(".md");
        (format!("page_{}.md", path.replace(['/', '-'], "_")), text(page))
    })
}

/// The uses that are compiled, as a reader pastes them: all but those that are behind a feature.
pub fn uses(page: &BookPage) -> impl Iterator<Item = &Paste> {
    page.uses().filter(|paste| !paste.is_behind())
}

/// The files that are compiled alone: all but those that a use has in it, the steps of a use, which go into its
/// program, and those that are behind a feature.
pub fn alone(page: &BookPage) -> impl Iterator<Item = &Arc<Listing>> {
    let pasted: BTreeSet<_> =
        uses(page).flat_map(Paste::files).map(|it| &it.file.path).collect();
    page.files
        .iter()
        .filter(|it| it.file.place != Place::Use && it.file.behind.is_none())
        .filter(move |it| !pasted.contains(&it.file.path))
}

/// A program runs, and so does a use with all that is pasted below it; a listing only has to compile by itself.
fn text(page: &BookPage) -> String {
    let mut text = String::new();
    for paste in uses(page) {
        let _ = write!(text, "\n{}", fence("rust", &paste.text()));
    }
    for listing in alone(page) {
        let block = if listing.file.place == Place::Program {
            fence("rust", &listing.whole)
        } else {
            fence("rust,no_run", &format!("{}\nfn main() {{}}\n", listing.whole))
        };
        let _ = write!(text, "\n{block}");
    }
    text
}

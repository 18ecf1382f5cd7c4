//! A whole use on a page: the program, what it needs, and what *Copy* puts below it.

use std::collections::BTreeSet;

use maud::{Markup, PreEscaped, html};

use crate::book::Book;
use crate::paste::Paste;
use crate::render::highlight;
use crate::text::fence;

/// The program with its `[dependencies]` and its caption, without the end of its line. What is pasted below it
/// stands at the end of the page, so that only the way there is written here.
pub fn html(book: &Book, paste: &Paste, caption: &Markup) -> String {
    const LINE: PreEscaped<&str> = PreEscaped("\n");
    let code = highlight::rust("", &paste.program.whole);
    let toml = fence("toml", &dependencies(book, paste));
    let below = paste.below().to_string();
    let block = html! {
        figure.listing.use id=(paste.program.file.use_id()) data-below=(below) {
            (LINE) (LINE)
            (PreEscaped(code)) (LINE)
            details.needs {
                summary { "Cargo.toml" }
                (LINE) (LINE)
                (PreEscaped(toml)) (LINE)
            }
            (LINE)
            figcaption { (caption) }
            (LINE)
        }
        (LINE) (LINE)
    };
    block.into_string()
}

/// The `[dependencies]` of the pasted file.
pub fn dependencies(book: &Book, paste: &Paste) -> String {
    let crates: BTreeSet<_> =
        paste.all().flat_map(|listing| listing.crates.iter().cloned()).collect();
    let packages = paste.all().map(|listing| &*listing.file.topic.pattern).collect();
    let package = &paste.program.file.topic.pattern;
    book.manifest.dependencies_of_program(&crates, &packages, package, paste.pauses())
}

//! An exercise on a page: what a reader mends, how to test it, and a solution, folded.

use maud::{Markup, PreEscaped, html};

use crate::book::Book;
use crate::render::highlight;
use crate::render::html::{LINE, caption, file};
use crate::source::listing::Listing;

/// The exercise, and below it the solution.
pub fn html(book: &Book, task: &Listing, solution: &Listing) -> String {
    let block = html! {
        (code(book, task, "exercise"))
        details.solution {
            summary { "A solution" }
            (LINE) (LINE)
            (code(book, solution, "solution"))
        }
        (LINE) (LINE)
    };
    block.into_string()
}

fn code(book: &Book, listing: &Listing, what: &str) -> Markup {
    let (id, command) = (listing.file.target(), listing.file.command());
    html! {
        figure.listing id=(id) {
            (LINE) (LINE)
            (PreEscaped(highlight::rust("", &listing.whole))) (LINE)
            figcaption { (caption(&file(book, listing, 1), &command, &id, what)) }
            (LINE)
        }
        (LINE) (LINE)
    }
}

//! Wrong beside right: two listings of which the lines that differ are marked.
//!
//! What the two have in common, far from every difference, is in the page and hidden by the theme. So the whole of
//! each is there to be copied, found and printed, and is seen where no script runs that could show it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use maud::html;

use crate::book::{Book, BookPage, Shown};
use crate::differences::Line;
use crate::render::highlight;
use crate::render::html::{LINE, address, markdown, permalink};

/// What each pair of the page begins with, and where: how wide its code is, for the theme to decide whether the
/// halves stand beside each other, and the wrong half, up to its words.
pub(super) fn openings(
    page: &BookPage,
) -> impl Iterator<Item = (Range<usize>, String)> {
    page.page.pairs.iter().zip(&page.pairs).map(|(pair, halves)| {
        let columns = halves.iter().map(|half| {
            let code = page.blocks[half.block].what.code().lines().zip(&half.lines);
            let shown = code.filter(|(_, line)| **line != Line::LeftOut);
            shown.map(|(text, _)| text.chars().count()).max().unwrap_or(0)
        });
        let columns = columns.max().unwrap_or(0);
        let html = format!(
            "<div class=\"compare\" style=\"--columns: {columns}\">\n\n<div class=\"wrong\">\n\n"
        );
        (pair.open.clone(), html)
    })
}

/// What stands in the place of the blocks that are halves of pairs: a listing, which ends its half.
pub(super) fn halves(book: &Book, page: &BookPage) -> BTreeMap<usize, String> {
    let mut halves = BTreeMap::new();
    for [wrong, right] in &page.pairs {
        for (half, class, end) in [
            (wrong, "del", "</div>\n\n<div class=\"right\">\n\n"),
            (right, "add", "</div>\n\n"),
        ] {
            let block = &page.blocks[half.block];
            if let Shown::Listing { listing, anchor } = &block.what
                && let Some(part) = listing.anchors.get(anchor)
            {
                let id = listing.file.listing_id(anchor);
                let figure = html! {
                    figure.listing id=(id) data-file=(listing.file.whole_id()) {
                        (LINE) (LINE)
                        (markdown(&code(&block.imports, &part.code, &half.lines, class))) (LINE)
                        figcaption {
                            a href=(address(book, listing, part.line)) {
                                code { (listing.file.name()) }
                            } " "
                            (permalink(&id, "listing"))
                        }
                        (LINE)
                    }
                    (LINE) (LINE)
                };
                halves.insert(half.block, figure.into_string() + end);
            }
        }
    }
    halves
}

/// The code of a half, its own lines in spans of this class. The theme does not show its `imports` in a pair, and
/// *Copy* takes them along.
fn code(imports: &str, code: &str, lines: &[Line], class: &str) -> String {
    let mut html = highlight::imports(imports);
    html.reserve(code.len() * 3);
    let coloured = highlight::lines(code);
    let mut at = 0;
    for run in lines.chunk_by(|one, next| one == next) {
        let part = &coloured[at..at + run.len()];
        // A line left out is the next one: it says how deep the code is there.
        let indent = part[0].len() - part[0].trim_start().len();
        at += run.len();
        let end = if at < coloured.len() { "\n" } else { "" };
        let text = part.join("\n") + end;
        let _ = match run[0] {
            Line::Shown => write!(html, "{text}"),
            Line::LeftOut => write!(
                html,
                "<span class=\"more\" data-more=\"{}…\"></span><span class=\"same\">{text}</span>",
                " ".repeat(indent)
            ),
            Line::Changed => part.iter().enumerate().try_for_each(|(index, line)| {
                let end = if index + 1 < part.len() { "\n" } else { end };
                write!(html, "<span class=\"{class}\">{line}{end}</span>")
            }),
        };
    }
    highlight::block("rust", &html)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_changed_line_is_marked_and_nothing_is_missing() {
        use Line::{Changed, LeftOut, Shown};
        let text = "a\nb\n    c\n\n}\nd\n";
        let lines = [Changed, Changed, LeftOut, LeftOut, LeftOut, Shown];
        assert_eq!(
            code("", text, &lines, "del"),
            "<pre><code class=\"rust\"><span class=\"del\">a\n</span><span class=\"del\">b\n</span>\
             <span class=\"more\" data-more=\"    …\"></span><span class=\"same\">    c\n\n}\n</span>d</code></pre>\n"
        );
        assert_eq!(
            code("use a::A;\n", "a\nb\n", &[Shown, Changed], "add"),
            "<pre><code class=\"rust\"><span class=\"imports\">use a::A;\n\n</span>a\n<span class=\"add\">b</span></code></pre>\n"
        );
    }
}

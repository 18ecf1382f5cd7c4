//! A page with everything in its place: Markdown for mdBook, with HTML where Markdown has no word for it.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, PreEscaped, html};

use crate::book::{Block, Book, BookPage, Named, Promise, Shown};
use crate::layout::{self, Place};
use crate::render::{figure, highlight};
use crate::source::listing::Listing;
use crate::source::page::{MARK, Promises};
use crate::source::recording::Recording;
use crate::text::{Edits, fence};

/// The Markdown of a page, for mdBook.
pub fn page(book: &Book, page: &BookPage) -> String {
    let mut edits = Edits::default();
    for block in &page.blocks {
        edits.replace(block.range.clone(), shown(book, block));
    }
    for proof in &page.proofs {
        edits.replace(proof.range.clone(), mark(book, page, proof));
    }
    for fold in &page.page.folds {
        edits.replace(fold.at..fold.at, all_promises(fold));
    }
    for section in &page.page.sections {
        let named = page.proofs[section.proofs.clone()].iter();
        let here = named.filter(|proof| proof.stands_here);
        let here: Vec<_> = here.map(|it| &book.promises[it.promise]).collect();
        if !here.is_empty() {
            edits.replace(section.end..section.end, proofs(book, &here));
        }
    }
    let mut text = edits.apply(&page.page.text);
    text.push_str(&appendix(book, page));
    text
}

/// All pages by their paths from `src/`.
pub fn pages(book: &Book) -> BTreeMap<String, String> {
    let texts = book.pages.iter().map(|it| {
        let path = it.page.file.trim_start_matches("src/").to_owned();
        (path, page(book, it))
    });
    texts.collect()
}

/// Lines end where Markdown is to see it.
const LINE: PreEscaped<&str> = PreEscaped("\n");

/// Markdown inside of HTML.
fn markdown(text: &str) -> PreEscaped<&str> {
    PreEscaped(text)
}

fn shown(book: &Book, block: &Block) -> String {
    match &block.what {
        Shown::Listing { listing, anchor } => part(book, listing, anchor),
        Shown::Output(recording) => output(recording),
        Shown::Figure(recording) => {
            recording.figure().map_or_else(String::new, |drawn| {
                let topic = &recording.file.topic;
                let html =
                    figure::html(drawn, &topic.figure_id(), &topic.figure_command());
                format!("{html}\n")
            })
        }
        Shown::Test(promise) => test(book, &book.promises[*promise]),
        Shown::Versions => format!("{}\n", book.manifest.versions()),
    }
}

/// A part of a listing, with where it stands and how it is run.
fn part(book: &Book, listing: &Listing, name: &str) -> String {
    let Some(anchor) = listing.anchors.get(name) else { return String::new() };
    let verdict = match (listing.file.place, anchor.naive) {
        (Place::Refused, _) => Some("Wrong: the compiler refuses it"),
        (_, true) => Some("Wrong, kept to be measured"),
        (_, false) => None,
    };
    let class = if verdict.is_some() { "listing wrong" } else { "listing" };
    let id = listing.file.listing_id(name);
    let block = html! {
        figure class=(class) id=(id) data-file=(listing.file.whole_id()) {
            (LINE)
            @if let Some(verdict) = verdict { p.verdict { (verdict) } (LINE) }
            (LINE)
            (markdown(&highlight::rust(&anchor.code))) (LINE)
            figcaption {
                (file(book, listing, anchor.line)) " "
                code.command { (listing.file.command()) }
                (permalink(&id, "listing"))
            }
            (LINE)
        }
        (LINE) (LINE)
    };
    block.into_string()
}

/// A test that a page shows whole.
fn test(book: &Book, promise: &Promise) -> String {
    let id = promise.id();
    let block = html! {
        figure.listing.test id=(id) {
            (LINE) (LINE)
            (markdown(&highlight::rust(&promise.source))) (LINE)
            figcaption {
                (file(book, &promise.listing, promise.source_line)) " "
                code.command { (promise.command()) }
                (permalink(&id, "test"))
            }
            (LINE)
        }
        (LINE) (LINE)
    };
    block.into_string()
}

/// Where a file is kept.
fn file(book: &Book, listing: &Listing, line: usize) -> Markup {
    let path = &listing.file.path;
    let address = format!("{}/blob/main/{path}#L{line}", book.manifest.repository());
    html! { a href=(address) { code { (path) } } }
}

/// What a run printed or the compiler said.
fn output(recording: &Recording) -> String {
    let file = &recording.file;
    let caption = match file.place {
        Place::Message => html! { "What the compiler says" },
        _ if file.path.contains("/benches/") => {
            html! { "Measured by " code { (file.command()) } }
        }
        _ => html! { "Printed by " code { (file.command()) } },
    };
    let id = file.output_id();
    let block = html! {
        figure.output id=(id) {
            (LINE)
            p.verdict { (caption) " " (permalink(&id, "output")) }
            (LINE) (LINE)
            (markdown(&fence("text", recording.text().unwrap_or_default()))) (LINE)
        }
        (LINE) (LINE)
    };
    block.into_string()
}

/// A mark that leads to a proof; the name of the test is what is said of it.
fn mark(book: &Book, page: &BookPage, proof: &Named) -> String {
    let promise = &book.promises[proof.promise];
    let id = promise.id();
    let target = if promise.page == page.page.file {
        format!("#{id}")
    } else {
        let path = layout::link(&page.page.file, &layout::html_path(&promise.page));
        format!("{path}#{id}")
    };
    let name = promise.test.replace('_', " ");
    html! { a.mark href=(target) title=(name) aria-label={ "Proof: " (name) } { (MARK) } }
        .into_string()
}

/// The summary of a fold of promises.
fn all_promises(fold: &Promises) -> String {
    let what = match fold.rows {
        1 => "One promise, with its test".to_owned(),
        rows => format!("All {rows} promises, each with its test"),
    };
    html! { (LINE) summary { (what) } }.into_string()
}

/// A name that may break after each of its words.
fn broken(name: &str) -> Markup {
    html! {
        @for (index, word) in name.split('_').enumerate() {
            @if index > 0 { "_" wbr; }
            (word)
        }
    }
}

/// The proofs that stand at the end of a section.
fn proofs(book: &Book, proofs: &[&Promise]) -> String {
    let what = if proofs.len() == 1 { "proof" } else { "proofs" };
    let block = html! {
        (LINE)
        details.proofs {
            summary { (proofs.len()) " " (what) }
            (LINE) (LINE)
            @for proof in proofs { (self::proof(book, proof)) }
        }
        (LINE) (LINE)
    };
    block.into_string()
}

fn proof(book: &Book, promise: &Promise) -> Markup {
    let id = promise.id();
    html! {
        details.proof {
            summary { code { (broken(&promise.test)) } }
            (LINE)
            div id=(id) {
                (LINE) (LINE)
                (markdown(&highlight::folded(&promise.source)))
                @if let Some(message) = promise.message.as_ref().and_then(|it| it.text()) {
                    (LINE) (markdown(&fence("text", message)))
                }
                (LINE)
                p.source {
                    (file(book, &promise.listing, promise.source_line)) " "
                    (permalink(&id, "proof"))
                }
                (LINE)
            }
            (LINE)
        }
        (LINE) (LINE)
    }
}

/// A link to what it stands in, to be copied.
fn permalink(id: &str, what: &str) -> Markup {
    html! {
        a.permalink href={ "#" (id) } aria-label={ "Link to this " (what) } { "#" }
    }
}

/// What each page ends with: what its listings need, the files whole, where to report a mistake.
fn appendix(book: &Book, page: &BookPage) -> String {
    let repository = book.manifest.repository();
    let source = &page.page.file;
    let block = html! {
        @if !page.files.is_empty() { (dependencies(book, page)) }
        @for listing in &page.files {
            (LINE)
            details.whole {
                summary { "The whole file: " code { (listing.file.path) } }
                (LINE)
                div id=(listing.file.whole_id()) {
                    (LINE) (LINE) (markdown(&highlight::folded(&listing.whole))) (LINE)
                }
                (LINE)
            }
            (LINE)
        }
        (LINE)
        footer.colophon {
            (LINE) (LINE)
            (markdown(&format!(
                "[The source of this page]({repository}/blob/main/{source}) \
                 · [Report a mistake]({repository}/issues/new?title={source})"
            )))
            (LINE) (LINE)
        }
        (LINE)
    };
    block.into_string()
}

fn dependencies(book: &Book, page: &BookPage) -> Markup {
    let crates: BTreeSet<_> =
        page.files.iter().flat_map(|listing| listing.crates.iter().cloned()).collect();
    let packages =
        page.files.iter().map(|listing| listing.file.topic.pattern.as_str()).collect();
    let own = book.manifest.own(&crates);
    let toml = fence("toml", &book.manifest.dependencies(&crates, &packages));
    html! {
        (LINE)
        section.dependencies id=(page.page.topic.dependencies_id()) {
            (LINE) (LINE)
            "The listings on this page need, in your `Cargo.toml`:" (LINE) (LINE)
            (markdown(&toml)) (LINE)
            @if !own.is_empty() { (markdown(&own_crates(book, &own))) }
        }
        (LINE)
    }
}

/// What is in no registry is pasted like the listings themselves.
fn own_crates(book: &Book, own: &[&str]) -> String {
    let repository = book.manifest.repository();
    let links: Vec<_> = own
        .iter()
        .map(|name| {
            let folder = name.replace('_', "-");
            format!("[`{name}`]({repository}/tree/main/listings/{folder}/src)")
        })
        .collect();
    let (what, it) = if own.len() == 1 {
        ("a part of this book", "copy its files, too")
    } else {
        ("parts of this book", "copy their files, too")
    };
    format!(
        "\nThey use {}, {what}: {it}, or work in a clone of it.\n\n",
        links.join(" and ")
    )
}

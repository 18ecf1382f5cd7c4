//! A page with everything in its place: Markdown for mdBook, with HTML where Markdown has no word for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use maud::{Markup, PreEscaped, html};

use crate::book::{Block, Book, BookPage, Named, Promise, Shown};
use crate::layout::{self, Place};
use crate::render::{chart, compare, exercise, figure, highlight, whole_use};
use crate::source::listing::Listing;
use crate::source::page::{MARK, NOTES, Promises};
use crate::source::recording::Recording;
use crate::text::{Edits, fence};

/// The Markdown of a page, for mdBook.
pub fn page(book: &Book, page: &BookPage) -> String {
    let mut edits = Edits::default();
    let mut pairs = compare::halves(book, page);
    for (index, block) in page.blocks.iter().enumerate() {
        let html = pairs.remove(&index).unwrap_or_else(|| shown(book, block));
        edits.replace(block.range.clone(), html);
    }
    for (range, html) in compare::openings(page) {
        edits.replace(range, html);
    }
    for remark in &page.page.remarks {
        edits.replace(remark.clone(), "\n".to_owned());
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
pub(super) const LINE: PreEscaped<&str> = PreEscaped("\n");

/// Markdown inside of HTML.
pub(super) fn markdown(text: &str) -> PreEscaped<&str> {
    PreEscaped(text)
}

fn shown(book: &Book, block: &Block) -> String {
    match &block.what {
        Shown::Listing { listing, anchor } => {
            part(book, listing, anchor, &block.imports)
        }
        Shown::Use(paste) => {
            let program = &paste.program;
            let (id, command) = (program.file.use_id(), program.file.command());
            let caption = caption(&file(book, program, 1), &command, &id, "program");
            whole_use::html(book, paste, &caption)
        }
        Shown::Output(recording) => output(recording),
        Shown::Figure(recording) => {
            recording.figure().map_or_else(String::new, |drawn| {
                let topic = &recording.file.topic;
                let html =
                    figure::html(drawn, &topic.figure_id(), &topic.figure_command());
                format!("{html}\n")
            })
        }
        Shown::Chart(recording) => {
            recording.chart().map_or_else(String::new, |drawn| {
                let file = &recording.file;
                let html = chart::html(drawn, &file.topic.chart_id(), &file.path);
                format!("{html}\n")
            })
        }
        Shown::Test(promise) => test(book, &book.promises[*promise]),
        Shown::Exercise { task, solution } => exercise::html(book, task, solution),
        Shown::Dependencies(names) => {
            // Of the book's crates, none adds a feature.
            let crates = names.iter().map(|name| name.replace('_', "-")).collect();
            let needs = book.manifest.dependencies(&crates, &BTreeSet::new());
            format!("{}\n", fence("toml", &needs))
        }
        Shown::Versions => format!("{}\n", book.manifest.versions()),
    }
}

/// A part of a listing, with where it stands and how it is run.
fn part(book: &Book, listing: &Listing, name: &str, imports: &str) -> String {
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
            (markdown(&highlight::rust(imports, &anchor.code))) (LINE)
            figcaption {
                (caption(
                    &file(book, listing, anchor.line),
                    &listing.file.command(),
                    &id,
                    "listing",
                ))
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
            (markdown(&highlight::rust("", &promise.source))) (LINE)
            figcaption {
                (caption(
                    &file(book, &promise.listing, promise.source_line),
                    &promise.command(),
                    &id,
                    "test",
                ))
            }
            (LINE)
        }
        (LINE) (LINE)
    };
    block.into_string()
}

/// Where code stands, and how it is run.
pub(super) fn caption(file: &Markup, command: &str, id: &str, what: &str) -> Markup {
    html! { (file) " " code.command { (command) } (permalink(id, what)) }
}

/// Where a file is kept.
pub(super) fn file(book: &Book, listing: &Listing, line: usize) -> Markup {
    html! { a href=(address(book, listing, line)) { code { (listing.file.path) } } }
}

/// The address of a line of a file.
pub(super) fn address(book: &Book, listing: &Listing, line: usize) -> String {
    format!("{}/blob/main/{}#L{line}", book.manifest.repository(), listing.file.path)
}

/// What a run printed or the compiler said.
fn output(recording: &Recording) -> String {
    let file = &recording.file;
    let caption = match file.place {
        Place::Message => html! { "What the compiler says" },
        // It stands below its program, which says the command.
        _ if layout::is_use(&file.path) => html! { "It prints" },
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
            summary { (promise.test.replace('_', " ")) }
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
pub(super) fn permalink(id: &str, what: &str) -> Markup {
    html! {
        a.permalink href={ "#" (id) } aria-label={ "Link to this " (what) } { "#" }
    }
}

/// What each page ends with: what its listings need, the files whole, and the heading of the footnotes, which mdBook
/// puts last. Where to report a mistake comes after them, from the theme.
fn appendix(book: &Book, page: &BookPage) -> String {
    let block = html! {
        @if !page.files.is_empty() { (dependencies(book, page)) }
        @for listing in &page.files {
            (LINE)
            details.whole {
                summary { "The whole file: " code { (listing.file.path) } }
                (LINE)
                @if listing.file.place == Place::Use && listing.whole.contains("use super::") {
                    p {
                        "A step of another program of this page: what it takes from " code { "super" } " stands there."
                    }
                    (LINE)
                }
                div id=(listing.file.whole_id()) {
                    (LINE) (LINE) (markdown(&highlight::folded(&listing.whole))) (LINE)
                }
                (LINE)
            }
            (LINE)
        }
        (LINE)
        @if page.page.has_notes {
            (LINE) (markdown(&format!("## Notes {{ #{NOTES} .notes }}"))) (LINE)
        }
    };
    block.into_string()
}

fn dependencies(book: &Book, page: &BookPage) -> Markup {
    let all: Vec<_> =
        page.files.iter().chain(page.uses().map(|it| &it.program)).collect();
    let crates =
        all.iter().flat_map(|listing| listing.crates.iter().cloned()).collect();
    let packages =
        all.iter().map(|listing| listing.file.topic.pattern.as_str()).collect();
    // What a use calls is pasted with it.
    let listings = page.files.iter().filter(|it| it.file.place != Place::Use);
    let named = listings.flat_map(|listing| listing.crates.iter().cloned()).collect();
    let own = book.manifest.own(&named);
    let run =
        |it: &&&Arc<Listing>| matches!(it.file.place, Place::Program | Place::Use);
    let needs = match all.iter().find(run) {
        Some(program) => {
            let package = &program.file.topic.pattern;
            let pauses = all.iter().filter(run).any(|it| it.pauses());
            book.manifest.dependencies_of_program(&crates, &packages, package, pauses)
        }
        None => book.manifest.dependencies(&crates, &packages),
    };
    let mut uses = page.uses();
    if own.is_empty()
        && uses.next().is_some_and(|it| whole_use::dependencies(book, it) == needs)
    {
        // The list below the first program says it all.
        return html! {};
    }
    html! {
        (LINE)
        section.dependencies id=(page.page.topic.dependencies_id()) {
            (LINE) (LINE)
            "All code of this page together needs these lines in your `Cargo.toml`:" (LINE) (LINE)
            (markdown(&fence("toml", &needs))) (LINE)
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
